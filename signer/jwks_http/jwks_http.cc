// SPDX-License-Identifier: Apache-2.0

#include "signer/jwks_http.h"

#include <curl/curl.h>

#include <memory>
#include <mutex>
#include <string_view>
#include <utility>

#include "base/freer.h"

namespace signer {

namespace {

using Url = std::unique_ptr<CURLU, Freer<&::curl_url_cleanup>>;
using Transfer = std::unique_ptr<CURL, Freer<&::curl_easy_cleanup>>;

struct Body {
  std::string text;
  std::size_t bytes_max = 0;
  bool too_large = false;
};

// libcurl's write callback; anything but the size that was given ends the transfer.
std::size_t append(char* data, std::size_t size, std::size_t count, void* user) noexcept {
  auto& body = *static_cast<Body*>(user);
  const std::size_t bytes = size * count;
  if (bytes > body.bytes_max - body.text.size()) {
    body.too_large = true;
    return 0;
  }
  try {
    body.text.append(data, bytes);
  } catch (const std::exception&) {
    return 0;
  }
  return bytes;
}

bool set_up_library() {
  static std::once_flag once;
  static bool ok = false;
  std::call_once(once, [] { ok = ::curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK; });
  return ok;
}

// The host of an acceptable URL.
Result<std::string> host_of(const std::string& url) {
  const auto refuse = [](std::string_view why) {
    return fail(ErrorCode::kInvalidRequest, "key set URL: " + std::string(why));
  };
  if (!url.starts_with("https://")) return refuse("does not start with https://");
  const Url parsed(::curl_url());
  if (parsed == nullptr || ::curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) {
    return refuse("is not a URL");
  }
  char* part = nullptr;
  if (::curl_url_get(parsed.get(), CURLUPART_USER, &part, 0) == CURLUE_OK) {
    ::curl_free(part);
    return refuse("holds a user name; a key set is public");
  }
  if (::curl_url_get(parsed.get(), CURLUPART_HOST, &part, 0) != CURLUE_OK) return refuse("has no host");
  std::string host(part);
  ::curl_free(part);
  return host;
}

template <class... Value>
bool set(CURL* transfer, CURLoption option, Value... value) {
  return ::curl_easy_setopt(transfer, option, value...) == CURLE_OK;  // NOLINT(cppcoreguidelines-pro-type-vararg)
}

// A file of one's own replaces the system's authorities, the directory that libcurl was built with included.
bool set_authorities(CURL* transfer, const JwksHttpOptions& options) {
  if (options.ca_file.empty()) return true;
  const char* const no_directory = nullptr;
  return set(transfer, CURLOPT_CAINFO, options.ca_file.c_str()) && set(transfer, CURLOPT_CAPATH, no_directory);
}

bool prepare(CURL* transfer, const std::string& url, const JwksHttpOptions& options, Body& body) {
  return set(transfer, CURLOPT_URL, url.c_str()) && set(transfer, CURLOPT_PROTOCOLS_STR, "https") &&
         set(transfer, CURLOPT_FOLLOWLOCATION, 0L) && set(transfer, CURLOPT_NOSIGNAL, 1L) &&
         set(transfer, CURLOPT_SSL_VERIFYPEER, 1L) && set(transfer, CURLOPT_SSL_VERIFYHOST, 2L) &&
         set(transfer, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2)) &&  // NOLINT(google-runtime-int)
         set(transfer, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count())) &&  // NOLINT
         set(transfer, CURLOPT_TIMEOUT_MS, static_cast<long>(options.total_timeout.count())) &&           // NOLINT
         set(transfer, CURLOPT_FAILONERROR, 0L) && set(transfer, CURLOPT_WRITEFUNCTION, &append) &&
         set(transfer, CURLOPT_WRITEDATA, static_cast<void*>(&body)) && set(transfer, CURLOPT_QUICK_EXIT, 1L) &&
         set_authorities(transfer, options);
}

Result<std::string> fetch(const std::string& url, const std::string& host, const JwksHttpOptions& options) {
  const auto failed = [&host](std::string_view why) {
    return fail(ErrorCode::kInternal, "key set from " + host + ": " + std::string(why));
  };
  const Transfer transfer(set_up_library() ? ::curl_easy_init() : nullptr);
  Body body{{}, options.bytes_max, false};
  if (transfer == nullptr || !prepare(transfer.get(), url, options, body)) return failed("libcurl does not start");
  const CURLcode outcome = ::curl_easy_perform(transfer.get());
  if (body.too_large) return failed("larger than " + std::to_string(options.bytes_max) + " bytes");
  if (outcome != CURLE_OK) return failed(::curl_easy_strerror(outcome));
  long status = 0;                                                       // NOLINT(google-runtime-int): libcurl's type
  ::curl_easy_getinfo(transfer.get(), CURLINFO_RESPONSE_CODE, &status);  // NOLINT(cppcoreguidelines-pro-type-vararg)
  if (status != 200) return failed("status " + std::to_string(status) + " instead of 200");
  return std::move(body.text);
}

}  // namespace

Result<KeySource::Fetch> jwks_over_https(std::string url, JwksHttpOptions options) {
  SIGNER_ASSIGN_OR_RETURN(const std::string host, host_of(url));
  if (options.connect_timeout.count() <= 0 || options.total_timeout.count() <= 0 || options.bytes_max == 0) {
    return fail(ErrorCode::kInvalidRequest, "key set URL: a time-out or size that is not above 0");
  }
  return KeySource::Fetch(
      [url = std::move(url), host, options = std::move(options)] { return fetch(url, host, options); });
}

}  // namespace signer
