// SPDX-License-Identifier: Apache-2.0

#include "evidence/statement.h"

#include <algorithm>

#include "base/hex.h"
#include "evidence/bundle.h"
#include "evidence/strict_object.h"
#include "jose/base64url.h"
#include "jose/hash.h"

namespace signer::evidence {

namespace {

constexpr std::size_t kNoteBytesMax = 64UL * 1024;
constexpr std::size_t kVendorBytesMax = 64UL * 1024;
constexpr std::size_t kNonceBytesMin = 16;
constexpr std::size_t kNonceBytesMax = 32;
constexpr std::uint64_t kMadeMax = 253'402'300'799;  // 9999-12-31T23:59:59Z

void read_daemon(const jose::Json& value, Statement& statement, Fault& fault) {
  StrictObject object(value, "statement.daemon", fault);
  statement.daemon_version = object.text("version");
  statement.build_id = object.text("build_id");
  statement.config_sha256 = object.text("config_sha256");
  object.nothing_else();
  if (!from_hex(statement.build_id)) fault.note("statement.daemon.build_id", "no lower-case hexadecimal");
  const auto hash = jose::base64url_decode(statement.config_sha256);
  if (!hash || hash->size() != sizeof(jose::Sha256Digest)) {
    fault.note("statement.daemon.config_sha256", "no SHA-256 in base64url");
  }
}

void read_audit(const jose::Json& value, Statement& statement, Fault& fault) {
  StrictObject object(value, "statement.audit", fault);
  statement.checkpoint = object.text("checkpoint", kNoteBytesMax);
  statement.vkey = object.text("vkey");
  object.nothing_else();
}

void read_vendor(const jose::Json& value, Statement& statement, Fault& fault) {
  StrictObject object(value, "statement.vendor", fault);
  const auto data = jose::base64url_decode(object.text("data", (kVendorBytesMax * 4 + 2) / 3));
  const std::string hash = object.text("sha256");
  object.nothing_else();
  if (!data) return fault.note("statement.vendor.data", "no base64url");
  if (hash != to_hex(jose::sha256(*data))) fault.note("statement.vendor.sha256", "not the hash of the data");
  statement.vendor_data = *data;
}

void read_nonce(StrictObject& object, Statement& statement, Fault& fault) {
  statement.nonce = object.text("nonce");
  const auto bytes = jose::base64url_decode(statement.nonce);
  if (!bytes || bytes->size() < kNonceBytesMin || bytes->size() > kNonceBytesMax) {
    return fault.note("statement.nonce", "no 16 to 32 bytes in base64url");
  }
  statement.nonce_bytes = *bytes;
}

}  // namespace

Result<Statement> read_statement(const jose::Json& value) {
  Fault fault;
  Statement statement;
  StrictObject object(value, "statement", fault);
  if (object.text("format") != kFormat) fault.note("statement.format", "not " + std::string(kFormat));
  statement.fmt = object.text("fmt");
  if (statement.fmt != "pkcs11" && statement.fmt != "tpm") fault.note("statement.fmt", "neither pkcs11 nor tpm");
  const std::uint64_t made = object.number("made");
  if (made > kMadeMax) fault.note("statement.made", "no time before the year 10000");
  statement.made = static_cast<std::int64_t>(std::min(made, kMadeMax));
  read_nonce(object, statement, fault);
  statement.key = object.text("key");
  statement.kid = object.text("kid");
  if (const jose::Json* const jwk = object.require("jwk")) statement.jwk = *jwk;
  if (const jose::Json* const daemon = object.require("daemon")) read_daemon(*daemon, statement, fault);
  if (const jose::Json* const audit = object.find("audit")) read_audit(*audit, statement, fault);
  if (const jose::Json* const vendor = object.find("vendor")) read_vendor(*vendor, statement, fault);
  if (!fault) {
    if (const jose::Json* const part = object.require(statement.fmt)) statement.part = *part;
  }
  object.nothing_else();
  if (fault) return fail(ErrorCode::kInvalidRequest, fault.text());
  return statement;
}

}  // namespace signer::evidence
