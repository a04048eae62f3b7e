// SPDX-License-Identifier: Apache-2.0

#include "ctl/csr.h"

#include <algorithm>

#include "base/hex.h"
#include "config/config.h"
#include "ctl/helper.h"
#include "ctl/text.h"
#include "ctl/token.h"

namespace signer::ctl {

namespace {

using keyring::KeyState;
using keyring::KeyVersion;

Result<HelperRun> csr_run(const CsrOptions& options) {
  SIGNER_ASSIGN_OR_RETURN(const config::Config config, config::load(options.config));
  SIGNER_ASSIGN_OR_RETURN(const keyring::LoadedVersions loaded, keyring::load_versions(config.state_dir));
  SIGNER_ASSIGN_OR_RETURN(const KeyVersion version, choose_version(loaded, options.key, options.kid));
  SIGNER_ASSIGN_OR_RETURN(const config::Token token, find_token(config, version.token));
  if (token.driver == config::DriverKind::kTpm2) {
    return fail(ErrorCode::kInvalidRequest,
                "key csr: key '" + version.name + "' is in the TPM '" + token.name +
                    "', and this command speaks to PKCS#11 tokens alone; use openssl req with tpm2-openssl and the "
                    "key's file " +
                    config.state_dir + "/tpm/" + token.name + "/" + to_hex(version.key_id) +
                    ".pem, as docs/tpm.md shows");
  }
  const std::string& pin_file = options.pin_file.empty() ? token.pin_file : options.pin_file;
  if (!pin_file.starts_with("/") && options.pin_file.empty()) {
    return fail(ErrorCode::kInvalidRequest,
                "key csr: token '" + token.name + "' has no PIN file that we could name; say --pin-file");
  }
  SIGNER_ASSIGN_OR_RETURN(std::string program, find_helper(options.csr_program, "signer-p11-csr"));
  return HelperRun{.program = std::move(program),
                   .arguments = {"--module", token.module, "--token-uri", token.uri, "--key-id", to_hex(version.key_id),
                                 "--kid", version.kid, "--pin-file", pin_file, "--latch-file",
                                 config.state_dir + "/latch/" + token.name + ".json", "--subject", options.subject},
                   .environment = token.environment};
}

bool is_pem(std::string_view text) {
  return text.starts_with("-----BEGIN CERTIFICATE REQUEST-----\n") &&
         text.find("\n-----END CERTIFICATE REQUEST-----") != std::string_view::npos;
}

}  // namespace

Result<KeyVersion> choose_version(const keyring::LoadedVersions& loaded, const std::string& key,
                                  const std::string& kid) {
  std::vector<KeyVersion> found;
  for (const KeyVersion& version : loaded.versions) {
    if (version.name == key && (kid.empty() || version.kid == kid)) found.push_back(version);
  }
  if (found.size() == 1) return found.front();
  for (const auto& [name, problem] : loaded.problems) {
    if (name == key)
      return fail(ErrorCode::kInternal, "key csr: the metadata of key '" + key + "' is damaged: " + problem);
  }
  if (found.empty()) {
    return fail(ErrorCode::kNotFound, "key csr: no metadata of key '" + key + "'" +
                                          (kid.empty() ? "" : " with this kid") +
                                          "; make it with signerctl key create, or run as the daemon's user");
  }
  const auto inactive = [](const KeyVersion& version) { return version.state != KeyState::kActive; };
  std::string kids;
  for (const KeyVersion& version : found) kids += (kids.empty() ? "" : ", ") + version.kid;
  found.erase(std::remove_if(found.begin(), found.end(), inactive), found.end());
  if (found.size() == 1) return found.front();
  return fail(ErrorCode::kNotFound, "key csr: key '" + key + "' has several versions; say --kid, one of: " + kids);
}

Outcome key_csr(const Context& context, const CsrOptions& options) {
  if (!options.subject.starts_with('/')) {
    return failed(context, Exit::kUsage,
                  {ErrorCode::kInvalidRequest, "key csr: --subject is such as \"/CN=issuer/O=Example\""});
  }
  const auto run = csr_run(options);
  if (!run) return failed(context, Exit::kUsage, run.error());
  const auto reply = run_helper(*run);
  if (!reply) return failed(context, Exit::kUnavailable, reply.error());
  if (reply->status != 0) return helper_failed(context, "signer-p11-csr", *reply);
  if (!is_pem(reply->out)) {
    return failed(context, Exit::kUnavailable,
                  {ErrorCode::kInternal, "key csr: signer-p11-csr printed no certificate request"});
  }
  if (context.json) return {Exit::kYes, machine({{"key", options.key}, {"pem", printable_lines(reply->out)}}), ""};
  return {Exit::kYes, printable_lines(reply->out), ""};
}

}  // namespace signer::ctl
