// SPDX-License-Identifier: Apache-2.0

#include "ctl/doctor.h"

#include <sys/random.h>
#include <sys/timex.h>

#include <algorithm>
#include <array>
#include <sstream>

#include "ctl/daemon.h"
#include "ctl/text.h"
#include "evidence/bundle.h"
#include "jose/base64url.h"

namespace signer::ctl {

namespace {

using jose::Json;
using Weight = Finding::Weight;

constexpr std::chrono::seconds kDoctorTimeout{5};
constexpr std::chrono::seconds kBundleTimeout{60};  // a slow token is asked many things
constexpr std::size_t kNonceBytes = 16;

const char* word_of(Weight weight) {
  switch (weight) {
    case Weight::kWrong:
      return "wrong";
    case Weight::kNote:
      return "note";
    case Weight::kSkipped:
      return "skipped";
  }
  return "note";
}

void append(Findings& all, Findings more) {
  std::move(more.begin(), more.end(), std::back_inserter(all));
}

// Nothing: the file is no configuration, which `findings` says.
Result<std::optional<config::Config>> read_configuration(const std::string& file, Findings& findings) {
  auto config = config::load(file);
  if (config) return std::optional(*std::move(config));
  if (config.error().code != ErrorCode::kInvalidRequest) return fail(std::move(config).error());
  std::istringstream lines(config.error().text);
  for (std::string line; std::getline(lines, line);)
    findings.push_back({Weight::kWrong, "configuration", line, "correct the file; signerd would not take it"});
  return std::optional<config::Config>();
}

Findings look_at_clock() {
  timex state{};
  if (::adjtimex(&state) != TIME_ERROR && (state.status & STA_UNSYNC) == 0) return {};
  return {{Weight::kNote, "clock", "the kernel does not know the clock to be synchronised",
           "run a time service; iat, exp and the times of records are of this clock"}};
}

Findings ask_metrics(const Context& context) {
  auto client = Client::connect({.socket = context.socket, .timeout = kDoctorTimeout});
  if (!client) return {{Weight::kSkipped, "metrics", client.error().text, ""}};
  const auto reply = client->request(Client::Method::kGet, "/metrics");
  if (!reply || reply->status != 200) return {{Weight::kSkipped, "metrics", "signerd does not show them", ""}};
  return look_at_metrics(reply->body);
}

// The JWS of a fresh evidence bundle.
Result<std::string> jws_of_bundle(const Context& context, const std::string& key) {
  std::array<std::uint8_t, kNonceBytes> nonce{};
  if (::getrandom(nonce.data(), nonce.size(), 0) != static_cast<ssize_t>(nonce.size()))
    return fail(ErrorCode::kInternal, "getrandom failed");
  auto client = Client::connect({.socket = context.socket, .timeout = kBundleTimeout});
  if (!client) return fail(ErrorCode::kInternal, client.error().text);
  const auto reply =
      client->request(Client::Method::kGet,
                      "/v1/evidence?key=" + key + "&nonce=" + jose::base64url_encode(ByteView(nonce)) + "&probes=none");
  if (!reply) return fail(ErrorCode::kInternal, reply.error().text);
  if (const auto refusal = refusal_of(*reply)) {
    return fail(refusal->code, refusal->code == ErrorCode::kDenied
                                   ? "it takes a bundle of evidence, which needs a grant with the verb read-evidence"
                                   : "signerd gave no evidence: " + refusal->text);
  }
  SIGNER_ASSIGN_OR_RETURN(const evidence::Bundle bundle, evidence::read_bundle(reply->body));
  return bundle.jws;
}

std::string findings_text(const Findings& findings) {
  std::string text;
  for (const Finding& one : findings) {
    text += std::string(word_of(one.weight)) + "  " + printable(one.about) + ": " + printable(one.found) + "\n";
    if (!one.advice.empty()) text += "       do: " + printable(one.advice) + "\n";
  }
  return text;
}

std::string verdict_text(std::size_t wrong) {
  if (wrong == 0) return "Nothing is wrong.\n";
  return wrong == 1 ? "1 thing is wrong.\n" : std::to_string(wrong) + " things are wrong.\n";
}

Outcome report(const Context& context, const Findings& findings, const std::optional<std::string>& silence) {
  const auto is_wrong = [](const Finding& one) { return one.weight == Weight::kWrong; };
  const auto wrong = static_cast<std::size_t>(std::count_if(findings.begin(), findings.end(), is_wrong));
  const Exit exit = silence ? Exit::kUnavailable : wrong == 0 ? Exit::kYes : Exit::kNo;
  if (context.json) {
    Json list = Json::array();
    for (const Finding& one : findings) {
      list.push_back({{"weight", word_of(one.weight)},
                      {"about", printable(one.about)},
                      {"found", printable(one.found)},
                      {"advice", printable(one.advice)}});
    }
    return {exit, machine({{"ok", wrong == 0 && !silence}, {"daemon_answers", !silence}, {"findings", list}}), ""};
  }
  const std::string head = silence ? "signerd does not answer on " + printable(context.socket) + ": " +
                                         printable(*silence) + "; this is what can be seen without it.\n"
                                   : "signerd answers on " + printable(context.socket) + ".\n";
  return {exit, head + findings_text(findings) + verdict_text(wrong), ""};
}

}  // namespace

Outcome doctor(const Context& context, const DoctorOptions& options) {
  Findings findings;
  std::optional<config::Config> config;
  keyring::LoadedVersions loaded;
  if (options.config.empty()) {
    findings.push_back(
        {Weight::kSkipped, "configuration", "no file was named", "say --config FILE, as signerd's user"});
  } else {
    auto read = read_configuration(options.config, findings);
    if (!read) return failed(context, Exit::kUsage, read.error());
    config = *std::move(read);
  }
  bool has_metadata = false;
  if (config) {
    append(findings, look_at_files(*config, policy::system_accounts()));
    auto versions = keyring::load_versions(config->state_dir);
    has_metadata = versions.has_value();
    if (versions) {
      loaded = *std::move(versions);
      append(findings, compare_metadata(*config, loaded, std::chrono::system_clock::now()));
    } else {
      findings.push_back({Weight::kSkipped, "metadata", versions.error().text, "run as signerd's user"});
    }
  }
  append(findings, look_at_clock());
  const auto status = ask_status(context);
  if (!status) return report(context, findings, status.error().text);
  append(findings, look_at_daemon(*status));
  append(findings, ask_metrics(context));
  if (config && has_metadata) {
    append(findings, compare_with_daemon(*config, loaded, *status));
    const auto jws_of = [&context](const std::string& key) { return jws_of_bundle(context, key); };
    append(findings, cross_with_libp11(*config, loaded, *status, jws_of, options.csr_program));
  }
  return report(context, findings, std::nullopt);
}

}  // namespace signer::ctl
