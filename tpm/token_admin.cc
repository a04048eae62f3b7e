// SPDX-License-Identifier: Apache-2.0

#include "tpm/token_admin.h"

#include <array>
#include <cstdio>
#include <optional>

#include "base/hex.h"
#include "tpm/auth_value.h"
#include "tpm/capabilities.h"
#include "tpm/key_template.h"
#include "tpm/storage_root.h"

namespace signer::tpm {

using channel::HostResult;
using channel::HostStatus;
using jose::Json;

namespace {

std::uint32_t value_of(const Properties& properties, TPM2_PT property) {
  const auto found = properties.find(property);
  return found == properties.end() ? 0 : found->second;
}

std::string handle_text(TPM2_HANDLE handle) {
  std::array<char, 12> text{};
  std::snprintf(text.data(), text.size(), "0x%08x", handle);
  return text.data();
}

// Nothing if there is no key at the handle.
TpmResult<std::optional<StorageRoot>> find_storage_root(EsysContext& context) {
  auto root = read_storage_root(context);
  if (root) return std::optional<StorageRoot>(*root);
  if (root.error().status == HostStatus::kNotFound) return std::optional<StorageRoot>();
  return fail(std::move(root).error());
}

TpmResult<Json> storage_root_json(EsysContext& context, const std::optional<StorageRoot>& root) {
  if (!root) return Json();
  SIGNER_ASSIGN_OR_RETURN(const TPM2B_PUBLIC area, read_area(context, root->handle));
  return Json{{"handle", handle_text(kStorageRootHandle)},
              {"name", to_hex(root->name)},
              {"type", area.publicArea.type == TPM2_ALG_ECC ? "ECC" : "RSA"},
              {"is_storage_key", check_storage_root(area).has_value()},
              {"exempt_from_lockout", (area.publicArea.objectAttributes & TPMA_OBJECT_NODA) != 0}};
}

TpmResult<Json> persistent_json(EsysContext& context) {
  SIGNER_ASSIGN_OR_RETURN(const auto handles, handles_from(context, TPM2_PERSISTENT_FIRST));
  Json list = Json::array();
  for (const TPM2_HANDLE handle : handles) list.push_back(handle_text(handle));
  return list;
}

TpmResult<Json> key_kinds_json(EsysContext& context) {
  struct Kind {
    jose::KeyKind kind;
    const char* name;
  };
  constexpr std::array kKinds{Kind{jose::KeyKind::kRsa2048, "RSA-2048"}, Kind{jose::KeyKind::kRsa3072, "RSA-3072"},
                              Kind{jose::KeyKind::kRsa4096, "RSA-4096"}, Kind{jose::KeyKind::kP256, "P-256"}};
  Json words = Json::array();
  for (const Kind& one : kKinds) {
    const auto offered = check_offered(context, signing_template(one.kind));
    if (offered) words.push_back(one.name);
    if (!offered && offered.error().action != Action::kRefused) return fail(offered.error());
  }
  return words;
}

Json advice_json(const Properties& properties, const Identity& identity, const Json& root) {
  const std::uint32_t permanent = value_of(properties, TPM2_PT_PERMANENT);
  Json advice = Json::array();
  if (identity.simulator) advice.push_back("this TPM says that it is software: its keys are as safe as its files");
  if (root.is_null()) advice.push_back("no storage root key yet: signerctl token init makes one");
  if (!root.is_null() && root["exempt_from_lockout"] == false) {
    advice.push_back(
        "the storage root key, which another tool made, is not exempt from lockout: in lockout no key can be made or "
        "loaded, persistent ones sign on");
  }
  if ((permanent & TPMA_PERMANENT_LOCKOUTAUTHSET) == 0) {
    advice.push_back(
        "no lockout auth is set: whoever may open the TPM can clear it, and with it every key; "
        "set one with tpm2_changeauth -c lockout");
  }
  if ((permanent & TPMA_PERMANENT_OWNERAUTHSET) != 0) {
    advice.push_back(
        "an owner auth is set: keys cannot be made persistent and are loaded for as long as the host runs");
  }
  if ((permanent & TPMA_PERMANENT_INLOCKOUT) != 0) {
    advice.push_back("the TPM is in dictionary attack lockout; persistent keys of signer are exempt and sign on");
  }
  if (value_of(properties, TPM2_PT_HR_PERSISTENT_AVAIL) < 2) {
    advice.push_back("there is room for less than two more persistent keys");
  }
  return advice;
}

TpmResult<Json> describe(EsysContext& context) {
  SIGNER_ASSIGN_OR_RETURN(const Properties properties, read_properties(context));
  SIGNER_ASSIGN_OR_RETURN(const auto root, find_storage_root(context));
  SIGNER_ASSIGN_OR_RETURN(Json root_json, storage_root_json(context, root));
  SIGNER_ASSIGN_OR_RETURN(Json persistent, persistent_json(context));
  SIGNER_ASSIGN_OR_RETURN(Json kinds, key_kinds_json(context));
  const Identity identity = identity_of(properties);
  const std::uint32_t permanent = value_of(properties, TPM2_PT_PERMANENT);
  Json advice = advice_json(properties, identity, root_json);
  const auto is_set = [permanent](TPMA_PERMANENT bit) { return (permanent & bit) != 0; };
  return Json{{"manufacturer", identity.manufacturer},
              {"vendor", identity.vendor},
              {"firmware", identity.firmware},
              {"simulator", identity.simulator},
              {"storage_root", std::move(root_json)},
              {"key_kinds", std::move(kinds)},
              {"persistent_handles", std::move(persistent)},
              {"persistent_room", value_of(properties, TPM2_PT_HR_PERSISTENT_AVAIL)},
              {"lockout",
               {{"failed_tries", value_of(properties, TPM2_PT_LOCKOUT_COUNTER)},
                {"tries_max", value_of(properties, TPM2_PT_MAX_AUTH_FAIL)},
                {"recovery_seconds", value_of(properties, TPM2_PT_LOCKOUT_INTERVAL)},
                {"in_lockout", is_set(TPMA_PERMANENT_INLOCKOUT)}}},
              {"owner_auth_set", is_set(TPMA_PERMANENT_OWNERAUTHSET)},
              {"lockout_auth_set", is_set(TPMA_PERMANENT_LOCKOUTAUTHSET)},
              {"endorsement_auth_set", is_set(TPMA_PERMANENT_ENDORSEMENTAUTHSET)},
              {"clear_disabled", is_set(TPMA_PERMANENT_DISABLECLEAR)},
              {"advice", std::move(advice)}};
}

// Whether the key was made now.
TpmResult<bool> ensure_storage_root(EsysContext& context) {
  SIGNER_ASSIGN_OR_RETURN(const auto root, find_storage_root(context));
  if (!root) {
    SIGNER_RETURN_IF_ERROR(create_storage_root(context));
    return true;
  }
  SIGNER_ASSIGN_OR_RETURN(const TPM2B_PUBLIC area, read_area(context, root->handle));
  SIGNER_RETURN_IF_ERROR(check_storage_root(area));
  return false;
}

TpmResult<Json> initialize(const std::string& tcti) {
  SIGNER_ASSIGN_OR_RETURN(EsysContext context, EsysContext::open(tcti));
  SIGNER_ASSIGN_OR_RETURN(const bool created, ensure_storage_root(context));
  SIGNER_ASSIGN_OR_RETURN(Json token, describe(context));
  token["storage_root_created"] = created;
  return token;
}

TpmResult<Json> list(const std::string& tcti) {
  SIGNER_ASSIGN_OR_RETURN(EsysContext context, EsysContext::open(tcti));
  SIGNER_ASSIGN_OR_RETURN(Json token, describe(context));
  return Json::array({std::move(token)});
}

HostResult<Json> for_operator(const std::string& tcti, TpmResult<Json> result) {
  if (!result) return host_failure(std::move(result).error());
  Json token = std::move(result).value();
  (token.is_array() ? token.front() : token)["tcti"] = tcti;
  return token;
}

}  // namespace

HostResult<Json> initialize_token(const TokenInitRequest& request) {
  if (!is_explicit_tcti(request.tcti)) {
    return channel::host_failure(HostStatus::kInvalid, "tpm: --tcti must name transport and place");
  }
  auto auth =
      request.generate_auth ? read_or_generate_auth_value(request.auth_file) : read_auth_value(request.auth_file);
  if (!auth) return fail(std::move(auth).error());
  return for_operator(request.tcti, initialize(request.tcti));
}

HostResult<Json> describe_tokens(const std::string& tcti) {
  return for_operator(tcti, list(tcti));
}

}  // namespace signer::tpm
