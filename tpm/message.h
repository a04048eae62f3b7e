// SPDX-License-Identifier: Apache-2.0
//
// What a command and its response must look like before the TSS reads them.  tss2 before 4.1 trusts lengths inside a
// response, so whoever sits on the bus could make it read past its buffer.  Pure, and free of tss2 headers.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "signer/bytes.h"

namespace signer::tpm {

inline constexpr std::size_t kMessageHeaderBytes = 10;
inline constexpr std::size_t kMessageBytesMax = 4096;

// The header of a command (TPM 2.0 Part 1 §18).
struct CommandHeader {
  std::uint16_t tag = 0;
  std::uint32_t code = 0;
};

// Nothing if the bytes are no command of exactly the size that it states.
[[nodiscard]] std::optional<CommandHeader> read_command(ByteView command) noexcept;

// True for the commands that this host has a use for.  All others never leave the process: there is none among them
// that duplicates, imports or rewraps a key (invariant 4), and none that clears the TPM.
[[nodiscard]] bool is_allowed(std::uint32_t command_code) noexcept;

// What is wrong with a response to `command`, or nothing: the size stated is the size received, the tag is the one that
// the outcome calls for, parameters and authorisation areas fill the rest exactly (TPM 2.0 Part 1 §18.10).
[[nodiscard]] std::optional<std::string_view> find_fault(const CommandHeader& command, ByteView response) noexcept;

}  // namespace signer::tpm
