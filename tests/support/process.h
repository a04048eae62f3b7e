// SPDX-License-Identifier: Apache-2.0
//
// Real programs run by tests: started with arguments, environment and input, killed when the test ends.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace signer::test {

struct Finished {
  int status = -1;  // exit status; 128 + signal if it was killed
  std::string out;
  std::string err;
};

using Environment = std::map<std::string, std::string>;

// Runs a program to its end, or kills it at the limit (status 128 + 9).
[[nodiscard]] Finished run(const std::vector<std::string>& arguments, std::string_view input = {},
                           const Environment& environment = {},
                           std::chrono::milliseconds limit = std::chrono::seconds(60));

// As run, but `environment` is all there is.
[[nodiscard]] Finished run_with_only(const Environment& environment, const std::vector<std::string>& arguments,
                                     std::string_view input = {});

// A program in the background whose stderr goes to a file.
class Background {
 public:
  Background(const std::vector<std::string>& arguments, const std::string& log_file,
             const Environment& environment = {});
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;
  ~Background();

  [[nodiscard]] pid_t pid() const { return pid_; }

  void signal(int number) const;

  // The exit status (128 + signal), if it ends within the limit.
  [[nodiscard]] std::optional<int> wait(std::chrono::milliseconds limit);

  [[nodiscard]] std::string log() const;

 private:
  pid_t pid_ = -1;
  std::string log_file_;
  std::optional<int> status_;
};

[[nodiscard]] std::string read_text(const std::string& path);
void write_text(const std::string& path, std::string_view text);

}  // namespace signer::test
