// SPDX-License-Identifier: Apache-2.0
//
// Enrolment of an attestation key as an organisation's CA sees it, with the challenge of tpm2_makecredential: answered
// by the TPM that it is for and by no other.
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "attested.h"
#include "base/hex.h"
#include "channel/host_service.h"
#include "test_token.h"
#include "tpm/enrolment.h"

namespace signer::tpm {
namespace {

using channel::HostStatus;
using jose::base64url_encode;
using jose::Json;
using test::decoded;

constexpr std::string_view kSecret = "32 bytes that the CA made up, ok.";

class Enrolment : public ::testing::Test {
 protected:
  Enrolment() {
    ::setenv("TSS2_LOG", "all+NONE", 0);
    std::signal(SIGPIPE, SIG_IGN);
  }

  [[nodiscard]] EnrolmentRequest request(const std::string& keys = "keys") const {
    return {.tcti = bus_.tcti(), .key_directory = directory_ / keys};
  }

  // A challenge for an attestation key with this Name in the TPM of this endorsement key.
  std::string challenge(const Bytes& ek, const Bytes& name) {
    Bytes sized;
    signer::test::put(sized, static_cast<std::uint16_t>(ek.size()));
    sized.insert(sized.end(), ek.begin(), ek.end());
    test::write_text(directory_ / "ek", text_of(sized));
    test::write_text(directory_ / "secret", kSecret.substr(0, 32));
    const auto made = test::run({"tpm2_makecredential", "-Q", "-T", "none", "-u", directory_ / "ek", "-s",
                                 directory_ / "secret", "-n", to_hex(name), "-o", directory_ / "blob"});
    EXPECT_EQ(made.status, 0) << made.err;
    const std::string blob = test::read_text(directory_ / "blob");  // eight bytes of tpm2-tools' own, then the two
    const std::size_t middle = 8 + 2 + test::number_at<std::uint16_t>(bytes_of(blob), 8).value_or(0);
    if (blob.size() <= middle) return {};
    return jose::dump_json(Json{{"credential", base64url_encode(std::string_view(blob).substr(8, middle - 8))},
                                {"secret", base64url_encode(std::string_view(blob).substr(middle))}});
  }

  HostStatus status_of(const std::string& challenge) {
    const auto answer = activate_credential(request(), challenge);
    if (!answer) last_refusal_ = answer.error().text;
    return answer ? HostStatus::kOk : answer.error().status;
  }

  signer::test::Finished program(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), SIGNER_TPM_PROGRAM);
    return test::run(arguments);
  }

  std::string last_refusal_;
  test::TemporaryDirectory directory_;
  test::Swtpm tpm_;
  test::TpmInterposer bus_{tpm_};
};

TEST_F(Enrolment, TheTpmOfTheKeyAnswersTheChallengeAndNoOtherKeyDoes) {
  // As a CA does it, with the program.
  const std::vector<std::string> where = {"--tcti", tpm_.tcti(), "--key-directory", directory_ / "keys"};
  std::vector<std::string> arguments = {"ak-show"};
  arguments.insert(arguments.end(), where.begin(), where.end());
  const auto shown = program(arguments);
  ASSERT_EQ(shown.status, 0) << shown.err;
  const Json keys = *jose::parse_json_object(shown.out);
  const Bytes ak = decoded(keys["ak"]["pubArea"]);
  const Bytes name = decoded(keys["ak"]["name"]);
  const Bytes ek = decoded(keys["ek"]["pubArea"]);
  EXPECT_EQ(name, test::name_of_area(ak));
  EXPECT_EQ(keys["ek"]["certificates"], Json::array());
  const std::string good = challenge(ek, name);
  test::write_text(directory_ / "challenge", good);
  arguments.front() = "ak-activate";
  arguments.insert(arguments.end(), {"--challenge", directory_ / "challenge", "--auth-file", directory_ / "none"});
  const auto answer = program(arguments);
  ASSERT_EQ(answer.status, 0) << answer.err;
  EXPECT_EQ(*jose::parse_json_object(answer.out), Json({{"secret", base64url_encode(kSecret.substr(0, 32))}}));

  // A second key in the same TPM, for which the first one's challenge is not; and the other way round.
  const auto second = show_attestation_key(request("other"));
  ASSERT_TRUE(second) << second.error().text;
  EXPECT_EQ((*second)["ek"], keys["ek"]);
  EXPECT_NE((*second)["ak"], keys["ak"]);
  const auto refused = activate_credential(request("other"), good);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status, HostStatus::kMismatch) << refused.error().text;
  EXPECT_EQ(status_of(challenge(ek, decoded((*second)["ak"]["name"]))), HostStatus::kMismatch);
  // The right Name, and another TPM's endorsement key: its modulus is another number.
  Bytes stranger = ek;
  stranger.back() ^= 0x02;
  EXPECT_EQ(status_of(challenge(stranger, name)), HostStatus::kMismatch) << last_refusal_;
  EXPECT_EQ(status_of(good), HostStatus::kOk);
  EXPECT_EQ(*show_attestation_key(request()), keys) << "it stays the same";

  // What is no challenge never reaches the TPM.
  bus_.forget_counts();
  const Json whole = *jose::parse_json_object(good);
  const auto with = [&whole](const char* member, const Json& value) {
    Json changed = whole;
    changed[member] = value;
    return jose::dump_json(changed);
  };
  for (const std::string& bad :
       {std::string(), std::string("[]"), std::string("{}"), with("more", "YQ"), with("secret", 1), with("secret", ""),
        with("credential", "AAA"), with("credential", base64url_encode(Bytes{0, 2, 1})),
        with("secret", base64url_encode(Bytes{0, 1, 1, 1})), with("credential", base64url_encode(Bytes(2000, 7))),
        with("secret", whole["secret"].get<std::string>() + "="), good + std::string(kChallengeBytesMax, ' ')}) {
    EXPECT_EQ(status_of(bad), HostStatus::kInvalid) << bad.substr(0, 200);
  }
  EXPECT_EQ(bus_.count(), 0U);
  EXPECT_TRUE(test::handles_from(tpm_, test::kTransientFirst).empty());
  EXPECT_TRUE(test::handles_from(tpm_, test::kLoadedSessionFirst).empty());

  // Cleared: the endorsement key is the same, its children are gone.  Nothing is made in their place.
  const std::string blob = test::read_text(directory_ / "keys/attestation-key.pem");
  ASSERT_TRUE(tpm_.run(test::clear_owner()).ok());
  const auto cleared = show_attestation_key(request());
  ASSERT_FALSE(cleared);
  EXPECT_EQ(cleared.error().status, HostStatus::kUnsupported);
  EXPECT_NE(cleared.error().text.find("cleared"), std::string::npos) << cleared.error().text;
  EXPECT_EQ(test::read_text(directory_ / "keys/attestation-key.pem"), blob);
  std::filesystem::remove(directory_ / "keys/attestation-key.pem");
  const auto anew = show_attestation_key(request());
  ASSERT_TRUE(anew) << anew.error().text;
  EXPECT_EQ((*anew)["ek"], keys["ek"]);
  EXPECT_EQ(status_of(good), HostStatus::kMismatch);
}

TEST_F(Enrolment, SaysWhatIsMissing) {
  EXPECT_EQ(show_attestation_key({.tcti = "device", .key_directory = directory_ / "keys"}).error().status,
            HostStatus::kInvalid);
  EXPECT_EQ(show_attestation_key({.tcti = bus_.tcti(), .key_directory = "keys"}).error().status, HostStatus::kInvalid);
  EXPECT_EQ(status_of(R"({"credential":"AAEB","secret":"AAEB"})"), HostStatus::kNotFound) << "no attestation key";
  EXPECT_EQ(bus_.count(), 0U);
  ASSERT_TRUE(tpm_.run(test::change_auth(signer::test::kEndorsementHierarchy, "e")).ok());
  const auto refused = show_attestation_key(request());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status, HostStatus::kUnsupported);
  EXPECT_NE(refused.error().text.find("tpm2_changeauth -c e"), std::string::npos) << refused.error().text;
  EXPECT_FALSE(std::filesystem::exists(directory_ / "keys/attestation-key.pem"));
  EXPECT_EQ(program({"ak-activate", "--tcti", tpm_.tcti(), "--key-directory", directory_ / "keys", "--challenge",
                     directory_ / "absent"})
                .status,
            1);
  EXPECT_EQ(program({"ak-show", "--tcti", tpm_.tcti()}).status, channel::kExitUsage);
}

}  // namespace
}  // namespace signer::tpm
