// SPDX-License-Identifier: Apache-2.0
// Target functions: protocol::parse_route, parse_timeout, parse_issue, split_batch, parse_create, problem_json.
//
// Input: a line "METHOD TARGET", a line with the value of Request-Timeout, then the body.  What is accepted lies within
// docs/protocol.md; what is refused is refused in words that quote nothing of the body.
#include "fuzz/fuzz.h"
#include "protocol/batch.h"
#include "protocol/messages.h"
#include "protocol/routes.h"

namespace signer::fuzz {
namespace {

// The fixed texts of protocol/messages.cc and jose/json.cc, which a body may hold by chance.
constexpr std::string_view kOwnWords =
    "an item must be an object with 'claims' 'claims' must be an object 'profile' must be the name of a profile a "
    "member "
    "other than 'claims' and 'profile' 'claims' is missing json: nested too deeply or too many members the body must "
    "be {} or {\"key_id\":\"...\"} 'key_id' must be 1 to 64 bytes in hexadecimal digits, in lower case "
    "a batch is {\"items\":[...]} a batch has 1 to 256 items json: too large json: a NUL byte json: a byte order mark "
    "json: not an object json: a syntax error or invalid UTF-8 json: a syntax error json: a number out of range json: "
    "a "
    "number beyond 2^53 - 1 json: a number that is not finite json: a name that appears twice in one object json: "
    "nested "
    "too deeply json: too many members json: out of memory";

void check_refusal(const Refusal& refusal, std::string_view body) {
  require(refusal.code == ErrorCode::kInvalidRequest, "a bad body is an invalid request");
  require(!refusal.detail.empty() && !quotes(refusal.detail, body, kOwnWords), "the detail quotes nothing of the body");
  require(!quotes(refusal.reason, body, kOwnWords), "the reason quotes nothing of the body");
  const jose::Json problem = protocol::problem_json(refusal, "0123456789abcdef");
  require(problem["status"] == 400 && problem["code"] == "invalid_request", "its problem says so");
}

void check_request(const IssueRequest& request) {
  require(request.key == "issuer" && request.claims.is_object(), "a request has a key and claims");
  require(!request.profile || (!request.profile->empty() && request.profile->size() <= 64), "a profile has a name");
}

void check_route(std::string_view method, std::string_view target) {
  const auto route = protocol::parse_route(method, target);
  if (!route) return;
  require(method == "GET" || method == "POST", "no other method has a route");
  require(route->key.empty() || protocol::plain_key_name(route->key), "a key's name is plain");
  require(route->key.empty() || target.find(route->key) != std::string_view::npos, "the key is the target's");
  require((protocol::body_bytes_max(route->call) > 0) == (method == "POST"), "only a POST has a body");
  require(protocol::default_timeout(route->call).count() > 0, "every call has a time limit");
}

// As the handler does it.
Judged<std::vector<Judged<IssueRequest>>> parse_batch(std::string_view body) {
  SIGNER_ASSIGN_OR_RETURN(const auto texts, protocol::split_batch(body));
  std::vector<Judged<IssueRequest>> items;
  for (const std::string_view text : texts) items.push_back(protocol::parse_issue(text, "issuer"));
  return items;
}

}  // namespace
}  // namespace signer::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace signer;
  using namespace signer::fuzz;
  std::string_view body = text_of({data, size});
  std::string_view request_line = body.empty() ? body : take_line(body);
  const std::string_view timeout_text = body.empty() ? body : take_line(body);

  const std::size_t space = request_line.find(' ');
  check_route(request_line.substr(0, space),
              space == std::string_view::npos ? std::string_view{} : request_line.substr(space + 1));
  const auto timeout = protocol::parse_timeout(timeout_text);
  require(!timeout || (timeout->count() >= 10 && timeout->count() <= 60'000), "a timeout is 10 ms to 60 s");

  const auto issue = protocol::parse_issue(body, "issuer");
  if (issue) check_request(*issue);
  if (!issue) check_refusal(issue.error(), body);
  const auto batch = parse_batch(body);
  if (!batch) check_refusal(batch.error(), body);
  if (batch) {
    require(!batch->empty() && batch->size() <= protocol::kBatchItemsMax, "a batch has 1 to 256 items");
    for (const auto& item : *batch) {
      if (item) check_request(*item);
      if (!item) check_refusal(item.error(), body);
    }
  }
  require(!issue || !batch, "no body is both");
  const auto create = protocol::parse_create(body);
  if (!create) check_refusal(create.error(), body);
  if (create && create->key_id) require(!create->key_id->empty() && create->key_id->size() <= 64, "an id has its size");
  require(!create || (!issue && !batch), "a body that makes a key is nothing else");

  // One item alone and the same item in a batch are judged alike, but for the sizes of the whole.
  if (body.size() < 32768) {
    const auto alone = parse_batch("{\"items\":[" + std::string(body) + "]}");
    if (issue) require(alone && alone->size() == 1 && alone->front().has_value(), "a good body is a good item");
  }
  return 0;
}
