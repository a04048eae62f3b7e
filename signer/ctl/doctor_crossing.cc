// SPDX-License-Identifier: Apache-2.0
//
// The second opinion: what signerd signed with a key, signed again with it by OpenSSL through libp11, in a process of
// its own (docs/adr/0003).  Both ways are RSASSA-PKCS1-v1_5, so the bytes must be the same (RFC 8017 §8.2).

#include <unistd.h>

#include <cerrno>
#include <sstream>

#include "base/file.h"
#include "base/hex.h"
#include "ctl/doctor.h"
#include "ctl/helper.h"
#include "ctl/text.h"

namespace signer::ctl {

namespace {

using jose::Json;
using Weight = Finding::Weight;

// A key and what signerd signed with it.
struct Crossing {
  keyring::KeyVersion version;
  std::string jws;
};

Finding skipped_crossing(const std::string& about, const std::string& why) {
  return {Weight::kSkipped, about, "its signature was not crossed with libp11's: " + why, ""};
}

std::string signing_input_of(std::string_view jws) {
  return std::string(jws.substr(0, jws.rfind('.')));
}

bool is_ready_rs256(const Json& keys, const keyring::KeyVersion& version) {
  if (version.state != keyring::KeyState::kActive || version.public_key.algorithm != Algorithm::kRs256) return false;
  for (const Json& key : keys) {
    if (key.is_object() && cell(key, "name") == version.name && cell(key, "kid") == version.kid)
      return cell(key, "ready") == "yes";
  }
  return false;
}

// One start of signer-p11-csr, and so one login, for all keys of the token.
Result<std::vector<std::string>> sign_through_libp11(const config::Config& config, const config::Token& token,
                                                     const std::vector<Crossing>& crossings,
                                                     const std::string& csr_program) {
  SIGNER_ASSIGN_OR_RETURN(std::string program, find_helper(csr_program, "signer-p11-csr"));
  HelperRun asked;
  asked.program = std::move(program);
  asked.environment = token.environment;
  asked.arguments = {"--module",   token.module,   "--token-uri",  token.uri,
                     "--pin-file", token.pin_file, "--latch-file", config.state_dir + "/latch/" + token.name + ".json"};
  for (const Crossing& one : crossings) {
    asked.arguments.insert(asked.arguments.end(), {"--sign", to_hex(one.version.key_id) + ":" + one.version.kid + ":" +
                                                                 signing_input_of(one.jws)});
  }
  SIGNER_ASSIGN_OR_RETURN(const HelperReply reply, run_helper(asked));
  if (reply.status != 0) return fail(ErrorCode::kTokenUnavailable, reply.err.substr(0, reply.err.find('\n')));
  std::vector<std::string> signatures;
  std::istringstream lines(reply.out);
  for (std::string line; std::getline(lines, line);) signatures.push_back(line);
  if (signatures.size() != crossings.size())
    return fail(ErrorCode::kInternal, "signer-p11-csr answered with another number of signatures");
  return signatures;
}

void cross_token(const config::Config& config, const config::Token& token, const std::vector<Crossing>& crossings,
                 const std::string& csr_program, Findings& findings) {
  const std::string about = "token " + token.name;
  if (!token.pin_file.empty() && ::access(token.pin_file.c_str(), R_OK) != 0) {
    findings.push_back(skipped_crossing(about, "its PIN file " + token.pin_file + ": " + errno_text(errno)));
    return;
  }
  const auto signatures = sign_through_libp11(config, token, crossings, csr_program);
  if (!signatures) {
    findings.push_back(skipped_crossing(about, signatures.error().text));
    return;
  }
  for (std::size_t i = 0; i < crossings.size(); ++i)
    findings.push_back(compare_signatures(crossings[i].version.name, crossings[i].jws, (*signatures)[i]));
}

}  // namespace

Finding compare_signatures(const std::string& key, std::string_view jws, std::string_view other) {
  const std::string about = "key " + key;
  const std::size_t dot = jws.rfind('.');
  if (dot == std::string_view::npos || dot + 1 == jws.size() || other.empty())
    return skipped_crossing(about, "there is no signature to compare");
  if (jws.substr(dot + 1) == other)
    return {Weight::kNote, about, "signerd's signature and one made through libp11 are the same bytes", ""};
  return {
      Weight::kWrong, about,
      "signerd's signature and one made through libp11 over the same input differ, though RS256 always makes the same "
      "bytes",
      "stop signerd and find out which of the two signs with another key: compare token, module and CKA_ID"};
}

Findings cross_with_libp11(const config::Config& config, const keyring::LoadedVersions& loaded, const Status& status,
                           const JwsOf& jws_of, const std::string& csr_program) {
  Findings findings;
  for (const config::Token& token : config.tokens) {
    if (token.driver != config::DriverKind::kPkcs11) continue;
    std::vector<Crossing> crossings;
    for (const keyring::KeyVersion& version : loaded.versions) {
      if (version.token != token.name || !is_ready_rs256(status.keys, version)) continue;
      auto jws = jws_of(version.name);
      if (!jws) {
        findings.push_back(skipped_crossing("key " + version.name, jws.error().text));
      } else {
        crossings.push_back({version, *std::move(jws)});
      }
    }
    if (!crossings.empty()) cross_token(config, token, crossings, csr_program, findings);
  }
  return findings;
}

}  // namespace signer::ctl
