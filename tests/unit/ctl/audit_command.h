// SPDX-License-Identifier: Apache-2.0
//
// A log of eleven records, and `signerctl audit` to ask about it.
#pragma once

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <string>
#include <string_view>
#include <vector>

#include "jose/base64url.h"
#include "jose/json.h"
#include "tests/support/made_log.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/ctl/program.h"

namespace signer::test {

using jose::Json;

class AuditCommand : public testing::Test {
 protected:
  // 0 segment, 1-3 issue, 4 refuse, 5 key_created, 6 checkpoint | 7 segment, 8 issue, 9 fail, 10 checkpoint
  AuditCommand() {
    for (int i = 0; i < 3; ++i) log_.add_issue();
    log_.add({{"event", "refuse"}, {"code", "claim_policy"}, {"rule", "phi.email"}, {"uid", 1001}, {"suppressed", 7}});
    log_.add({{"event", "key_created"}, {"key", "issuer"}, {"kid", "k1"}, {"uid", 0}, {"grant", "operators"}});
    log_.add_checkpoint();
    log_.begin_segment();
    log_.add({{"event", "issue"},
              {"jti", "the-one"},
              {"uid", 1002},
              {"unit", "portal.service"},
              {"grant", "portal"},
              {"key", "issuer"},
              {"kid", "k1"},
              {"profile", "access"},
              {"exempted", Json::array({{{"place", "/contact"}, {"reason", "SEC-411"}, {"rule", "phi.email"}}})},
              {"exempted_more", 3},
              {"reported", {"phi.date /born"}},
              {"sub_hmac", hmac_of("patient-7")}});
    log_.add({{"event", "fail"}, {"jti", "the-one"}, {"uid", 1002}, {"key", "issuer"}, {"code", "internal"}});
    log_.add_checkpoint();
    log_.write(log_directory_.path());
  }

  [[nodiscard]] std::string directory() const { return log_directory_.path(); }

  static Finished audit(std::vector<std::string> arguments, std::string_view input = "") {
    arguments.insert(arguments.begin(), "audit");
    return signerctl(std::move(arguments), input);
  }

  [[nodiscard]] std::string vkey() const { return log_.key().to_vkey(); }

  static Bytes search_key() { return Bytes(32, 0x5a); }

  static std::string hmac_of(std::string_view sub) {
    const Bytes key = search_key();
    Bytes mac(32);
    unsigned size = 0;
    ::HMAC(::EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(sub).data(), sub.size(), mac.data(),
           &size);
    return jose::base64url_encode(mac);
  }

  [[nodiscard]] Finished second_opinion(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"/usr/bin/python3", AUDIT_SECOND_OPINION});
    arguments.insert(arguments.begin() + 3, vkey());
    return run_program(arguments);
  }

  MadeLog log_;
  TemporaryDirectory log_directory_;
  TemporaryDirectory own_;
};

}  // namespace signer::test
