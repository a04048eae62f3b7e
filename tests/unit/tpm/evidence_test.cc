// SPDX-License-Identifier: Apache-2.0
//
// Evidence of a key, judged as an auditor would: the bytes by hand, the signatures by OpenSSL.  What is wrong here
// makes good keys look bad, or bad ones good.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "attested.h"
#include "test_token.h"
#include "tpm/storage_root.h"

namespace signer::tpm {
namespace {

using channel::HostStatus;
using jose::Json;
using signer::test::kEndorsementHierarchy;
using test::attest_request;
using test::decoded;
using test::read_attest;

constexpr std::uint32_t kMagic = 0xff544347;

class Evidence : public ::testing::Test {
 protected:
  void make_key(jose::KeyKind kind = jose::KeyKind::kP256, std::string_view id = "key-1") {
    const auto key = driver_->generate_key(test::key_request(kind, id));
    ASSERT_TRUE(key) << key.error().text;
  }

  Json evidence(const channel::AttestRequest& request = attest_request()) {
    const auto made = driver_->attest_key(request);
    EXPECT_TRUE(made) << made.error().text;
    if (!made) return Json::object();
    const auto read = jose::parse_json_object(made->json, {.bytes_max = channel::kAttestationMax});
    EXPECT_TRUE(read) << made->json;
    EXPECT_EQ(made->json.find('\n'), std::string::npos);
    EXPECT_TRUE(test::handles_from(token_.tpm(), test::kTransientFirst).empty());
    return read ? *read : Json::object();
  }

  channel::HostError refusal() {
    const auto made = driver_->attest_key(attest_request());
    return made ? channel::HostError{HostStatus::kOk, ""} : made.error();
  }

  void reopen(const std::string& authorization = "hmac") {
    driver_.reset();
    driver_ = test::opened(token_, authorization);
    token_.bus().forget_counts();
  }

  [[nodiscard]] std::string file(const std::string& name) const { return token_.key_directory() + "/" + name; }

  void tool(const std::vector<std::string>& arguments) {
    const auto finished = test::run(arguments, {}, {{"TPM2TOOLS_TCTI", token_.tpm().tcti()}});
    ASSERT_EQ(finished.status, 0) << arguments.front() << "\n" << finished.out << finished.err;
  }

  // Content at an NV index as manufacturers leave certificates there.
  void put_at(const std::string& index, const std::string& content) {
    test::write_text(scratch_ / "nv", content);
    tool({"tpm2_nvdefine", "-Q", index, "-C", "o", "-s", std::to_string(content.size()), "-a",
          "ownerwrite|ownerread|authread|no_da"});
    tool({"tpm2_nvwrite", "-Q", index, "-C", "o", "-i", scratch_ / "nv"});
  }

  // DER of some certificate.
  std::string certificate(const std::string& name) {
    tool({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
          scratch_ / "key", "-subj", "/CN=" + name, "-outform", "DER", "-out", scratch_ / "der"});
    return test::read_text(scratch_ / "der");
  }

  test::TestToken token_{test::Endorsement::kOpen};
  test::TemporaryDirectory scratch_;
  std::unique_ptr<Tpm2Driver> driver_ = test::opened(token_);
};

std::string text(const Bytes& bytes) {
  return {bytes.begin(), bytes.end()};
}

Bytes nonce_and_context(const channel::AttestRequest& request) {
  return test::sha256_of({request.nonce, request.context});
}

// All that ties the key to the TPM, its birth included.
void expect_whole(const Json& evidence, const channel::AttestRequest& request, const jose::PublicKey* rsa_key) {
  const Bytes key = decoded(evidence["attStmt"]["pubArea"]);
  const Bytes ak = decoded(evidence["ak"]["pubArea"]);
  const Bytes ek = decoded(evidence["ek"]["pubArea"]);
  const Bytes root = decoded(evidence["storage_root"]["pubArea"]);
  const Bytes key_name = test::name_of_area(key);
  const Bytes signer = test::qualified_name(kEndorsementHierarchy, {test::name_of_area(ek), test::name_of_area(ak)});
  if (rsa_key != nullptr) {
    EXPECT_EQ(Bytes(key.end() - 256, key.end()), rsa_key->modulus);
  }
  EXPECT_EQ(test::number_at<std::uint32_t>(ak, 4), 0x00050472U) << "restricted|sign and nothing weaker";
  EXPECT_EQ(test::number_at<std::uint32_t>(ek, 4), 0x000300b2U);

  EXPECT_EQ(evidence["attStmt"]["ver"], "2.0");
  EXPECT_EQ(evidence["attStmt"]["alg"], -257);
  const Bytes certified = decoded(evidence["attStmt"]["certInfo"]);
  EXPECT_TRUE(test::is_signed_by(ak, certified, decoded(evidence["attStmt"]["sig"])));
  const auto certify = read_attest(certified);
  EXPECT_EQ(certify.magic, kMagic);
  EXPECT_EQ(certify.type, 0x8017);
  EXPECT_EQ(certify.extra, request.nonce);
  EXPECT_EQ(certify.signer, signer);
  EXPECT_EQ(certify.first, key_name);
  EXPECT_EQ(certify.second, test::qualified_name(signer::test::kOwnerHierarchy, {test::name_of_area(root), key_name}));

  const Bytes quoted = decoded(evidence["quote"]["certInfo"]);
  EXPECT_TRUE(test::is_signed_by(ak, quoted, decoded(evidence["quote"]["sig"])));
  const auto quote = read_attest(quoted);
  EXPECT_EQ(quote.magic, kMagic);
  EXPECT_EQ(quote.type, 0x8018);
  EXPECT_EQ(quote.extra, nonce_and_context(request));
  EXPECT_EQ(quote.signer, signer);
  Bytes pcrs = {0, 0, 0, 1, 0x00, 0x0b, 3, 0xff, 0, 0, 0, 32};  // one selection: SHA-256, 0 to 7; then the digest
  Bytes values;
  ASSERT_EQ(evidence["quote"]["pcrs"].size(), 8U);
  for (int i = 0; i < 8; ++i) {
    const Bytes value = decoded(evidence["quote"]["pcrs"][std::to_string(i)]);
    EXPECT_EQ(value.size(), 32U);
    values.insert(values.end(), value.begin(), value.end());
  }
  const Bytes digest = test::sha256_of({values});
  pcrs.insert(pcrs.end(), digest.begin(), digest.end());
  EXPECT_EQ(quote.first, pcrs);

  ASSERT_TRUE(evidence.contains("creation"));
  const Bytes born = decoded(evidence["creation"]["certInfo"]);
  EXPECT_TRUE(test::is_signed_by(ak, born, decoded(evidence["creation"]["sig"])));
  const auto birth = read_attest(born);
  EXPECT_EQ(birth.magic, kMagic);
  EXPECT_EQ(birth.type, 0x801a);
  EXPECT_EQ(birth.signer, signer);
  EXPECT_EQ(birth.first, key_name);
  const Bytes data = decoded(evidence["creation"]["data"]);
  EXPECT_EQ(birth.second, test::sha256_of({data}));
  EXPECT_NE(text(data).find(text(test::name_of_area(root))), std::string::npos) << "the parent's Name";
}

TEST_F(Evidence, Invariant04_TiesTheKeyAndItsBirthToTheTpm) {
  const auto key = driver_->generate_key(test::key_request());
  ASSERT_TRUE(key) << key.error().text;
  const std::string own = certificate("own");
  const std::string issuer = certificate("issuer");
  const std::string root = certificate("root");
  put_at("0x01c00002", own + std::string(40, '\xff'));  // indices are larger than what is in them
  const std::string chain = issuer + root;
  put_at("0x01c00100", chain.substr(0, issuer.size() + 100));  // the second goes on in the next index
  put_at("0x01c00101", chain.substr(issuer.size() + 100) + std::string(9, '\0'));
  put_at("0x01c00110", "no certificate");
  const auto request = attest_request();
  const Json first = evidence(request);
  expect_whole(first, request, &key->public_key);
  ASSERT_EQ(first["ek"]["certificates"].size(), 3U);
  EXPECT_EQ(text(decoded(first["ek"]["certificates"][0])), own);
  EXPECT_EQ(text(decoded(first["ek"]["certificates"][1])), issuer);
  EXPECT_EQ(text(decoded(first["ek"]["certificates"][2])), root);
  EXPECT_EQ(first["attStmt"]["x5c"], Json::array());
  EXPECT_EQ(first["properties"], Json({{"manufacturer", "IBM"},
                                       {"vendor", first["properties"]["vendor"]},
                                       {"firmware", first["properties"]["firmware"]},
                                       {"simulator", true}}));
  std::vector<std::string> names;
  for (const auto& member : first.items()) names.push_back(member.key());
  EXPECT_EQ(names,
            (std::vector<std::string>{"ak", "attStmt", "creation", "ek", "properties", "quote", "storage_root"}));

  // With a password in place of the session, another nonce, and the key that signs the audit log's checkpoints.
  reopen("password");
  make_key(jose::KeyKind::kP256, "notes");
  auto other = attest_request("notes");
  other.nonce = Bytes(channel::kNonceMin, 0x01);
  other.context.fill(0x02);
  const Json second = evidence(other);
  expect_whole(second, other, nullptr);
  EXPECT_EQ(second["ak"], first["ak"]);
  EXPECT_NE(second["attStmt"]["pubArea"], first["attStmt"]["pubArea"]);
}

TEST_F(Evidence, KeepsItsAttestationKeyOverRestartsAndPowerCycles) {
  make_key();
  const Json first = evidence();
  const std::string blob = test::read_text(file("attestation-key.pem"));
  EXPECT_NE(blob.find("BEGIN TSS2 PRIVATE KEY"), std::string::npos);
  reopen();
  EXPECT_EQ(evidence()["ak"], first["ak"]);
  token_.tpm().reset();
  EXPECT_EQ(evidence()["ak"], first["ak"]) << "in the same process, after a reset";
  token_.tpm().restart();
  EXPECT_EQ(evidence()["ak"], first["ak"]);

  // An endorsement key that is persistent already is used, and not made a second time.
  ASSERT_TRUE(test::put_endorsement_key(token_.tpm(), kEndorsementHierarchy));
  token_.bus().forget_counts();
  Json later = evidence();
  EXPECT_EQ(token_.bus().count(test::cc::kCreatePrimary), 0U);
  EXPECT_EQ(later["ak"], first["ak"]);
  EXPECT_EQ(later["ek"], first["ek"]);
  EXPECT_EQ(later["creation"], first["creation"]);

  // Another key at its handle is not, here the owner's own key with the same template.
  ASSERT_TRUE(token_.tpm().run(test::evict_control(test::kEndorsementHandle, test::kEndorsementHandle)).ok());
  ASSERT_TRUE(test::put_endorsement_key(token_.tpm(), signer::test::kOwnerHierarchy));
  token_.bus().forget_counts();
  later = evidence();
  EXPECT_EQ(token_.bus().count(test::cc::kCreatePrimary), 1U);
  EXPECT_EQ(later["ek"], first["ek"]);
  EXPECT_EQ(test::read_text(file("attestation-key.pem")), blob);
}

TEST_F(Evidence, SaysWhatToDoIfAnEndorsementAuthIsSetAndTheKeySignsOn) {
  ASSERT_TRUE(token_.tpm().run(test::change_auth(kEndorsementHierarchy, "endorsement")).ok());
  make_key();
  EXPECT_FALSE(std::filesystem::exists(token_.key_file("key-1", ".creation.json")));
  const auto refused = refusal();
  EXPECT_EQ(refused.status, HostStatus::kUnsupported);
  EXPECT_NE(refused.text.find("tpm2_changeauth -c e"), std::string::npos) << refused.text;
  EXPECT_TRUE(driver_->sign(test::sign_request_es256()));
  EXPECT_TRUE(test::handles_from(token_.tpm(), test::kTransientFirst).empty());
  EXPECT_LE(test::handles_from(token_.tpm(), test::kLoadedSessionFirst).size(), 1U);
  // Emptied: there is evidence, of a key whose birth nobody certified.
  const auto emptied = token_.tpm().run(
      test::TpmCommand(test::cc::kHierarchyChangeAuth, {kEndorsementHierarchy}).password("endorsement").sized({}));
  ASSERT_TRUE(emptied.ok()) << emptied.code;
  EXPECT_FALSE(evidence().contains("creation"));
}

TEST_F(Evidence, Invariant08_RefusesAnAttestationKeyThatIsNotItsOwnAndKeepsTheFile) {
  ASSERT_TRUE(token_.tpm().run(test::change_auth(kEndorsementHierarchy, "e")).ok());
  make_key();  // without an attestation key
  ASSERT_TRUE(
      token_.tpm()
          .run(test::TpmCommand(test::cc::kHierarchyChangeAuth, {kEndorsementHierarchy}).password("e").sized({}))
          .ok());
  test::TestToken other(test::Endorsement::kOpen);
  ASSERT_TRUE(test::opened(other)->generate_key(test::key_request(jose::KeyKind::kP256)));
  const std::string foreign = test::read_text(other.key_directory() + "/attestation-key.pem");
  for (const auto& [blob, why] : {std::pair<std::string, const char*>{foreign, "another TPM's"},
                                  {test::read_text(token_.key_file("key-1", ".pem")), "no attestation key"},
                                  {"", "TSS2 PRIVATE KEY"},
                                  {std::string(9000, 'x'), "attestation-key.pem"}}) {
    test::write_text(file("attestation-key.pem"), blob);
    const auto refused = refusal();
    EXPECT_EQ(refused.status, HostStatus::kUnsupported) << why;
    EXPECT_NE(refused.text.find(why), std::string::npos) << refused.text;
    EXPECT_NE(refused.text.find("move it away"), std::string::npos) << refused.text;
    EXPECT_EQ(test::read_text(file("attestation-key.pem")), blob);
    EXPECT_TRUE(test::handles_from(token_.tpm(), test::kTransientFirst).empty()) << why;
    EXPECT_TRUE(driver_->sign(test::sign_request_es256())) << why;
  }
  std::filesystem::remove(file("attestation-key.pem"));
  EXPECT_FALSE(evidence().empty());
}

TEST_F(Evidence, LeavesOutABirthCertificateOfAnotherAttestationKeyOrNone) {
  ASSERT_TRUE(test::put_endorsement_key(token_.tpm(), kEndorsementHierarchy));
  make_key();
  const std::string birth = token_.key_file("key-1", ".creation.json");
  const std::string good = test::read_text(birth);
  ASSERT_TRUE(evidence().contains("creation"));
  Json extra = *jose::parse_json_object(good);
  extra["more"] = "YQ";
  for (const std::string& text : {std::string(), std::string("{}"), good.substr(0, good.size() / 2),
                                  jose::dump_json(extra), std::string(9000, ' ')}) {
    test::write_text(birth, text);
    EXPECT_FALSE(evidence().contains("creation")) << text;
  }
  test::write_text(birth, good);
  ASSERT_TRUE(evidence().contains("creation"));
  std::filesystem::remove(file("attestation-key.pem"));
  EXPECT_FALSE(evidence().contains("creation")) << "another attestation key signs now";
}

TEST_F(Evidence, ShowsTheCertificatesThatAnOperatorPutThere) {
  ASSERT_TRUE(test::put_endorsement_key(token_.tpm(), kEndorsementHierarchy));
  make_key();
  const std::string path = file("attestation-key-certificates.pem");
  tool({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", scratch_ / "key", "-subj", "/CN=ak",
        "-out", path});
  tool({"openssl", "x509", "-in", path, "-outform", "DER", "-out", scratch_ / "der"});
  const Json shown = evidence()["attStmt"]["x5c"];
  ASSERT_EQ(shown.size(), 1U);
  EXPECT_EQ(text(decoded(shown[0])), test::read_text(scratch_ / "der"));
  const std::string good = test::read_text(path);
  for (const std::string& bad : {std::string("no PEM"), good.substr(0, 300), std::string(70'000, '\n') + good,
                                 test::read_text(scratch_ / "key")}) {
    test::write_text(path, bad);
    EXPECT_EQ(evidence()["attStmt"]["x5c"], Json::array());
  }
}

TEST_F(Evidence, QuotesTheValuesThatItShows) {
  ASSERT_TRUE(test::put_endorsement_key(token_.tpm(), kEndorsementHierarchy));
  make_key();
  (void)evidence();
  token_.bus().forget_counts();
  // counter, selection, how many, size; then the first value
  (void)token_.bus().corrupt({.code = test::cc::kPcrRead, .times = 1}, 4 + 4 + 6 + 4 + 2);
  expect_whole(evidence(), attest_request(), nullptr);
  EXPECT_EQ(token_.bus().count(test::cc::kPcrRead), 2U) << "they are read again if they are not those quoted";
  (void)token_.bus().corrupt({.code = test::cc::kPcrRead}, 4 + 4 + 6 + 4 + 2);
  token_.bus().forget_counts();
  EXPECT_EQ(refusal().status, HostStatus::kRefused);
  EXPECT_EQ(token_.bus().count(test::cc::kPcrRead), 3U);
  token_.bus().drop_rules();

  (void)token_.bus().edit_response({.code = test::cc::kPcrRead}, [](std::uint32_t, Bytes& response) {
    response = {0x80, 0x01, 0, 0, 0, 22, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0};  // as of a bank that is off
    return true;
  });
  const auto off = refusal();
  EXPECT_EQ(off.status, HostStatus::kUnsupported) << off.text;
  EXPECT_NE(off.text.find("tpm2_pcrallocate sha256:all"), std::string::npos) << off.text;
}

TEST_F(Evidence, RefusesRequestsThatMakeNoSense) {
  EXPECT_EQ(driver_->attest_key(attest_request("")).error().status, HostStatus::kInvalid);
  auto request = attest_request();
  for (const std::size_t size : {channel::kNonceMin - 1, channel::kNonceMax + 1}) {
    request.nonce = Bytes(size, 1);
    EXPECT_EQ(driver_->attest_key(request).error().status, HostStatus::kInvalid) << size;
  }
  EXPECT_EQ(token_.bus().count(test::cc::kCreatePrimary), 0U);
  EXPECT_EQ(driver_->attest_key(attest_request("nobody")).error().status, HostStatus::kNotFound);
}

}  // namespace
}  // namespace signer::tpm
