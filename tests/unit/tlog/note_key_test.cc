// SPDX-License-Identifier: Apache-2.0

#include "tlog/note_key.h"

#include <gtest/gtest.h>

#include "base/hex.h"
#include "jose/base64url.h"
#include "jose/hash.h"
#include "tests/support/algorithm_key.h"
#include "tests/unit/tlog/published_notes.h"

namespace signer::tlog {
namespace {

std::string vkey_of(const std::string& name, const std::string& id, const Bytes& typed) {
  return name + "+" + id + "+" + jose::base64_encode(typed);
}

Bytes typed_key_of(const std::string& vkey) {
  return jose::base64_decode(vkey.substr(vkey.find('+', vkey.find('+') + 1) + 1)).value();
}

TEST(NoteKeyTest, PublishedKeysAreReadAndWrittenAlike) {
  for (const std::string& vkey : {kNeumannKey, kRekorKey, kPixelKey}) {
    const auto key = NoteKey::parse(vkey);
    ASSERT_TRUE(key) << vkey << ": " << key.error().text;
    EXPECT_EQ(key->to_vkey(), vkey);
  }
  const NoteKey neumann = NoteKey::parse(kNeumannKey).value();
  EXPECT_EQ(neumann.name(), "PeterNeumann");
  EXPECT_EQ(to_hex(neumann.id()), "c74f20a3");
  EXPECT_EQ(neumann.type(), NoteKeyType::kEd25519);
  EXPECT_EQ(neumann.key_bytes().size(), 32U);
  const NoteKey rekor = NoteKey::parse(kRekorKey).value();
  EXPECT_EQ(to_hex(rekor.id()), "c0d23d6a");
  EXPECT_EQ(rekor.type(), NoteKeyType::kEcdsa);
  EXPECT_NE(rekor, neumann);
}

TEST(NoteKeyTest, AKeyMadeOfItsNumbersIsThePublishedOne) {
  const Bytes rekor = typed_key_of(kRekorKey);
  ASSERT_EQ(rekor.size(), 1U + 91U);
  jose::PublicKey numbers;
  numbers.algorithm = Algorithm::kEs256;
  numbers.x.assign(rekor.end() - 64, rekor.end() - 32);
  numbers.y.assign(rekor.end() - 32, rekor.end());
  EXPECT_EQ(NoteKey::make("rekor.sigstore.dev", numbers).value().to_vkey(), kRekorKey);

  const Bytes neumann = typed_key_of(kNeumannKey);
  numbers = {};
  numbers.algorithm = Algorithm::kEd25519;
  numbers.x.assign(neumann.begin() + 1, neumann.end());
  EXPECT_EQ(NoteKey::make("PeterNeumann", numbers).value().to_vkey(), kNeumannKey);
  EXPECT_NE(NoteKey::make("Another", numbers).value().id(), NoteKey::parse(kNeumannKey).value().id())
      << "of Ed25519 the name is part of the id";
}

TEST(NoteKeyTest, RefusesKeysOfOtherAlgorithmsAndPointsThatAreOnNoCurve) {
  for (const Algorithm algorithm : {Algorithm::kEs384, Algorithm::kRs256}) {
    EXPECT_FALSE(NoteKey::make("log.example", test::AlgorithmKey(algorithm).public_key()));
  }
  jose::PublicKey key = test::AlgorithmKey(Algorithm::kEs256).public_key();
  EXPECT_TRUE(NoteKey::make("log.example", key));
  key.y.back() ^= 1U;
  EXPECT_FALSE(NoteKey::make("log.example", key));
  key.y.pop_back();
  EXPECT_FALSE(NoteKey::make("log.example", key));
  EXPECT_EQ(NoteKey::make("log.example", key).error().code, ErrorCode::kInvalidRequest);
}

TEST(NoteKeyTest, ANameHasNoSpaceNoPlusAndNoControlCharacter) {
  const jose::PublicKey key = test::AlgorithmKey(Algorithm::kEs256).public_key();
  for (const std::string name : {"a", "signer.host/5f0c", "h\xc3\xb6st.example", "\xf0\x9f\x94\x91", "-", "a\x7f"}) {
    EXPECT_TRUE(is_key_name(name)) << name;
    const auto made = NoteKey::make(name, key);
    ASSERT_TRUE(made) << name;
    EXPECT_EQ(NoteKey::parse(made->to_vkey()).value(), *made);
  }
  for (const std::string name : {"",
                                 " ",
                                 "a b",
                                 " a",
                                 "a ",
                                 "a+b",
                                 "+",
                                 "a\tb",
                                 "a\nb",
                                 "a\rb",
                                 "a\x1f",
                                 "a\x0b",
                                 "a\xc2\x85",
                                 "a\xc2\xa0z",
                                 "a\xe1\x9a\x80",
                                 "a\xe2\x80\x80",
                                 "a\xe2\x80\x8a",
                                 "a\xe2\x80\xa8",
                                 "a\xe2\x80\xa9",
                                 "a\xe2\x80\xaf",
                                 "a\xe2\x81\x9f",
                                 "a\xe3\x80\x80",
                                 "a\xff",
                                 "a\xc3",
                                 "\x80",
                                 "a\xc0\xaf",
                                 "a\xc1\xbf",
                                 "a\xe0\x80\xaf",
                                 "a\xed\xa0\x80",
                                 "a\xf0\x80\x80\x80",
                                 "a\xf4\x90\x80\x80",
                                 "a\xf5\x80\x80\x80",
                                 "a\xf9\x80\x80\x80",
                                 "a\xe2\x28\xa1"}) {
    EXPECT_FALSE(is_key_name(name)) << name;
    EXPECT_FALSE(NoteKey::make(name, key)) << name;
  }
  EXPECT_FALSE(is_key_name(std::string(1, '\0')));
  EXPECT_TRUE(is_key_name("a\xe2\x80\x8b")) << "a zero width space is no White_Space";
}

// A second encoding of the same point would have another id, and what one reader knows another would not.
TEST(NoteKeyTest, RefusesEveryOtherEncodingOfAPoint) {
  const Bytes rekor = typed_key_of(kRekorKey);
  const auto with_form = [&rekor](std::uint8_t form) {
    Bytes typed = rekor;
    typed[27] = form;
    const auto digest = jose::sha256(ByteView(typed).subspan(1));
    return vkey_of("rekor.sigstore.dev", to_hex(ByteView(digest).first(4)), typed);
  };
  ASSERT_EQ(with_form(0x04), kRekorKey);
  for (const std::uint8_t form : Bytes{0, 2, 3, 5, 6, 7}) EXPECT_FALSE(NoteKey::parse(with_form(form))) << int{form};
}

TEST(NoteKeyTest, RefusesEveryOtherSpellingOfAVkey) {
  const Bytes rekor = typed_key_of(kRekorKey);
  const std::string name = "rekor.sigstore.dev";
  ASSERT_EQ(vkey_of(name, "c0d23d6a", rekor), kRekorKey);
  Bytes shorter(rekor.begin(), rekor.end() - 1);
  Bytes longer = rekor;
  longer.push_back(0);
  Bytes other_type = rekor;
  Bytes as_ed25519 = rekor;
  other_type[0] = 0x04;
  as_ed25519[0] = 0x01;
  for (const std::string& vkey : {std::string(),
                                  std::string("+"),
                                  std::string("++"),
                                  name,
                                  name + "+c0d23d6a",
                                  name + "+c0d23d6a+",
                                  "+c0d23d6a+" + jose::base64_encode(rekor),
                                  vkey_of(name, "c0d23d6b", rekor),
                                  vkey_of(name, "C0D23D6A", rekor),
                                  vkey_of(name, "c0d23d6", rekor),
                                  vkey_of(name, "c0d23d6a00", rekor),
                                  vkey_of(name, "", rekor),
                                  vkey_of(name, "0xd23d6a", rekor),
                                  vkey_of("re kor", "c0d23d6a", rekor),
                                  vkey_of(name, "c0d23d6a", shorter),
                                  vkey_of(name, "c0d23d6a", longer),
                                  vkey_of(name, "c0d23d6a", other_type),
                                  vkey_of(name, "c0d23d6a", as_ed25519),
                                  vkey_of(name, "c0d23d6a", {}),
                                  vkey_of(name, "c0d23d6a", {2}),
                                  kRekorKey + "=",
                                  kRekorKey + "\n",
                                  " " + kRekorKey,
                                  kRekorKey.substr(0, kRekorKey.size() - 1),
                                  std::string(5000, 'a') + kRekorKey}) {
    const auto key = NoteKey::parse(vkey);
    EXPECT_FALSE(key) << vkey;
    if (key) continue;
    EXPECT_EQ(key.error().code, ErrorCode::kInvalidRequest);
    EXPECT_EQ(key.error().text.find("rekor"), std::string::npos) << key.error().text;
  }
}

// The id is there for slips of the pen.  (The name of an ECDSA key is no part of it: another name is another key.)
TEST(NoteKeyTest, RefusesAVkeyOfWhichOneBitIsFlipped) {
  for (const auto& [vkey, first] :
       {std::pair(kNeumannKey, std::size_t{0}), std::pair(kRekorKey, kRekorKey.find('+'))}) {
    for (std::size_t i = first; i < vkey.size(); ++i) {
      for (unsigned bit = 0; bit < 8; ++bit) {
        std::string bad = vkey;
        bad[i] = static_cast<char>(static_cast<unsigned char>(bad[i]) ^ (1U << bit));
        ASSERT_FALSE(NoteKey::parse(bad)) << bad;
      }
    }
  }
}

TEST(NoteKeyTest, VerifiesItsOwnTypeOfSignatureAlone) {
  const std::string text = "log.example\n1\nroot\n";
  for (const Algorithm algorithm : {Algorithm::kEs256, Algorithm::kEd25519}) {
    const test::AlgorithmKey signer(algorithm);
    const NoteKey key = NoteKey::make("log.example", signer.public_key()).value();
    const Bytes good = signer.native_signature(text);
    EXPECT_TRUE(key.verify(text, good));
    EXPECT_FALSE(key.verify(text + "\n", good));
    EXPECT_FALSE(key.verify("", good));
    EXPECT_FALSE(key.verify(text, {}));
    EXPECT_FALSE(key.verify(text, ByteView(good).first(good.size() - 1)));
    Bytes longer = good;
    longer.push_back(0);
    EXPECT_FALSE(key.verify(text, longer));
    EXPECT_FALSE(key.verify(text, Bytes(64)));
    EXPECT_FALSE(key.verify(text, test::AlgorithmKey(algorithm).native_signature(text)));
    if (algorithm == Algorithm::kEs256) {
      EXPECT_FALSE(key.verify(text, signer.signature(text))) << "r || s";
    }
    for (std::size_t i = 0; i < good.size(); ++i) {
      Bytes bad = good;
      bad[i] ^= 0x10U;
      ASSERT_FALSE(key.verify(text, bad)) << i;
    }
  }
}

}  // namespace
}  // namespace signer::tlog
