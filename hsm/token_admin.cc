// SPDX-License-Identifier: Apache-2.0

#include "hsm/token_admin.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include "hsm/attributes.h"
#include "hsm/ckr.h"
#include "hsm/module.h"
#include "hsm/pin.h"
#include "hsm/session_pool.h"
#include "hsm/token_select.h"

namespace signer::hsm {

using channel::host_failure;
using channel::HostResult;
using channel::HostStatus;
using jose::Json;

namespace {

constexpr std::size_t kLabelBytes = sizeof(CK_TOKEN_INFO::label);

struct NamedFlag {
  CK_FLAGS flag;
  const char* words;
};

constexpr NamedFlag kTokenFlags[] = {
    {CKF_TOKEN_INITIALIZED, "initialized"},
    {CKF_LOGIN_REQUIRED, "login required"},
    {CKF_USER_PIN_INITIALIZED, "user PIN set"},
    {CKF_WRITE_PROTECTED, "write protected"},
    {CKF_PROTECTED_AUTHENTICATION_PATH, "PIN entered on the device"},
    {CKF_USER_PIN_COUNT_LOW, "user PIN: a wrong one was tried"},
    {CKF_USER_PIN_FINAL_TRY, "user PIN: one try left"},
    {CKF_USER_PIN_LOCKED, "user PIN: locked"},
    {CKF_USER_PIN_TO_BE_CHANGED, "user PIN: must be changed"},
    {CKF_SO_PIN_COUNT_LOW, "SO PIN: a wrong one was tried"},
    {CKF_SO_PIN_FINAL_TRY, "SO PIN: one try left"},
    {CKF_SO_PIN_LOCKED, "SO PIN: locked"},
    {CKF_SO_PIN_TO_BE_CHANGED, "SO PIN: must be changed"},
};

constexpr CK_MECHANISM_TYPE kMechanismsOfInterest[] = {CKM_RSA_PKCS_KEY_PAIR_GEN, CKM_SHA256_RSA_PKCS, CKM_RSA_PKCS,
                                                       CKM_EC_KEY_PAIR_GEN, CKM_ECDSA};

Json flag_words(CK_FLAGS flags) {
  Json words = Json::array();
  for (const NamedFlag& named : kTokenFlags) {
    if ((flags & named.flag) != 0) words.push_back(named.words);
  }
  return words;
}

Json mechanism_words(const CK_FUNCTION_LIST& api, CK_SLOT_ID slot) {
  Json words = Json::array();
  for (const CK_MECHANISM_TYPE type : kMechanismsOfInterest) {
    CK_MECHANISM_INFO info{};
    if (api.C_GetMechanismInfo(slot, type, &info) == CKR_OK) words.push_back(mechanism_name(type));
  }
  return words;
}

bool is_initialized(const SlotToken& token) {
  return (token.token_info.flags & CKF_TOKEN_INITIALIZED) != 0;
}

// The URI to write into the configuration.
std::string uri_of(const CK_TOKEN_INFO& info) {
  P11KitUri* uri = ::p11_kit_uri_new();
  if (uri == nullptr) return {};
  CK_TOKEN_INFO* named = ::p11_kit_uri_get_token_info(uri);
  std::ranges::copy(info.label, named->label);
  std::ranges::copy(info.serialNumber, named->serialNumber);
  char* text = nullptr;
  std::string result;
  if (::p11_kit_uri_format(uri, P11_KIT_URI_FOR_TOKEN, &text) == P11_KIT_URI_OK) result = text;
  std::free(text);  // NOLINT(cppcoreguidelines-no-malloc): p11-kit's
  ::p11_kit_uri_free(uri);
  return result;
}

// Names come from the device and need not be UTF-8.
std::string printable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = '?';
  }
  return text;
}

Json to_json(const SlotToken& token) {
  const CK_TOKEN_INFO& info = token.token_info;
  return {{"label", printable(field_text(info.label))},
          {"serial", printable(field_text(info.serialNumber))},
          {"manufacturer", printable(field_text(info.manufacturerID))},
          {"model", printable(field_text(info.model))},
          {"hardware_version", version_text(info.hardwareVersion)},
          {"firmware_version", version_text(info.firmwareVersion)},
          {"claims_hardware", (token.slot_info.flags & CKF_HW_SLOT) != 0},
          {"flags", flag_words(info.flags)},
          {"uri", is_initialized(token) ? Json(uri_of(info)) : Json()}};
}

HostResult<std::unique_ptr<Module>> load_initialized(const std::string& path) {
  SIGNER_ASSIGN_OR_RETURN(auto module, Module::load(path));
  SIGNER_RETURN_IF_ERROR(module->initialize());
  return module;
}

// The blank token to initialise, if the request is clear and no other bears the label.
HostResult<SlotToken> choose_blank(const CK_FUNCTION_LIST& api, const TokenInitRequest& request) {
  SIGNER_ASSIGN_OR_RETURN(auto tokens, list_tokens(api));
  const auto has_label = [&request](const SlotToken& token) {
    return is_initialized(token) && field_text(token.token_info.label) == request.label;
  };
  if (std::ranges::any_of(tokens, has_label)) {
    return host_failure(HostStatus::kInvalid,
                        "hsm: a token \"" + request.label + "\" is initialized already; nothing was changed");
  }
  std::erase_if(tokens, is_initialized);
  if (tokens.empty()) return host_failure(HostStatus::kInvalid, "hsm: there is no blank token; nothing was changed");
  if (!request.slot_index && tokens.size() > 1) {
    return host_failure(HostStatus::kAmbiguous, "hsm: there are " + std::to_string(tokens.size()) +
                                                    " blank tokens; choose one with --slot-index");
  }
  const std::size_t index = request.slot_index.value_or(0);
  if (index >= tokens.size()) {
    return host_failure(HostStatus::kInvalid,
                        "hsm: --slot-index is not below the number of blank tokens, " + std::to_string(tokens.size()));
  }
  return tokens[index];
}

HostResult<Pin> pin_from(const std::string& path, bool generate) {
  return generate ? read_or_generate_pin(path) : read_pin(path);
}

// Before anything is changed: an initialised token without a user PIN is of no use to anybody.
HostResult<void> check_length(const Secret& pin, const CK_TOKEN_INFO& info, const std::string& file) {
  // The maximum and what is said of the SO's PIN are often guesses of the module's.
  if (info.ulMinPinLen > kPinBytesMax || pin.reveal().size() >= info.ulMinPinLen) return {};
  return host_failure(HostStatus::kInvalid, "hsm: PIN file " + file + ": the token takes no PIN of less than " +
                                                std::to_string(info.ulMinPinLen) +
                                                " bytes; write a longer one into it, or remove it and use "
                                                "--generate-pins; nothing was changed");
}

HostResult<void> set_user_pin(const CK_FUNCTION_LIST& api, CK_SLOT_ID slot, const Secret& so_pin, const Secret& pin) {
  Session session;
  CK_RV rv = Session::open(api, slot, session);
  if (rv != CKR_OK) return fail(host_error("C_OpenSession", "", rv));
  rv = api.C_Login(session.handle(), CKU_SO, read_only(so_pin.reveal()), so_pin.reveal().size());
  if (rv != CKR_OK) return fail(host_error("C_Login as SO", "", rv));
  rv = api.C_InitPIN(session.handle(), read_only(pin.reveal()), pin.reveal().size());
  if (rv != CKR_OK) return fail(host_error("C_InitPIN", "", rv));
  return {};
}

}  // namespace

HostResult<Json> initialize_token(const TokenInitRequest& request) {
  if (request.label.empty() || request.label.size() > kLabelBytes) {
    return host_failure(HostStatus::kInvalid, "hsm: a token label has 1 to 32 bytes");
  }
  if (request.pin_file == request.so_pin_file) {
    return host_failure(HostStatus::kInvalid, "hsm: user and SO need PIN files of their own");
  }
  SIGNER_ASSIGN_OR_RETURN(const auto module, load_initialized(request.module));
  SIGNER_ASSIGN_OR_RETURN(const SlotToken blank, choose_blank(module->api(), request));
  SIGNER_ASSIGN_OR_RETURN(const Pin so_pin, pin_from(request.so_pin_file, request.generate_pins));
  SIGNER_ASSIGN_OR_RETURN(const Pin pin, pin_from(request.pin_file, request.generate_pins));
  SIGNER_RETURN_IF_ERROR(check_length(pin.secret, blank.token_info, request.pin_file));
  std::array<unsigned char, kLabelBytes> label{};
  label.fill(' ');
  std::ranges::copy(request.label, label.begin());
  const std::string_view so_text = so_pin.secret.reveal();
  const CK_RV rv = module->api().C_InitToken(blank.slot, read_only(so_text), so_text.size(), label.data());
  if (rv != CKR_OK) return fail(host_error("C_InitToken", "", rv));
  if (auto set = set_user_pin(module->api(), blank.slot, so_pin.secret, pin.secret); !set) {
    channel::HostError error = std::move(set).error();
    error.text += "; the token is initialized and has no user PIN yet";
    return fail(std::move(error));
  }
  // Modules give an initialised token its serial and slot at the next start.
  module->finalize();
  SIGNER_RETURN_IF_ERROR(module->initialize());
  SIGNER_ASSIGN_OR_RETURN(const auto tokens, list_tokens(module->api()));
  for (const SlotToken& token : tokens) {
    if (is_initialized(token) && field_text(token.token_info.label) == request.label) return to_json(token);
  }
  return host_failure(HostStatus::kUnavailable, "hsm: the new token \"" + request.label + "\" does not show up");
}

HostResult<Json> describe_tokens(const std::string& module_path) {
  SIGNER_ASSIGN_OR_RETURN(const auto module, load_initialized(module_path));
  SIGNER_ASSIGN_OR_RETURN(const auto tokens, list_tokens(module->api()));
  Json list = Json::array();
  for (const SlotToken& token : tokens) {
    Json entry = to_json(token);
    entry["mechanisms"] = mechanism_words(module->api(), token.slot);
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace signer::hsm
