// SPDX-License-Identifier: Apache-2.0
//
// Runs one fuzz target, without libFuzzer, on every file of a corpus, on each file cut at every length (a large one: at
// some 1,000 lengths), and on nothing.
// So the ordinary test run, with any compiler, checks the properties on the seeds and on what once broke them.
#include <algorithm>
#include <csignal>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

#include <unistd.h>

#include "fuzz/fuzz.h"

namespace {

constexpr std::size_t kCutsMax = 1024;  // of one file; a larger one is cut in steps

char g_where[512] = "the empty input";

// Ends with a status: CTest takes a signal for a failure even where one is expected (the canary).
extern "C" void report_abort(int /*signal*/) {
  static constexpr char kBefore[] = "replay: failed on ";
  ssize_t ignored = ::write(STDERR_FILENO, kBefore, sizeof kBefore - 1);
  ignored = ::write(STDERR_FILENO, g_where, std::strlen(g_where));
  ignored = ::write(STDERR_FILENO, "\n", 1);
  static_cast<void>(ignored);
  ::_exit(1);
}

// From a heap block of exactly that size, so that a sanitizer sees a read beyond it.
void run(const std::vector<char>& content, std::size_t size) {
  const auto exact = std::make_unique<std::uint8_t[]>(size);
  std::copy_n(content.begin(), size, exact.get());
  LLVMFuzzerTestOneInput(exact.get(), size);
}

void replay(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  const std::vector<char> content{std::istreambuf_iterator<char>(in), {}};
  const std::size_t step = std::max<std::size_t>(1, content.size() / kCutsMax);
  for (std::size_t size = content.size();; size -= std::min(size, step)) {
    std::snprintf(g_where, sizeof g_where, "%s, first %zu bytes", file.c_str(), size);
    run(content, size);
    if (size == 0) return;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s CORPUS_DIRECTORY\n", argv[0]);
    return 2;
  }
  std::signal(SIGABRT, report_abort);
  try {
    run({}, 0);
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    for (const auto& file : files) replay(file);
    std::printf("replayed %zu seeds of %s\n", files.size(), argv[1]);
    return files.empty() ? 2 : 0;  // a corpus that is gone must not pass
  } catch (const std::exception& error) {
    std::fprintf(stderr, "replay: %s\n", error.what());
    return 1;
  }
}
