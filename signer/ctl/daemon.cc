// SPDX-License-Identifier: Apache-2.0

#include "ctl/daemon.h"

#include "base/hex.h"
#include "ctl/input.h"
#include "ctl/status_text.h"
#include "ctl/text.h"

namespace signer::ctl {

namespace {

using jose::Json;
using Method = Client::Method;
using std::chrono::seconds;

constexpr seconds kTimeout{5};
constexpr seconds kCreateTimeout{65};
constexpr std::size_t kClaimsBytesMax = 64UL * 1024;
constexpr std::size_t kKeyIdBytesMax = 64;
constexpr jose::JsonLimits kReplyLimits{.bytes_max = kReplyBytesMax, .depth_max = 16, .members_max = 100'000};

Result<Client, ClientError> connect(const Context& context, seconds usual) {
  const seconds timeout = context.timeout_seconds > 0 ? seconds(context.timeout_seconds) : usual;
  return Client::connect({.socket = context.socket, .timeout = timeout});
}

ClientError nonsense(std::string_view target) {
  ClientError error;
  error.text = "signerd answered GET " + std::string(target) + " with something else than docs/protocol.md says";
  return error;
}

// One exchange whose reply must be an object.  `also_fine` is a status besides 2xx that carries an answer; 0 is none.
Result<Json, ClientError> ask(Client& client, Method method, std::string_view target, int also_fine = 0,
                              const std::string& body = {}) {
  SIGNER_ASSIGN_OR_RETURN(const Reply reply, client.request(method, target, body));
  auto parsed = jose::parse_json_object(reply.body, kReplyLimits);
  const bool answer = reply.status == also_fine && parsed && !parsed->contains("code");
  if (auto refusal = refusal_of(reply); refusal && !answer) return fail(std::move(*refusal));
  if (!parsed) return fail(nonsense(target));
  return std::move(parsed).value();
}

// The array that an object of one member holds.
Result<Json, ClientError> ask_list(Client& client, std::string_view target, const char* member) {
  SIGNER_ASSIGN_OR_RETURN(Json reply, ask(client, Method::kGet, target));
  const auto found = reply.find(member);
  if (found == reply.end() || !found->is_array()) return fail(nonsense(target));
  return std::move(*found);
}

}  // namespace

Result<Status, ClientError> ask_status(const Context& context) {
  SIGNER_ASSIGN_OR_RETURN(Client client, connect(context, kTimeout));
  Status status;
  status.socket = context.socket;
  SIGNER_ASSIGN_OR_RETURN(status.readiness, ask(client, Method::kGet, "/readyz", 503));
  SIGNER_ASSIGN_OR_RETURN(status.keys, ask_list(client, "/v1/keys", "keys"));
  auto tokens = ask_list(client, "/v1/tokens", "tokens");
  if (tokens) {
    status.tokens = std::move(tokens).value();
  } else if (tokens.error().stage == ClientError::Stage::kRefused) {
    status.tokens_refusal = tokens.error().text + " (needs a grant with the verb status)";
  } else {
    return fail(std::move(tokens).error());
  }
  return status;
}

Outcome sign(const Context& context, const SignOptions& options) {
  const auto claims = read_source(options.claims, context.input_fd, kClaimsBytesMax);
  if (!claims) return failed(context, Exit::kUsage, claims.error());
  auto client = connect(context, kTimeout);
  if (!client) return failed(context, client.error());
  const auto issued = client->issue(options.key, *claims, options.profile);
  if (!issued) return failed(context, issued.error());
  if (!context.json) return {Exit::kYes, printable(issued->token) + "\n", ""};
  return {Exit::kYes,
          machine({{"token", issued->token},
                   {"kid", issued->kid},
                   {"jti", issued->jti},
                   {"exp", issued->exp},
                   {"audit", {{"index", issued->audit_index}}}}),
          ""};
}

Outcome jwks(const Context& context, const std::string& key) {
  auto client = connect(context, kTimeout);
  if (!client) return failed(context, client.error());
  const auto set = client->jwks(key);
  if (!set) return failed(context, set.error());
  const auto parsed = jose::parse_json_object(*set, kReplyLimits);
  if (!parsed) return failed(context, Exit::kUnavailable, parsed.error());
  return {Exit::kYes, context.json ? machine(*parsed) : indented(*parsed), ""};
}

Outcome status(const Context& context) {
  const auto status = ask_status(context);
  if (!status) return failed(context, status.error());
  return {is_ready(*status) ? Exit::kYes : Exit::kNo,
          context.json ? machine(status_json(*status)) : status_text(*status), ""};
}

Outcome key_list(const Context& context) {
  auto client = connect(context, kTimeout);
  if (!client) return failed(context, client.error());
  const auto keys = ask_list(*client, "/v1/keys", "keys");
  if (!keys) return failed(context, keys.error());
  return {Exit::kYes, context.json ? machine({{"keys", *keys}}) : keys_text(*keys), ""};
}

namespace {

// Both ways to a key: `body` says which.
Outcome key_post(const Context& context, std::string_view command, const std::string& key, const std::string& body,
                 std::string_view done) {
  if (!is_name(key)) {
    return failed(
        context, Exit::kUsage,
        {ErrorCode::kInvalidRequest, std::string(command) + ": a name is 1 to 64 characters of a-z 0-9 . _ -"});
  }
  auto client = connect(context, kCreateTimeout);
  if (!client) return failed(context, client.error());
  const auto made = ask(*client, Method::kPost, "/v1/keys/" + key, 0, body);
  if (!made) return failed(context, made.error());
  if (context.json) return {Exit::kYes, machine(*made), ""};
  return {Exit::kYes, std::string(done) + "\n\n" + keys_text(Json::array({*made})), ""};
}

}  // namespace

Outcome key_create(const Context& context, const std::string& key) {
  return key_post(context, "key create", key, "{}", "Created inside the token.");
}

Outcome key_adopt(const Context& context, const std::string& key, const std::string& key_id) {
  const auto bytes = from_hex(key_id);
  if (!bytes || bytes->empty() || bytes->size() > kKeyIdBytesMax) {
    return failed(
        context, Exit::kUsage,
        {ErrorCode::kInvalidRequest, "key adopt: a key id is 1 to 64 bytes in hexadecimal digits, lower case"});
  }
  return key_post(context, "key adopt", key, jose::dump_json({{"key_id", key_id}}), "Adopted; no key was made.");
}

}  // namespace signer::ctl
