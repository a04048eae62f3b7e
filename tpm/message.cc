// SPDX-License-Identifier: Apache-2.0

#include "tpm/message.h"

#include <algorithm>
#include <array>

namespace signer::tpm {

namespace {

constexpr std::uint16_t kTagNoSessions = 0x8001;
constexpr std::uint16_t kTagSessions = 0x8002;
constexpr std::size_t kSessionsMax = 3;

struct Command {
  std::uint32_t code;
  bool returns_handle;
};

constexpr std::array<Command, 18> kCommands{{
    {0x120, false},  // EvictControl
    {0x131, true},   // CreatePrimary
    {0x147, false},  // ActivateCredential
    {0x148, false},  // Certify
    {0x14a, false},  // CertifyCreation
    {0x14e, false},  // NV_Read
    {0x151, false},  // PolicySecret
    {0x153, false},  // Create
    {0x157, true},   // Load
    {0x158, false},  // Quote
    {0x15d, false},  // Sign
    {0x165, false},  // FlushContext
    {0x169, false},  // NV_ReadPublic
    {0x173, false},  // ReadPublic
    {0x176, true},   // StartAuthSession
    {0x17a, false},  // GetCapability
    {0x17e, false},  // PCR_Read
    {0x18a, false},  // TestParms
}};

const Command* find(std::uint32_t code) noexcept {
  const auto found = std::ranges::find(kCommands, code, &Command::code);
  return found == kCommands.end() ? nullptr : &*found;
}

// Big-endian numbers off the front; zero once there are too few bytes, and then `short_` stays true.
class Cursor {
 public:
  explicit Cursor(ByteView bytes) noexcept : rest_(bytes) {}

  std::uint32_t number(std::size_t size) noexcept {
    std::uint32_t value = 0;
    for (const std::uint8_t byte : take(size)) value = (value << 8U) | byte;
    return value;
  }

  void sized_buffer() noexcept { take(number(2)); }

  ByteView take(std::size_t size) noexcept {
    if (size > rest_.size()) {
      short_ = true;
      rest_ = {};
      return {};
    }
    const ByteView taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }

  [[nodiscard]] bool is_short() const noexcept { return short_; }

  [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }

 private:
  ByteView rest_;
  bool short_ = false;
};

// One to three of { nonce, attributes, hmac } and nothing after them.
bool are_authorizations(Cursor& rest) noexcept {
  std::size_t count = 0;
  do {
    rest.sized_buffer();
    rest.take(1);
    rest.sized_buffer();
    ++count;
  } while (!rest.is_short() && !rest.empty() && count < kSessionsMax);
  return !rest.is_short() && rest.empty();
}

}  // namespace

std::optional<CommandHeader> read_command(ByteView command) noexcept {
  Cursor cursor(command);
  CommandHeader header;
  header.tag = static_cast<std::uint16_t>(cursor.number(2));
  const std::uint32_t size = cursor.number(4);
  header.code = cursor.number(4);
  const bool known_tag = header.tag == kTagNoSessions || header.tag == kTagSessions;
  if (cursor.is_short() || size != command.size() || !known_tag) return std::nullopt;
  return header;
}

bool is_allowed(std::uint32_t command_code) noexcept {
  return find(command_code) != nullptr;
}

std::optional<std::string_view> find_fault(const CommandHeader& command, ByteView response) noexcept {
  if (response.size() > kMessageBytesMax) return "it is longer than any response";
  Cursor cursor(response);
  const auto tag = static_cast<std::uint16_t>(cursor.number(2));
  const std::uint32_t size = cursor.number(4);
  const std::uint32_t code = cursor.number(4);
  if (cursor.is_short()) return "it is shorter than a header";
  if (size != response.size()) return "the size that it states is not the size received";
  if (code != 0) {
    if (tag == 0x00c4) return "it is a TPM 1.2's";
    return tag == kTagNoSessions && cursor.empty()
               ? std::nullopt
               : std::optional<std::string_view>("an error has something beside it");
  }
  if (tag != command.tag) return "its tag is not the command's";
  if (tag == kTagNoSessions) return std::nullopt;
  const Command* known = find(command.code);
  if (known != nullptr && known->returns_handle) cursor.take(4);
  cursor.take(cursor.number(4));  // the parameters
  if (cursor.is_short()) return "its parameters end behind it";
  if (!are_authorizations(cursor)) return "its authorisation area does not fit";
  return std::nullopt;
}

}  // namespace signer::tpm
