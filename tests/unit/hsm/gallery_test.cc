// SPDX-License-Identifier: Apache-2.0
//
// A gallery of bad keys: what gives each away in the evidence, and what an inspection says of it.
#include <gtest/gtest.h>

#include <algorithm>

#include "evidence_reader.h"
#include "hsm/ckr.h"
#include "test_token.h"
#include "tests/support/gallery.h"

namespace signer::hsm {
namespace {

using channel::HostStatus;
using channel::Probes;
using fault::Function;
using signer::test::GalleryKey;
using test::control;
using test::Json;

struct Attribute {
  const char* name;
  const char* value;
};

struct Exhibit {
  GalleryKey kind;
  Probes probes;                         // kNone where no probe could tell: each costs a key pair
  std::vector<Attribute> attributes;     // what is wrong, as it stands in the evidence
  std::vector<std::string> not_refused;  // probes that get through
  HostStatus inspected;
  const char* reason;  // in the text of the inspection
};

constexpr const char* kUnavailable = "ffffffffffffffff";

const std::vector<Exhibit>& exhibits() {
  static const std::vector<Exhibit> all = {
      {GalleryKey::kGood, Probes::kReadOnly, {}, {}, HostStatus::kOk, ""},
      {GalleryKey::kExtractable,
       Probes::kReadOnly,
       {{"CKA_EXTRACTABLE", "01"}, {"CKA_NEVER_EXTRACTABLE", "00"}},
       {"wrap"},
       HostStatus::kWeakened,
       "CKA_EXTRACTABLE=1"},
      {GalleryKey::kNonSensitive,
       Probes::kReadOnly,
       {{"CKA_SENSITIVE", "00"}, {"CKA_ALWAYS_SENSITIVE", "00"}},
       {},
       HostStatus::kWeakened,
       "CKA_SENSITIVE=0"},
      {GalleryKey::kReadable,
       Probes::kReadOnly,
       {{"CKA_SENSITIVE", "00"}, {"CKA_EXTRACTABLE", "01"}},
       {"read", "read-mixed", "wrap"},
       HostStatus::kWeakened,
       "CKA_SENSITIVE=0"},
      {GalleryKey::kImported,
       Probes::kNone,
       {{"CKA_LOCAL", "00"},
        {"CKA_ALWAYS_SENSITIVE", "00"},
        {"CKA_NEVER_EXTRACTABLE", "00"},
        {"CKA_KEY_GEN_MECHANISM", kUnavailable}},
       {},
       HostStatus::kWeakened,
       "CKA_LOCAL=0"},
      {GalleryKey::kUnwrapped,
       Probes::kNone,
       {{"CKA_LOCAL", "00"}, {"CKA_ALWAYS_SENSITIVE", "00"}, {"CKA_NEVER_EXTRACTABLE", "00"}},
       {},
       HostStatus::kWeakened,
       "CKA_LOCAL=0"},
      {GalleryKey::kLaundered,
       Probes::kNone,
       {{"CKA_SENSITIVE", "01"}, {"CKA_ALWAYS_SENSITIVE", "00"}, {"CKA_NEVER_EXTRACTABLE", "00"}},
       {},
       HostStatus::kWeakened,
       "CKA_ALWAYS_SENSITIVE=0"},
      {GalleryKey::kWrapWithTrusted,
       Probes::kReadOnly,
       {{"CKA_EXTRACTABLE", "01"}, {"CKA_WRAP_WITH_TRUSTED", "01"}},
       {},  // the probes' wrapping keys are not trusted: only the attribute tells
       HostStatus::kWeakened,
       "CKA_EXTRACTABLE=1"},
      {GalleryKey::kDecryptCapable,
       Probes::kReadOnly,
       {{"CKA_DECRYPT", "01"}, {"CKA_UNWRAP", "01"}},
       {"decrypt"},
       HostStatus::kWeakened,
       "CKA_DECRYPT=1"},
      {GalleryKey::kNoLogin, Probes::kNone, {{"CKA_PRIVATE", "00"}}, {}, HostStatus::kWeakened, "CKA_PRIVATE=0"},
      {GalleryKey::kSecondCopy, Probes::kNone, {}, {}, HostStatus::kWeakened, "2-private-keys-with-its-numbers"},
      {GalleryKey::kShort, Probes::kNone, {}, {}, HostStatus::kUnsupported, "modulus"},
      {GalleryKey::kLowExponent,
       Probes::kNone,
       {{"CKA_PUBLIC_EXPONENT", "03"}},
       {},
       HostStatus::kUnsupported,
       "exponent"},
  };
  return all;
}

// What the judge of an auditor asks for.
void expect_good(const Json& part) {
  for (const auto& [name, good] :
       std::initializer_list<std::pair<const char*, const char*>>{{"CKA_SENSITIVE", "01"},
                                                                  {"CKA_ALWAYS_SENSITIVE", "01"},
                                                                  {"CKA_EXTRACTABLE", "00"},
                                                                  {"CKA_NEVER_EXTRACTABLE", "01"},
                                                                  {"CKA_LOCAL", "01"},
                                                                  {"CKA_KEY_GEN_MECHANISM", "0000000000000000"},
                                                                  {"CKA_PRIVATE", "01"},
                                                                  {"CKA_DECRYPT", "00"},
                                                                  {"CKA_UNWRAP", "00"},
                                                                  {"CKA_WRAP_WITH_TRUSTED", "00"},
                                                                  {"CKA_PUBLIC_EXPONENT", "010001"}}) {
    EXPECT_EQ(test::attribute_of(part["private_key"], name), good) << name;
  }
}

TEST(Gallery, Invariant04_EachBadKeyIsGivenAwayAndTheGoodOneIsNot) {
  const test::TestToken token;
  const auto driver = test::opened(token);
  const auto beside = test::session_beside();
  for (const Exhibit& exhibit : exhibits()) {
    const std::string id(signer::test::to_string(exhibit.kind));
    SCOPED_TRACE(id);
    const CK_RV made = make_gallery_key(beside.session, exhibit.kind, bytes_of(id));
    ASSERT_EQ(made, CKR_OK) << ckr_name(made);
    const Json part = test::attested(*driver, id, exhibit.probes);
    for (const auto& [name, value] : exhibit.attributes) {
      EXPECT_EQ(test::attribute_of(part["private_key"], name), value) << name;
    }
    auto not_refused = test::not_passed(part);
    // What becomes of random bytes is up to the OpenSSL below SoftHSM2: up to 3.1 the attempt fails
    // (CKR_GENERAL_ERROR), later ones make up a key.
    if (exhibit.kind == GalleryKey::kDecryptCapable) {
      std::erase(not_refused, "unwrap");
      const auto unwrapped = test::tries(part, "unwrap");
      ASSERT_EQ(unwrapped.size(), 1U);
      EXPECT_TRUE(unwrapped[0]["rv"] == "CKR_GENERAL_ERROR" || unwrapped[0]["rv"] == "CKR_OK") << unwrapped[0];
    }
    EXPECT_EQ(not_refused, exhibit.not_refused) << part["tried"].dump(1);
    if (exhibit.kind == GalleryKey::kGood) expect_good(part);
    EXPECT_EQ(test::attribute_of(part["private_key"], "CKA_TOKEN"), "01");
    EXPECT_EQ(part["same_id"], 1);
    const std::string modulus = test::attribute_of(part["private_key"], "CKA_MODULUS");
    EXPECT_EQ(modulus.size(), exhibit.kind == GalleryKey::kShort ? 256U : 512U);
    const auto copies =
        std::ranges::count_if(part["objects"], [](const Json& other) { return other["same_modulus"] == true; });
    EXPECT_EQ(copies, exhibit.kind == GalleryKey::kSecondCopy ? 1 : 0);

    const auto inspected = driver->inspect_key(bytes_of(id));
    EXPECT_EQ(inspected ? HostStatus::kOk : inspected.error().status, exhibit.inspected);
    const std::string reason = inspected ? "" : inspected.error().text;
    EXPECT_NE(reason.find(exhibit.reason), std::string::npos) << reason;
  }
  EXPECT_EQ(control().calls(Function::C_Login), 1U);
  EXPECT_EQ(control().calls(Function::C_Initialize), 1U) << "no bad key is a reason to start over";
  EXPECT_EQ(control().violations, 0U);
}

}  // namespace
}  // namespace signer::hsm
