// SPDX-License-Identifier: Apache-2.0
//
// What happened in a span of time, counted: the regular review of records of activity that 45 CFR
// 164.308(a)(1)(ii)(D) asks for.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "audit/walk.h"
#include "jose/json.h"

namespace signer::audit {

class Report {
 public:
  // How often, and from when to when.
  struct Use {
    std::uint64_t issued = 0;
    std::uint64_t refused = 0;  // with those that were counted and not written
    std::uint64_t failed = 0;
    std::string first;
    std::string last;
  };

  // A record that somebody should look at, one by one.
  struct Notable {
    std::uint64_t index = 0;
    std::string time;
    std::string event;
    std::string what;
  };

  static constexpr std::size_t kNotableMax = 1000;

  void add(const LogLine& line);

  [[nodiscard]] jose::Json to_json() const;

  // For people; lines of at most some 120 characters.
  [[nodiscard]] std::string to_text() const;

 private:
  void add_use(const LogLine& line, const std::string& event);
  void add_notable(const LogLine& line, const std::string& event);

  std::uint64_t records_ = 0;
  std::uint64_t first_index_ = 0;
  std::uint64_t last_index_ = 0;
  std::string first_;
  std::string last_;
  std::map<std::tuple<std::string, std::string, std::string>, Use> callers_;  // uid, unit, grant
  std::map<std::tuple<std::string, std::string>, Use> keys_;                  // key, profile
  std::map<std::tuple<std::string, std::string>, std::uint64_t> refusals_;    // code, rule
  std::map<std::string, std::uint64_t> exempted_;                             // rule and place
  std::map<std::string, std::uint64_t> reported_;
  std::map<std::string, std::uint64_t> events_;
  std::uint64_t suppressed_ = 0;
  std::vector<Notable> notable_;
  std::uint64_t notable_left_out_ = 0;
};

}  // namespace signer::audit
