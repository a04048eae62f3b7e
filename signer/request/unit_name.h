// SPDX-License-Identifier: Apache-2.0
//
// Names of systemd units that processes run in.
#pragma once

#include <algorithm>
#include <string_view>

namespace signer {

// Whether `name` is one that systemd would give to anything: 1 to 255 of its characters (systemd.unit(5)).
[[nodiscard]] inline bool is_plain_unit_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view(":-_.\\@").find(c) != std::string_view::npos;
  };
  return !name.empty() && name.size() <= 255 && std::all_of(name.begin(), name.end(), allowed);
}

// Whether `name` is a service or scope that a process can be in: "idp.service", "idp@2.service", "session-1.scope"; not
// a template ("idp@.service"), which nothing runs in.
[[nodiscard]] inline bool is_process_unit(std::string_view name) {
  if (!is_plain_unit_name(name)) return false;
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || name[dot - 1] == '@' || name[0] == '@') return false;
  const std::string_view kind = name.substr(dot);
  return kind == ".service" || kind == ".scope";
}

}  // namespace signer
