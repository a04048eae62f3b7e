// SPDX-License-Identifier: Apache-2.0
//
// signerd: reads its arguments and its configuration, then runs the daemon.

#include <utility>  // Boost 1.74 with g++ 12 needs it first

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>

#include "base/log.h"
#include "base/process.h"
#include "daemon.h"

namespace {

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;

int check(const signer::Result<signer::config::Config>& config) {
  if (!config) {
    std::fprintf(stderr, "%s\n", config.error().text.c_str());
    return kExitFailure;
  }
  const auto policy =
      signer::policy::Policy::build(*config, signer::policy::system_accounts(), signer::policy::system_files());
  if (!policy) {
    std::fprintf(stderr, "%s\n", policy.error().text.c_str());
    return kExitFailure;
  }
  for (const std::string& note : config->notes) std::printf("note: %s\n", note.c_str());
  std::printf("%s: OK\n", config->file.c_str());
  if (std::fflush(stdout) == 0) return 0;
  std::fprintf(stderr, "the answer could not be written to standard output\n");
  return kExitFailure;
}

int serve(signer::Result<signer::config::Config> config) {
  if (!config) {
    std::fprintf(stderr, "%s\n", config.error().text.c_str());
    return kExitFailure;
  }
  for (const std::string& note : config->notes) signer::log::warn("config_note", {{"note", note}});
  auto daemon = signer::Daemon::open(*std::move(config));
  if (!daemon) {
    signer::log::error("cannot_start", {{"reason", daemon.error().text}});
    return kExitFailure;
  }
  (*daemon)->run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  signer::harden_process();
  std::signal(SIGHUP, SIG_IGN);  // until the daemon takes it: before that there is nothing to reload
  CLI::App app{
      "signerd - turns claims into RS256 JWTs with keys that stay in a PKCS#11 token.\n"
      "Callers speak HTTP to its Unix socket; see signerctl(1) and the socket protocol."};
  std::string file = "/etc/signer/signer.toml";
  std::string level = "info";
  bool check_only = false;
  app.add_option("--config", file, "the configuration file")->capture_default_str();
  app.add_flag("--check", check_only, "check the configuration file, say what is wrong with it, and exit");
  app.add_option("--log-level", level, "the lowest level that is logged")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
  app.set_version_flag("--version", "signerd " SIGNER_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (app.remaining_size() == 0) return app.exit(error) == 0 ? 0 : kExitUsage;
    // Not repeated: it may be anything, and errors are kept in logs.
    std::fprintf(stderr, "signerd: there is one argument too many; try signerd --help\n");
    return kExitUsage;
  }
  using signer::log::Level;
  signer::log::start("signerd", level == "debug"   ? Level::kDebug
                                : level == "warn"  ? Level::kWarn
                                : level == "error" ? Level::kError
                                                   : Level::kInfo);
  auto config = signer::config::load(file);
  return check_only ? check(config) : serve(std::move(config));
}
