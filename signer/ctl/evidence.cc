// SPDX-License-Identifier: Apache-2.0

#include "ctl/evidence.h"

#include <openssl/rand.h>

#include <array>
#include <filesystem>

#include "base/file.h"
#include "ctl/input.h"
#include "ctl/text.h"
#include "evidence/bundle.h"
#include "evidence/certificates.h"
#include "evidence/enrolment.h"
#include "evidence/report.h"
#include "evidence/verify.h"
#include "jose/base64url.h"
#include "signer/client.h"
#include "signer/key_set.h"

namespace signer::ctl {

namespace {

constexpr std::size_t kNonceBytes = 32;
constexpr std::size_t kNonceBytesMin = 16;
constexpr std::size_t kCertificateFilesMax = 4096;
constexpr std::size_t kEnrolledBytesMax = 64UL * 1024;
constexpr int kCollectSeconds = 65;  // a throw-away key pair in a slow token takes its time

Error unusable(const std::string& text) {
  return {ErrorCode::kInvalidRequest, "evidence: " + text};
}

bool is_nonce(const std::string& text) {
  const auto bytes = jose::base64url_decode(text);
  return bytes && bytes->size() >= kNonceBytesMin && bytes->size() <= kNonceBytes;
}

// The certificates of one file, or of all files of a directory.
Result<void> take_certificates(const std::string& place, std::vector<Bytes>& into) {
  std::error_code error;
  std::vector<std::filesystem::path> files;
  if (std::filesystem::is_directory(place, error)) {
    SIGNER_ASSIGN_OR_RETURN(const auto names, list_files(place, ""));
    for (const std::string& name : names) files.push_back(std::filesystem::path(place) / name);
    if (files.size() > kCertificateFilesMax) return fail(unusable(place + " has too many files"));
  } else {
    files.emplace_back(place);
  }
  for (const auto& file : files) {
    // Of what lies in a directory nobody said that it may be a pipe.
    SIGNER_ASSIGN_OR_RETURN(const std::string text, file == place
                                                        ? read_file_or_pipe(file, evidence::kCertificateFileBytesMax)
                                                        : read_file(file, evidence::kCertificateFileBytesMax));
    auto certificates = evidence::read_certificates(bytes_of(text));
    if (!certificates && files.size() > 1) continue;  // a README beside the roots makes none of them worse
    if (!certificates) return fail(unusable(file.string() + ": " + certificates.error().text));
    for (Bytes& certificate : *certificates) into.push_back(std::move(certificate));
  }
  if (into.empty()) return fail(unusable(place + " holds no certificate"));
  return {};
}

Result<evidence::EnrolledKey> read_enrolled_file(const std::string& file) {
  SIGNER_ASSIGN_OR_RETURN(const std::string text, read_file_or_pipe(file, kEnrolledBytesMax));
  auto key = evidence::read_enrolled(text);
  if (!key)
    return fail(unusable(file + " is not what `signerctl evidence enroll-ak accept` writes; enrol the key anew"));
  return key;
}

}  // namespace

Result<evidence::Trust> read_trust(const EvidenceOptions& options) {
  evidence::Trust trust;
  for (const std::string& place : options.roots) SIGNER_RETURN_IF_ERROR(take_certificates(place, trust.roots));
  trust.intermediates = trust.roots;  // a directory of roots holds the issuers below them too
  for (const std::string& place : options.attestation_roots) {
    SIGNER_RETURN_IF_ERROR(take_certificates(place, trust.attestation_roots));
  }
  for (const std::string& file : options.enrolled) {
    SIGNER_ASSIGN_OR_RETURN(evidence::EnrolledKey key, read_enrolled_file(file));
    trust.enrolled.push_back(std::move(key));
  }
  trust.allow_simulator = options.allow_simulator;
  trust.now = options.now;
  return trust;
}

Outcome evidence_nonce(const Context& context) {
  std::array<std::uint8_t, kNonceBytes> nonce{};
  if (::RAND_bytes(nonce.data(), static_cast<int>(nonce.size())) != 1) {
    return failed(context, Exit::kUsage, {ErrorCode::kInternal, "evidence: RAND_bytes failed"});
  }
  const std::string text = jose::base64url_encode(nonce);
  return {Exit::kYes, context.json ? machine({{"nonce", text}}) : text + "\n", ""};
}

Outcome evidence_collect(const Context& context, const EvidenceOptions& options) {
  if (!is_name(options.key))
    return failed(context, Exit::kUsage, unusable("--key is 1 to 64 characters of a-z 0-9 . _ -"));
  if (!is_nonce(options.nonce)) {
    return failed(context, Exit::kUsage,
                  unusable("--nonce is base64url of 16 to 32 bytes; whoever judges the evidence makes one with: "
                           "signerctl evidence nonce"));
  }
  const auto timeout = std::chrono::seconds(context.timeout_seconds > 0 ? context.timeout_seconds : kCollectSeconds);
  auto client = Client::connect({.socket = context.socket, .timeout = timeout});
  if (!client) return failed(context, client.error());
  const auto reply = client->request(Client::Method::kGet, "/v1/evidence?key=" + options.key +
                                                               "&nonce=" + options.nonce + "&probes=" + options.probes);
  if (!reply) return failed(context, reply.error());
  if (const auto refusal = refusal_of(*reply)) return failed(context, *refusal);
  const auto bundle = evidence::read_bundle(reply->body);
  if (!bundle) return failed(context, Exit::kUnavailable, bundle.error());
  if (options.out == "-") return {Exit::kYes, reply->body, ""};
  if (const auto written = write_file_atomically(options.out, reply->body, 0644); !written)
    return failed(context, Exit::kUsage, written.error());
  const jose::Json done = {{"key", options.key}, {"file", options.out}, {"bytes", reply->body.size()}};
  return {Exit::kYes, context.json ? machine(done) : "Written to " + printable(options.out) + ".\n", ""};
}

Outcome evidence_verify(const Context& context, const EvidenceOptions& options) {
  const auto expected = evidence::grade_from(options.expect_grade);
  if (!expected || *expected == evidence::Grade::kFailed) {
    return failed(context, Exit::kUsage, unusable("--expect-grade is software, claimed, probed or attested"));
  }
  if (options.no_nonce ? !options.nonce.empty() : !is_nonce(options.nonce)) {
    return failed(
        context, Exit::kUsage,
        unusable("--nonce is base64url of 16 to 32 bytes, the one that the operator was given; without one the "
                 "bundle may be an old one, which --no-nonce puts up with"));
  }
  const auto trust = read_trust(options);
  if (!trust) return failed(context, Exit::kUsage, trust.error());
  evidence::Expectation expectation;
  expectation.nonce = options.nonce;
  if (!options.key.empty()) expectation.key = options.key;
  if (!options.jwks.empty()) {
    auto jwks = read_file_or_pipe(options.jwks, KeySet::kJwksBytesMax);
    if (!jwks) return failed(context, Exit::kUsage, jwks.error());
    expectation.jwks = *std::move(jwks);
  }
  const auto file = read_source(options.file, context.input_fd, evidence::kBundleBytesMax);
  if (!file) return failed(context, Exit::kUsage, file.error());
  const evidence::Verdict verdict = evidence::verify_bundle(*file, expectation, *trust);
  const bool enough = verdict.grade != evidence::Grade::kFailed && verdict.grade >= *expected;
  if (context.json) {
    jose::Json json = evidence::to_json(verdict);
    json["expected_grade"] = options.expect_grade;
    json["enough"] = enough;
    return {enough ? Exit::kYes : Exit::kNo, machine(json), ""};
  }
  std::string text = evidence::to_text(verdict);
  if (!enough) text += "Expected was " + options.expect_grade + " or better.\n";
  return {enough ? Exit::kYes : Exit::kNo, std::move(text), ""};
}

}  // namespace signer::ctl
