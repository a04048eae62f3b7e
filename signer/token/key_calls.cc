// SPDX-License-Identifier: Apache-2.0
//
// What is asked of a host about its keys; how the calls are sent and answered is in token_service.cc.
#include <utility>  // Boost 1.74 with g++ 12 needs it first

#include <algorithm>

#include "channel/frames.h"
#include "token/token_service.h"

namespace signer::token {

using channel::HostStatus;

void TokenService::describe_key(Bytes key_id, KeyReply reply) {
  call(control_call<channel::KeyDescription>(
      [key_id = std::move(key_id)](std::uint64_t id) { return channel::encode_describe(id, key_id); },
      channel::decode_key, std::move(reply), settings_.open_timeout));
}

void TokenService::inspect_key(Bytes key_id, KeyReply reply) {
  check(control_call<channel::KeyDescription>(
      [key_id = std::move(key_id)](std::uint64_t id) { return channel::encode_inspect(id, key_id); },
      channel::decode_key, std::move(reply), settings_.open_timeout));
}

void TokenService::describe_hmac_key(Bytes key_id, HmacKeyReply reply) {
  check(control_call<channel::HmacKeyDescription>(
      [key_id = std::move(key_id)](std::uint64_t id) { return channel::encode_describe_hmac_key(id, key_id); },
      channel::decode_hmac_key, std::move(reply), settings_.open_timeout));
}

void TokenService::generate_key(const channel::KeyRequest& request, KeyReply reply) {
  generate(control_call<channel::KeyDescription>(
      [request](std::uint64_t id) { return channel::encode_generate(id, request); }, channel::decode_key,
      std::move(reply), settings_.generate_timeout));
}

void TokenService::attest_key(const channel::AttestRequest& request, SteadyTime deadline, AttestationReply reply) {
  auto wanted =
      control_call<channel::Attestation>([request](std::uint64_t id) { return channel::encode_attest(id, request); },
                                         channel::decode_attested, std::move(reply), settings_.generate_timeout);
  wanted.deadline = deadline;
  wake_by(deadline);
  generate(std::move(wanted));
}

void TokenService::generate_hmac_key(const channel::HmacKeyRequest& request, HmacKeyReply reply) {
  generate(control_call<channel::HmacKeyDescription>(
      [request](std::uint64_t id) { return channel::encode_generate_hmac_key(id, request); }, channel::decode_hmac_key,
      std::move(reply), settings_.generate_timeout));
}

void TokenService::call(ControlCall call) {
  calls_.push_back(std::move(call));
  send_control();
}

void TokenService::check(ControlCall wanted) {
  wanted.checks = true;
  call(std::move(wanted));
}

void TokenService::generate(ControlCall wanted) {
  if (state_ != TokenState::kReady) {
    return wanted.refuse({HostStatus::kUnavailable, "token " + name() + " is " + std::string(to_string(state_))});
  }
  wanted.generates = true;
  call(std::move(wanted));
}

bool TokenService::has_checks() const {
  return std::any_of(calls_.begin(), calls_.end(), [](const ControlCall& call) { return call.checks; });
}

}  // namespace signer::token
