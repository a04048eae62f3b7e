// SPDX-License-Identifier: Apache-2.0
//
// The host's evidence before the auditor's judge: what one writes the other must read, every bad key must fail for its
// own reason, and a good one must not.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/hex.h"
#include "evidence/judge_pkcs11.h"
#include "evidence_reader.h"
#include "hsm/ckr.h"
#include "test_token.h"
#include "tests/support/gallery.h"

namespace signer::hsm {
namespace {

using channel::Probes;
using evidence::Finding;
using evidence::Grade;
using signer::test::GalleryKey;
using test::control;
using test::Json;

// The evidence as it would be if a box had made it whose module says nothing else.
Json of_a_box(const Json& part) {
  std::string text = part.dump();
  for (const std::string& name : {std::string("SoftHSM"), std::string("softhsm"), std::string("SOFTHSM")}) {
    for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name))
      text.replace(at, name.size(), "Box");
  }
  return Json::parse(text);
}

// The key that its evidence shows: what is published is what was made.
jose::PublicKey shown_key(const Json& part) {
  jose::PublicKey key;
  key.modulus = from_hex(test::attribute_of(part["private_key"], "CKA_MODULUS")).value_or(Bytes());
  key.exponent = from_hex(test::attribute_of(part["private_key"], "CKA_PUBLIC_EXPONENT")).value_or(Bytes());
  return key;
}

std::vector<std::string> bad_checks(const evidence::Judgement& judgement) {
  std::vector<std::string> names;
  for (const evidence::Check& check : judgement.checks) {
    if (check.finding == Finding::kBad && std::ranges::find(names, check.name) == names.end())
      names.push_back(check.name);
  }
  std::ranges::sort(names);
  return names;
}

std::string told(const evidence::Judgement& judgement) {
  std::string text = std::string(to_string(judgement.grade)) + ": " + judgement.reason + "\n";
  for (const evidence::Check& check : judgement.checks) {
    if (check.finding != Finding::kGood)
      text += std::string(to_string(check.finding)) + " " + check.name + ": " + check.found + "\n";
  }
  return text;
}

class JudgedGallery : public ::testing::Test {
 protected:
  test::TestToken token_;
  std::unique_ptr<Pkcs11Driver> driver_ = test::opened(token_);
};

TEST_F(JudgedGallery, AGoodKeyIsProbedInABoxAndSoftwareInSoftHsm) {
  ASSERT_TRUE(driver_->generate_key(test::key_request(jose::KeyKind::kRsa2048)));
  const Json part = test::attested(*driver_, "key-1", Probes::kFull);
  const auto in_softhsm = evidence::judge_pkcs11(part, shown_key(part));
  EXPECT_EQ(in_softhsm.grade, Grade::kSoftware) << told(in_softhsm);
  const auto in_a_box = evidence::judge_pkcs11(of_a_box(part), shown_key(part));
  EXPECT_EQ(in_a_box.grade, Grade::kProbed) << told(in_a_box);

  const Json less = of_a_box(test::attested(*driver_, "key-1", Probes::kReadOnly));
  EXPECT_EQ(evidence::judge_pkcs11(less, shown_key(less)).grade, Grade::kClaimed) << "not everything was tried";
  jose::PublicKey other = shown_key(part);
  other.modulus.back() ^= 2U;
  EXPECT_EQ(evidence::judge_pkcs11(of_a_box(part), other).grade, Grade::kFailed) << "another key is published";
}

TEST(JudgedLies, Invariant04_ALyingModuleFailsByWhatItGivesAway) {
  struct Case {
    fault::WeakPair weak;
    std::vector<std::string> bad;
  };
  for (const Case& one :
       {Case{fault::kReadable,
             {"probe.copy", "probe.read", "probe.read-mixed", "probe.set-attribute", "probe.throwaway-read",
              "probe.throwaway-wrap", "probe.wrap"}},
        Case{fault::kWrappable, {"probe.copy", "probe.set-attribute", "probe.throwaway-wrap", "probe.wrap"}},
        Case{fault::kCopyable, {"probe.copy", "probe.set-attribute"}}}) {
    test::TestToken token;
    const auto driver = test::opened(token);
    control().weak_pairs = one.weak;
    control().good_claims = 1;
    ASSERT_TRUE(driver->generate_key(test::key_request(jose::KeyKind::kRsa2048)));
    const Json part = of_a_box(test::attested(*driver, "key-1", Probes::kFull));
    const auto judgement = evidence::judge_pkcs11(part, shown_key(part));
    EXPECT_EQ(judgement.grade, Grade::kFailed) << told(judgement);
    EXPECT_EQ(bad_checks(judgement), one.bad) << told(judgement);
  }
}

TEST_F(JudgedGallery, Invariant04_EachBadKeyFailsForItsOwnReasonInABoxToo) {
  struct BadKey {
    GalleryKey kind;
    const char* bad;  // the check that gives it away
  };
  const auto beside = test::session_beside();
  for (const BadKey& one :
       {BadKey{GalleryKey::kExtractable, "attribute.CKA_EXTRACTABLE"},
        BadKey{GalleryKey::kNonSensitive, "attribute.CKA_SENSITIVE"}, BadKey{GalleryKey::kReadable, "probe.read"},
        BadKey{GalleryKey::kImported, "attribute.CKA_LOCAL"}, BadKey{GalleryKey::kUnwrapped, "attribute.CKA_LOCAL"},
        BadKey{GalleryKey::kLaundered, "attribute.CKA_ALWAYS_SENSITIVE"},
        BadKey{GalleryKey::kWrapWithTrusted, "attribute.CKA_EXTRACTABLE"},
        BadKey{GalleryKey::kDecryptCapable, "attribute.CKA_DECRYPT"},
        BadKey{GalleryKey::kNoLogin, "attribute.CKA_PRIVATE"}, BadKey{GalleryKey::kSecondCopy, "objects.second_copy"},
        BadKey{GalleryKey::kShort, "key.bits"}, BadKey{GalleryKey::kLowExponent, "key.exponent"}}) {
    const std::string id(signer::test::to_string(one.kind));
    SCOPED_TRACE(id);
    ASSERT_EQ(make_gallery_key(beside.session, one.kind, bytes_of(id)), CKR_OK);
    const Json part = of_a_box(test::attested(*driver_, id, Probes::kReadOnly));
    const auto judgement = evidence::judge_pkcs11(part, shown_key(part));
    EXPECT_EQ(judgement.grade, Grade::kFailed) << told(judgement);
    const auto bad = bad_checks(judgement);
    EXPECT_NE(std::ranges::find(bad, one.bad), bad.end()) << told(judgement);
  }
}

}  // namespace
}  // namespace signer::hsm
