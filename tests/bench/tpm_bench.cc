// SPDX-License-Identifier: Apache-2.0
//
// The signing path against the TPM alone: a tight loop of Esys_Sign with one session and one persistent key, the daemon
// over its socket (audit durable, self-check on), the loop again, in slices of one run.  A TPM does one thing at a
// time, so the loop has one caller in every row.  Prints a table for each kind of authorization; judges nothing.
//   tpm-bench [seconds per row, default 20] [callers of each row, default 1 8]

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "base/hex.h"
#include "tests/bench/slices.h"
#include "tests/support/eventually.h"
#include "tests/support/http.h"
#include "tests/support/process.h"
#include "tests/support/tpm_token.h"
#include "tpm/attachment.h"

namespace signer::test {

namespace {

constexpr int kCallersMax = 64;

// signerd with one TPM token and the key "issuer".
class TpmDaemon {
 public:
  explicit TpmDaemon(const std::string& authorization) : token_(SIGNER_TPM_PROGRAM) {
    write_text(directory_ / "signer.toml",
               "state_dir = \"" + (directory_ / "state") + "\"\n[[listener]]\npath = \"" + socket() +
                   "\"\n[[token]]\nname = \"main\"\ndriver = \"tpm2\"\ntcti = \"" + token_.tcti() +
                   "\"\nauth_file = \"" + token_.auth_file() + "\"\nauthorization = \"" + authorization +
                   "\"\n[[key]]\nname = \"issuer\"\ntokens = [\"main\"]\n[[profile]]\nname = \"access\"\n"
                   "typ = \"at+jwt\"\nissuer = \"https://idp.example\"\naudiences = [\"https://api.example\"]\n"
                   "max_ttl = \"15m\"\n[[grant]]\nname = \"bench\"\nmatch = { uid = " +
                   std::to_string(::getuid()) +
                   " }\nkeys = [\"issuer\"]\nprofiles = [\"access\"]\nverbs = [\"issue\", \"create\", \"status\"]\n");
    process_ = std::make_unique<Background>(
        std::vector<std::string>{SIGNERD_PROGRAM, "--config", directory_ / "signer.toml"}, directory_ / "log");
    if (made_key() && ready()) return;
    std::fprintf(stderr, "%s", process_->log().c_str());
    std::exit(1);
  }

  [[nodiscard]] std::string socket() const { return directory_ / "s.sock"; }

  [[nodiscard]] TpmToken& token() { return token_; }

  [[nodiscard]] pid_t pid() const { return process_->pid(); }

  [[nodiscard]] pid_t host_pid() const {
    const auto reply = get("/v1/tokens");
    return reply && reply->status == 200 ? reply->json()["tokens"][0]["host_pid"].get<pid_t>() : -1;
  }

 private:
  [[nodiscard]] std::optional<HttpReply> get(const std::string& target) const {
    HttpConnection connection(socket());
    return connection.open() ? connection.get(target) : std::nullopt;
  }

  [[nodiscard]] bool made_key() const {
    return eventually([this] {
      HttpConnection connection(socket());
      const auto reply = connection.open() ? connection.post("/v1/keys/issuer", "{}") : std::nullopt;
      return reply && reply->status == 201;
    });
  }

  [[nodiscard]] bool ready() const {
    return eventually([this] {
      const auto reply = get("/readyz");
      return reply && reply->status == 200;
    });
  }

  TpmToken token_;
  TemporaryDirectory directory_;
  std::unique_ptr<Background> process_;
};

// The loop's side: all that can be done once is done here.
class Direct {
 public:
  Direct(const TpmToken& token, tpm::Authorization authorization)
      : context_(must(tpm::EsysContext::open(token.tcti()))), root_(must(tpm::read_storage_root(context_))) {
    TPM2B_AUTH auth{};
    std::string line = read_text(token.auth_file());
    line.erase(line.find_last_not_of('\n') + 1);
    const Bytes value = from_hex(line).value();
    auth.size = static_cast<std::uint16_t>(value.size());
    std::copy(value.begin(), value.end(), auth.buffer);
    check(
        ::Esys_TR_FromTPMPublic(context_.get(), tpm::kFirstKeyHandle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &key_),
        "Esys_TR_FromTPMPublic");
    check(::Esys_TR_SetAuth(context_.get(), key_, &auth), "Esys_TR_SetAuth");
    if (authorization == tpm::Authorization::kHmac) {
      session_ = std::make_unique<tpm::Session>(must(tpm::Session::start(context_, root_.handle)));
      authorization_ = must(session_->arm());
    }
    digest_.size = 32;
    scheme_.scheme = TPM2_ALG_RSASSA;
    scheme_.details.rsassa.hashAlg = TPM2_ALG_SHA256;
    ticket_.tag = TPM2_ST_HASHCHECK;
    ticket_.hierarchy = TPM2_RH_NULL;
  }

  void sign() {
    TPMT_SIGNATURE* signature = nullptr;
    check(::Esys_Sign(context_.get(), key_, authorization_, ESYS_TR_NONE, ESYS_TR_NONE, &digest_, &scheme_, &ticket_,
                      &signature),
          "Esys_Sign");
    ::Esys_Free(signature);
  }

 private:
  static void check(TSS2_RC code, const char* call) {
    if (code == TSS2_RC_SUCCESS) return;
    std::fprintf(stderr, "%s\n", tpm::describe(code, call).c_str());
    std::exit(1);
  }

  template <class T>
  static T must(tpm::TpmResult<T> result) {
    if (result) return std::move(result).value();
    std::fprintf(stderr, "%s\n", result.error().text.c_str());
    std::exit(1);
  }

  tpm::EsysContext context_;
  tpm::StorageRoot root_;
  std::unique_ptr<tpm::Session> session_;
  ESYS_TR authorization_ = ESYS_TR_PASSWORD;
  ESYS_TR key_ = ESYS_TR_NONE;
  TPM2B_DIGEST digest_{};
  TPMT_SIG_SCHEME scheme_{};
  TPMT_TK_HASHCHECK ticket_{};
};

Cell run_cell(TpmDaemon& daemon, Direct& direct, int callers, std::chrono::seconds length) {
  std::vector<std::unique_ptr<Caller>> connections;
  for (int i = 0; i < callers; ++i) connections.push_back(std::make_unique<Caller>(daemon.socket()));
  const std::string request = issue_request();
  const pid_t front = daemon.pid();
  const pid_t host = daemon.host_pid();
  const pid_t chip = daemon.token().tpm().pid();
  return run_in_turns(
      {.callers = 1, .once = [&](int) { direct.sign(); }, .cpu = [=] { return own_cpu() + cpu_of_process(chip); }},
      {.callers = callers,
       .once = [&](int caller) { connections[static_cast<std::size_t>(caller)]->call(request); },
       .cpu = [=] { return cpu_of_process(front) + cpu_of_process(host) + cpu_of_process(chip); }},
      length);
}

void run_table(const Arguments& arguments, const std::string& word, tpm::Authorization authorization) {
  TpmDaemon daemon(word);
  Direct direct(daemon.token(), authorization);
  print_head("RS256, RSA-2048, swtpm (its CPU time counted), authorization " + word, "callers", arguments.length);
  for (const int callers : arguments.callers) {
    print_row(std::to_string(callers), run_cell(daemon, direct, callers, arguments.length));
  }
  std::printf("\n");
}

}  // namespace

}  // namespace signer::test

int main(int argc, char** argv) {
  using namespace signer::test;
  const Arguments arguments = read_arguments(argc, argv, kCallersMax);
  run_table(arguments, "hmac", signer::tpm::Authorization::kHmac);
  run_table(arguments, "password", signer::tpm::Authorization::kPassword);
  return 0;
}
