// SPDX-License-Identifier: Apache-2.0
//
// From an RFC 7512 URI to exactly one token.
#pragma once

#include <p11-kit/uri.h>

#include <memory>
#include <string>
#include <vector>

#include "channel/values.h"
#include "hsm/pkcs11.h"

namespace signer::hsm {

struct SlotToken {
  CK_SLOT_ID slot = 0;
  CK_SLOT_INFO slot_info{};
  CK_TOKEN_INFO token_info{};
};

// Every slot with a readable token, initialised or not.  Slots whose token cannot be read are left out and logged.
[[nodiscard]] channel::HostResult<std::vector<SlotToken>> list_tokens(const CK_FUNCTION_LIST& api);

// A URI that names tokens: by label, serial, manufacturer, model, slot or library attributes; never by slot number.
class TokenUri {
 public:
  // kInvalid for another scheme, bad syntax, unknown attributes and all that does not belong in a configuration: a
  // PIN (pin-value, pin-source), a module (module-name, module-path), an object (object, id, type), a slot-id.
  // The text of the refusal never repeats the URI, which may hold a PIN.
  [[nodiscard]] static channel::HostResult<TokenUri> parse(const std::string& uri);

  // Whether the token is one of those that the URI names.
  [[nodiscard]] bool matches(const CK_INFO& module, const CK_SLOT_INFO& slot, const CK_TOKEN_INFO& token) const;

  // The one initialised token that matches.  kAmbiguous names the candidates; kUnavailable if none is there now.
  [[nodiscard]] channel::HostResult<SlotToken> find(const CK_FUNCTION_LIST& api) const;

 private:
  struct Free {
    void operator()(P11KitUri* uri) const noexcept { ::p11_kit_uri_free(uri); }
  };

  explicit TokenUri(std::unique_ptr<P11KitUri, Free> uri) : uri_(std::move(uri)) {}

  std::unique_ptr<P11KitUri, Free> uri_;
};

// `label "demo" serial "0123"`, for people.
[[nodiscard]] std::string token_text(const CK_TOKEN_INFO& info);

}  // namespace signer::hsm
