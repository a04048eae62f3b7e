// SPDX-License-Identifier: Apache-2.0

#include "hsm/csr/token_key.h"

#include <libp11.h>
#include <openssl/err.h>
#include <openssl/ui.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "hsm/ckr.h"
#include "hsm/login_latch.h"
#include "hsm/pin.h"
#include "hsm/token_select.h"

namespace signer::p11 {

using channel::host_failure;
using channel::HostError;
using channel::HostResult;
using channel::HostStatus;

namespace {

// What the module answered to the call that failed last, if it got that far.  libp11 queues the CK_RV as the reason of
// an error of a library number of its own.
std::optional<CK_RV> take_module_answer() {
  std::optional<CK_RV> answer;
  while (const unsigned long error = ::ERR_get_error()) {
    if (!answer && ERR_GET_LIB(error) == ::ERR_get_CKR_code()) answer = static_cast<CK_RV>(ERR_GET_REASON(error));
  }
  return answer;
}

std::string answer_text(const std::optional<CK_RV>& answer) {
  return answer ? hsm::ckr_name(*answer) : "failed without an answer of the module";
}

Failure<HostError> unavailable(const std::string& call, const std::string& advice) {
  return host_failure(HostStatus::kUnavailable,
                      "libp11: " + call + ": " + answer_text(take_module_answer()) + "; " + advice);
}

// A text of libp11's as PKCS#11 has it: no zero at the end, filled up with blanks.
template <std::size_t size>
void fill(CK_UTF8CHAR (&field)[size], const char* text) {
  const std::string_view given = text == nullptr ? "" : text;
  std::ranges::fill(field, CK_UTF8CHAR{' '});
  std::ranges::copy(bytes_of(given.substr(0, size)), field);
}

// What libp11 tells of module, slot and token.  A URI that asks for what it does not tell (versions) matches none.
bool is_asked_for(const PKCS11_CTX& context, const PKCS11_SLOT& slot, const hsm::TokenUri& uri) {
  if (slot.token == nullptr || slot.token->initialized == 0) return false;
  CK_INFO module{};
  fill(module.manufacturerID, context.manufacturer);
  fill(module.libraryDescription, context.description);
  CK_SLOT_INFO reader{};
  fill(reader.manufacturerID, slot.manufacturer);
  fill(reader.slotDescription, slot.description);
  CK_TOKEN_INFO token{};
  fill(token.label, slot.token->label);
  fill(token.manufacturerID, slot.token->manufacturer);
  fill(token.model, slot.token->model);
  fill(token.serialNumber, slot.token->serialnr);
  return uri.matches(module, reader, token);
}

std::string name_of(const PKCS11_TOKEN& token) {
  const auto text = [](const char* value) { return std::string(value == nullptr ? "" : value); };
  return "token \"" + text(token.label) + "\" with serial \"" + text(token.serialnr) + "\"";
}

bool has_id(const PKCS11_KEY& key, ByteView id) {
  return key.isPrivate != 0 && std::ranges::equal(ByteView(key.id, key.id_len), id);
}

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// What the token says of its PIN before any attempt.
HostResult<void> check_flags(const PKCS11_TOKEN& token, const std::string& name) {
  const auto refuse = [&name](const std::string& why) {
    return host_failure(HostStatus::kPinRefused, "libp11: login not tried: " + name + " " + why);
  };
  if (token.userPinSet == 0) return refuse("has no user PIN; let the SO set one");
  if (token.userPinLocked != 0) return refuse("reports CKF_USER_PIN_LOCKED; let the SO unlock the PIN");
  if (token.userPinFinalTry != 0) {
    return refuse("reports CKF_USER_PIN_FINAL_TRY; log in once by hand with the right PIN to clear it");
  }
  return {};
}

}  // namespace

Result<Bytes> parse_key_id(std::string_view hex) {
  const auto refuse = [] {
    return fail(ErrorCode::kInvalidRequest,
                "key id: not 1 to " + std::to_string(channel::kKeyIdMax) + " bytes in hexadecimal; write it as 0a1b2c");
  };
  if (hex.empty() || hex.size() % 2 != 0 || hex.size() / 2 > channel::kKeyIdMax) return refuse();
  Bytes id;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const int high = digit_value(hex[i]);
    const int low = digit_value(hex[i + 1]);
    if (high < 0 || low < 0) return refuse();
    id.push_back(static_cast<std::uint8_t>(high * 16 + low));
  }
  return id;
}

// The module, its slots, the login and the key, taken down in the opposite order.
class TokenKey::Connection {
 public:
  explicit Connection(TokenKeySpec spec) : spec_(std::move(spec)) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  HostResult<void> load();
  HostResult<void> find_token();
  HostResult<void> knock() const;
  HostResult<void> log_in(const hsm::Pin& pin);
  HostResult<void> find_key();
  HostResult<void> change_to(const Bytes& key_id);

  [[nodiscard]] EVP_PKEY* key() const noexcept { return key_; }

 private:
  [[nodiscard]] std::string token_name() const { return name_of(*slot_->token); }

  HostResult<void> try_login(const hsm::Pin& pin);

  TokenKeySpec spec_;
  PKCS11_CTX* context_ = nullptr;
  bool loaded_ = false;
  PKCS11_SLOT* slots_ = nullptr;
  unsigned slot_count_ = 0;
  PKCS11_SLOT* slot_ = nullptr;
  bool logged_in_ = false;
  EVP_PKEY* key_ = nullptr;
};

TokenKey::Connection::~Connection() {
  ::EVP_PKEY_free(key_);
  if (logged_in_) ::PKCS11_logout(slot_);
  if (slots_ != nullptr) ::PKCS11_release_all_slots(context_, slots_, slot_count_);
  if (loaded_) ::PKCS11_CTX_unload(context_);
  if (context_ != nullptr) ::PKCS11_CTX_free(context_);
  ::ERR_clear_error();
}

HostResult<void> TokenKey::Connection::load() {
  if (spec_.module.empty() || spec_.module.front() != '/') {
    return host_failure(HostStatus::kInvalid, "libp11: module \"" + spec_.module + "\": not an absolute path");
  }
  if (::access(spec_.module.c_str(), R_OK) != 0) {
    return host_failure(HostStatus::kInvalid, "libp11: module " + spec_.module + ": no such file, or not readable");
  }
  context_ = ::PKCS11_CTX_new();
  if (context_ == nullptr) return unavailable("PKCS11_CTX_new", "try again");
  // Without this a key that wants its PIN at each signature would have it asked for on the terminal.
  ::PKCS11_set_ui_method(context_, const_cast<UI_METHOD*>(::UI_null()), nullptr);
  if (::PKCS11_CTX_load(context_, spec_.module.c_str()) != 0) {
    return unavailable("PKCS11_CTX_load " + spec_.module, "see that it is a PKCS#11 driver and its device is there");
  }
  loaded_ = true;
  return {};
}

HostResult<void> TokenKey::Connection::find_token() {
  SIGNER_ASSIGN_OR_RETURN(const hsm::TokenUri uri, hsm::TokenUri::parse(spec_.token_uri));
  if (::PKCS11_enumerate_slots(context_, &slots_, &slot_count_) != 0) {
    return unavailable("PKCS11_enumerate_slots", "see that the device is there");
  }
  for (PKCS11_SLOT& slot : std::span(slots_, slot_count_)) {
    if (!is_asked_for(*context_, slot, uri)) continue;
    if (slot_ != nullptr) {
      return host_failure(HostStatus::kAmbiguous, "libp11: several tokens match the URI: " + token_name() + ", " +
                                                      name_of(*slot.token) + "; add serial= to the URI");
    }
    slot_ = &slot;
  }
  if (slot_ != nullptr) return {};
  return host_failure(HostStatus::kUnavailable,
                      "libp11: no token matches the URI; see what the module has with signer-hsm token-list");
}

// Makes libp11 open a session.  If that hangs, it must not be in PKCS11_login: that would cost an attempt in the latch.
HostResult<void> TokenKey::Connection::knock() const {
  PKCS11_KEY* keys = nullptr;
  unsigned count = 0;
  if (::PKCS11_enumerate_public_keys(slot_->token, &keys, &count) == 0) return {};
  return unavailable("PKCS11_enumerate_public_keys " + token_name(), "see that the token answers");
}

HostResult<void> TokenKey::Connection::log_in(const hsm::Pin& pin) {
  if (slot_->token->loginRequired == 0) return {};
  SIGNER_RETURN_IF_ERROR(check_flags(*slot_->token, token_name()));
  if (pin.secret.reveal().find('\0') != std::string_view::npos) {
    return host_failure(
        HostStatus::kPinRefused,
        "libp11: login not tried: the PIN has a zero byte, which libp11 cannot pass on; correct the PIN file");
  }
  return try_login(pin);
}

HostResult<void> TokenKey::Connection::try_login(const hsm::Pin& pin) {
  std::optional<hsm::LoginLatch> latch;
  if (!spec_.latch_file.empty()) latch.emplace(spec_.latch_file, spec_.pin_file);
  if (latch) SIGNER_RETURN_IF_ERROR(latch->begin(pin.fingerprint));
  ::ERR_clear_error();
  if (::PKCS11_login(slot_, 0, pin.secret.reveal().data()) == 0) {  // a Secret is a string: zero-terminated
    logged_in_ = true;
    if (latch) latch->answered_yes();
    return {};
  }
  const auto answer = take_module_answer();
  const std::string failed = "libp11: C_Login " + token_name() + ": " + answer_text(answer);
  if (answer && hsm::host_status(*answer) == HostStatus::kPinRefused) {
    if (latch) latch->answered_no(pin.fingerprint, hsm::ckr_name(*answer));
    return host_failure(HostStatus::kPinRefused,
                        failed + "; not retried, correct the PIN file" +
                            (latch ? ", or remove " + latch->path() + " if the PIN is right" : ""));
  }
  // Some tokens say CKR_GENERAL_ERROR to a wrong PIN, so an unclear answer stays in the latch as an attempt.
  return host_failure(HostStatus::kUnavailable, failed + "; see that the token answers before another attempt");
}

HostResult<void> TokenKey::Connection::find_key() {
  PKCS11_KEY* keys = nullptr;
  unsigned count = 0;
  if (::PKCS11_enumerate_keys(slot_->token, &keys, &count) != 0) {
    return unavailable("PKCS11_enumerate_keys " + token_name(), "see that the token answers");
  }
  PKCS11_KEY* found = nullptr;
  for (PKCS11_KEY& key : std::span(keys, count)) {
    if (!has_id(key, spec_.key_id)) continue;
    if (found != nullptr) {
      return host_failure(
          HostStatus::kAmbiguous,
          "libp11: " + token_name() + ": several private keys have this CKA_ID; give each an id of its own");
    }
    found = &key;
  }
  if (found == nullptr) {
    return host_failure(HostStatus::kNotFound, "libp11: " + token_name() +
                                                   ": no private key has this CKA_ID; see that id and token are the "
                                                   "right ones (pkcs11-tool --login --list-objects)");
  }
  key_ = ::PKCS11_get_private_key(found);
  if (key_ == nullptr) {
    const auto answer = take_module_answer();
    return host_failure(HostStatus::kUnsupported, "libp11: PKCS11_get_private_key: " + answer_text(answer) +
                                                      "; only RSA keys, and EC keys with a public object, can be used");
  }
  return {};
}

HostResult<void> TokenKey::Connection::change_to(const Bytes& key_id) {
  ::EVP_PKEY_free(std::exchange(key_, nullptr));
  spec_.key_id = key_id;
  return find_key();
}

TokenKey::TokenKey(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}

TokenKey::TokenKey(TokenKey&& other) noexcept = default;

TokenKey::~TokenKey() = default;

HostResult<TokenKey> TokenKey::open(const TokenKeySpec& spec) {
  SIGNER_ASSIGN_OR_RETURN(const hsm::Pin pin, hsm::read_pin(spec.pin_file));
  auto connection = std::make_unique<Connection>(spec);
  SIGNER_RETURN_IF_ERROR(connection->load());
  SIGNER_RETURN_IF_ERROR(connection->find_token());
  SIGNER_RETURN_IF_ERROR(connection->knock());
  SIGNER_RETURN_IF_ERROR(connection->log_in(pin));
  SIGNER_RETURN_IF_ERROR(connection->find_key());
  return TokenKey(std::move(connection));
}

HostResult<void> TokenKey::change_to(const Bytes& key_id) {
  return connection_->change_to(key_id);
}

EVP_PKEY* TokenKey::get() const noexcept {
  return connection_->key();
}

HostResult<Bytes> TokenKey::sign(ByteView message) const {
  ::ERR_clear_error();
  const std::unique_ptr<EVP_MD_CTX, decltype(&::EVP_MD_CTX_free)> context(::EVP_MD_CTX_new(), &::EVP_MD_CTX_free);
  auto size = static_cast<std::size_t>(::EVP_PKEY_get_size(get()));
  Bytes signature(size);
  if (!context || ::EVP_DigestSignInit(context.get(), nullptr, ::EVP_sha256(), nullptr, get()) != 1 ||
      ::EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) != 1) {
    return fail(signing_error());
  }
  signature.resize(size);
  return signature;
}

HostError TokenKey::signing_error() {
  const auto answer = take_module_answer();
  HostError error{HostStatus::kUnavailable, "libp11: the token did not sign: " + answer_text(answer)};
  if (!answer) return error;
  error.status = hsm::host_status(*answer);
  if (*answer == CKR_MECHANISM_INVALID || *answer == CKR_KEY_FUNCTION_NOT_PERMITTED) {
    error.text +=
        "; libp11 signs RSA with CKM_RSA_PKCS alone, which a key made with mechanism_lock = \"strict\" does not "
        "allow";
  } else {
    error.text += "; see that the token answers, then try again";
  }
  return error;
}

}  // namespace signer::p11
