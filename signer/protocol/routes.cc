// SPDX-License-Identifier: Apache-2.0

#include "protocol/routes.h"

#include <algorithm>
#include <charconv>

namespace signer::protocol {

namespace {

constexpr std::size_t kKeyNameMax = 64;
constexpr std::size_t kTokenBodyMax = 64UL * 1024;
constexpr std::size_t kBatchBodyMax = 1024UL * 1024;
constexpr std::size_t kCreateBodyMax = 1024;

Result<Route, NoRoute> with_method(Route route, bool right_method) {
  if (!right_method) return fail(NoRoute::kMethodNotAllowed);
  return route;
}

Result<Route, NoRoute> key_route(bool get, bool post, std::string_view rest) {
  const std::size_t slash = rest.find('/');
  const std::string_view key = rest.substr(0, slash);
  const std::string_view what = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
  if (!plain_key_name(key)) return fail(NoRoute::kNotFound);
  const std::string name(key);
  if (slash == std::string_view::npos) {
    if (post) return Route{Call::kCreateKey, name};
    return with_method({Call::kKey, name}, get);
  }
  if (what == "tokens") return with_method({Call::kIssue, name}, post);
  if (what == "tokens:batch") return with_method({Call::kIssueBatch, name}, post);
  if (what == "signatures") return with_method({Call::kSignPayload, name}, post);
  if (what == "jwks") return with_method({Call::kKeyJwks, name}, get);
  return fail(NoRoute::kNotFound);
}

// key, nonce and probes, each once at most and in any order; what they hold is judged by who answers.
std::optional<Route> evidence_route(std::string_view query) {
  Route route{Call::kEvidence};
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view name = pair.substr(0, equals);
    std::string* value = name == "key"      ? &route.key
                         : name == "nonce"  ? &route.nonce
                         : name == "probes" ? &route.probes
                                            : nullptr;
    if (value == nullptr || !value->empty()) return std::nullopt;
    *value = pair.substr(equals + 1);
  }
  if (!plain_key_name(route.key)) return std::nullopt;
  return route;
}

std::string_view origin_form(std::string_view target) {
  constexpr std::string_view kScheme = "http://";
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  if (!std::ranges::equal(target.substr(0, kScheme.size()), kScheme, {}, lower)) return target;
  const std::size_t end = target.find_first_of("/?#@", kScheme.size());  // whoever has an '@' is up to something
  if (end == std::string_view::npos || end == kScheme.size() || target[end] != '/') return {};
  return target.substr(end);
}

}  // namespace

bool plain_key_name(std::string_view name) noexcept {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= kKeyNameMax && name[0] != '.' &&
         std::all_of(name.begin(), name.end(), allowed);
}

Result<Route, NoRoute> parse_route(std::string_view method, std::string_view target) {
  const bool get = method == "GET" || method == "HEAD";
  const bool post = method == "POST";
  target = origin_form(target);
  const std::size_t question = target.find('?');
  const std::string_view path = target.substr(0, question);
  const std::string_view query = question == std::string_view::npos ? std::string_view{} : target.substr(question + 1);
  if (path == "/readyz") {
    Route route{Call::kReady, {}};
    if (query.starts_with("key=") && plain_key_name(query.substr(4))) {
      route.key = query.substr(4);
    } else if (question != std::string_view::npos) {
      return fail(NoRoute::kNotFound);
    }
    return with_method(std::move(route), get);
  }
  if (path == "/v1/evidence") {
    auto route = evidence_route(query);
    if (!route) return fail(NoRoute::kNotFound);
    return with_method(*std::move(route), method == "GET");  // a token's work is not done for a HEAD
  }
  if (question != std::string_view::npos) return fail(NoRoute::kNotFound);
  constexpr std::string_view kKeyPrefix = "/v1/keys/";
  if (path.starts_with(kKeyPrefix)) return key_route(get, post, path.substr(kKeyPrefix.size()));
  if (path == "/v1/jwks") return with_method({Call::kJwks, {}}, get);
  if (path == "/v1/keys") return with_method({Call::kKeys, {}}, get);
  if (path == "/v1/tokens") return with_method({Call::kTokens, {}}, get);
  if (path == "/v1/audit/checkpoint") return with_method({Call::kCheckpoint, {}}, get);
  if (path == "/v1/audit/key") return with_method({Call::kCheckpointKey, {}}, get);
  if (path == "/healthz") return with_method({Call::kHealth, {}}, get);
  if (path == "/metrics") return with_method({Call::kMetrics, {}}, get);
  return fail(NoRoute::kNotFound);
}

std::string allowed_methods(std::string_view target) {
  std::string methods = parse_route("GET", target) ? "GET" : "";
  if (parse_route("HEAD", target)) methods += ", HEAD";
  if (parse_route("POST", target)) methods += methods.empty() ? "POST" : ", POST";
  return methods;
}

std::size_t body_bytes_max(Call call) noexcept {
  if (call == Call::kIssue || call == Call::kSignPayload) return kTokenBodyMax;
  if (call == Call::kIssueBatch) return kBatchBodyMax;
  if (call == Call::kCreateKey) return kCreateBodyMax;
  return 0;
}

std::chrono::milliseconds default_timeout(Call call) noexcept {
  const bool slow = call == Call::kCreateKey || call == Call::kEvidence;
  return slow ? std::chrono::seconds(60) : std::chrono::seconds(5);
}

std::optional<std::chrono::milliseconds> parse_timeout(std::string_view header) {
  unsigned count = 0;
  const auto [end, error] = std::from_chars(header.data(), header.data() + header.size(), count);
  const std::string_view unit = header.substr(static_cast<std::size_t>(end - header.data()));
  if (error != std::errc{} || (unit != "s" && unit != "ms") || count > 60'000) return std::nullopt;
  const std::chrono::milliseconds timeout(unit == "s" ? std::int64_t{count} * 1000 : count);
  if (timeout < std::chrono::milliseconds(10) || timeout > std::chrono::seconds(60)) return std::nullopt;
  return timeout;
}

}  // namespace signer::protocol
