// SPDX-License-Identifier: Apache-2.0
//
// Without these a key file that another tool wrote could be read as something else, and ours could be unreadable to all
// but us.
#include "tpm/private_key_file.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include "base/hex.h"

namespace signer::tpm {
namespace {

// The example of docs/tpm-keys.md, member by member.
constexpr const char* kType = "06066781050a0103";
constexpr const char* kEmptyAuthTrue = "a0030101ff";
constexpr const char* kParent = "02050081000001";
constexpr const char* kPublic =
    "04080006"
    "00010203"
    "0405";
constexpr const char* kPrivate =
    "04060004"
    "0a0b0c0d";

std::string hex_sequence(const std::string& content) {
  return "30" + to_hex(Bytes{static_cast<std::uint8_t>(content.size() / 2)}) + content;
}

std::string example() {
  return hex_sequence(std::string(kType) + kEmptyAuthTrue + kParent + kPublic + kPrivate);
}

PrivateKeyFile example_key() {
  return {.empty_auth = true,
          .parent = 0x81000001,
          .public_area = {0, 6, 0, 1, 2, 3, 4, 5},
          .private_area = {0, 4, 0x0a, 0x0b, 0x0c, 0x0d}};
}

std::string pem_of(const Bytes& der) {
  std::string base64(4 * (der.size() / 3 + 1) + 1, '\0');
  const int size =
      ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(base64.data()), der.data(), static_cast<int>(der.size()));
  base64.resize(static_cast<std::size_t>(size));
  std::string text = "-----BEGIN TSS2 PRIVATE KEY-----\n";
  for (std::size_t i = 0; i < base64.size(); i += 64) text += base64.substr(i, 64) + "\n";
  return text + "-----END TSS2 PRIVATE KEY-----\n";
}

Result<PrivateKeyFile> decode_hex(const std::string& der) {
  return decode_private_key(pem_of(from_hex(der).value()));
}

void expect_refused(const std::string& der, std::string_view why) {
  const auto key = decode_hex(der);
  ASSERT_FALSE(key.has_value()) << why;
  EXPECT_EQ(key.error().code, ErrorCode::kInvalidRequest);
  EXPECT_EQ(key.error().text, "tpm key file: " + std::string(why));
}

TEST(PrivateKeyFile, WritesAndReadsTheDocumentedBytes) {
  const auto text = encode_private_key(example_key());
  ASSERT_TRUE(text.has_value());
  EXPECT_EQ(*text, pem_of(from_hex(example()).value()));
  const auto key = decode_hex(example());
  ASSERT_TRUE(key.has_value()) << key.error().text;
  EXPECT_EQ(*key, example_key());
}

TEST(PrivateKeyFile, IsDocumentedWithTheBytesItWrites) {
  std::ifstream file(std::string(SOURCE_DIRECTORY) + "/docs/tpm-keys.md");
  std::ostringstream text;
  text << file.rdbuf();
  const auto pem = encode_private_key(example_key());
  ASSERT_TRUE(pem.has_value());
  EXPECT_NE(text.str().find(*pem), std::string::npos) << *pem;
}

TEST(PrivateKeyFile, KeepsEveryMemberOfALargeKey) {
  PrivateKeyFile key{.parent = 0x40000001,
                     .public_area = Bytes(kKeyAreaBytesMax, 0x5a),
                     .private_area = Bytes(300, 0xa5),
                     .description = "issuer k\xc3\xa9y"};
  key.public_area[0] = 0x07;
  key.public_area[1] = 0xfe;
  key.private_area[0] = 0x01;
  key.private_area[1] = 0x2a;
  const auto text = encode_private_key(key);
  ASSERT_TRUE(text.has_value()) << text.error().text;
  const auto again = decode_private_key(*text);
  ASSERT_TRUE(again.has_value()) << again.error().text;
  EXPECT_EQ(*again, key);
}

TEST(PrivateKeyFile, ReadsAuthAsNeededUnlessTheFileSaysOtherwise) {
  const std::string rest = std::string(kParent) + kPublic + kPrivate;
  const auto silent = decode_hex(hex_sequence(kType + rest));
  ASSERT_TRUE(silent.has_value());
  EXPECT_FALSE(silent->empty_auth);
  const auto explicitly = decode_hex(hex_sequence(std::string(kType) + "a003010100" + rest));
  ASSERT_TRUE(explicitly.has_value());
  EXPECT_FALSE(explicitly->empty_auth);
  const auto as_tools_write_it = decode_hex(hex_sequence(std::string(kType) + "a003010101" + rest));
  ASSERT_TRUE(as_tools_write_it.has_value());
  EXPECT_TRUE(as_tools_write_it->empty_auth);
  for (const char* wrong : {"a003010102", "a0030101ee", "a0020100", "a00401020000", "a0030201ff", "a000"}) {
    expect_refused(hex_sequence(kType + (wrong + rest)), "member [0] emptyAuth is not a BOOLEAN in DER");
  }
  expect_refused(hex_sequence(std::string(kType) + "a0050101ff0500" + rest),
                 "member [0] emptyAuth is not a BOOLEAN in DER");
}

TEST(PrivateKeyFile, RefusesKeysOfOtherKindsByName) {
  const std::string rest = std::string(kParent) + kPublic + kPrivate;
  expect_refused(hex_sequence("06066781050a0104" + rest), "an importable key: it was not made inside the TPM");
  expect_refused(hex_sequence("06066781050a0105" + rest), "sealed data, not a key");
  expect_refused(hex_sequence("06066781050a0106" + rest), "not a loadable TPM 2.0 key (2.23.133.10.1.3)");
  expect_refused(hex_sequence("06056781050a01" + rest), "not a loadable TPM 2.0 key (2.23.133.10.1.3)");
  expect_refused(hex_sequence("06006781050a01" + rest), "not a loadable TPM 2.0 key (2.23.133.10.1.3)");
  expect_refused(hex_sequence(rest), "does not begin with an object identifier");
}

TEST(PrivateKeyFile, RefusesPoliciesAndWhatItDoesNotKnowByName) {
  const std::string head = std::string(kType) + kEmptyAuthTrue;
  const std::string rest = std::string(kParent) + kPublic + kPrivate;
  expect_refused(hex_sequence(head + "a1023000" + rest),
                 "member [1] policy: keys that need a policy are not supported");
  expect_refused(hex_sequence(head + "a203040100" + rest),
                 "member [2] secret: the key is encrypted for import, it was not made inside the TPM");
  expect_refused(hex_sequence(head + "a3023000" + rest),
                 "member [3] authPolicy: keys that need a policy are not supported");
  expect_refused(hex_sequence(head + "a5030101ff" + rest),
                 "member [5] rsaParent: parents are never derived anew; the parent must be a persistent key");
  expect_refused(hex_sequence(head + "a6020500" + rest), "unknown member [6]");
  expect_refused(hex_sequence(head + "be020500" + rest), "unknown member [30]");
}

TEST(PrivateKeyFile, RefusesMembersTwiceOrOutOfOrder) {
  const std::string rest = std::string(kParent) + kPublic + kPrivate;
  expect_refused(hex_sequence(std::string(kType) + kEmptyAuthTrue + kEmptyAuthTrue + rest),
                 "member [0] twice or out of order");
  expect_refused(hex_sequence(std::string(kType) + "a4030c0161" + kEmptyAuthTrue + rest),
                 "member [0] twice or out of order");
}

TEST(PrivateKeyFile, RefusesDescriptionsThatCouldDisturbALog) {
  const auto with = [](const std::string& description) {
    return hex_sequence(std::string(kType) + description + kParent + kPublic + kPrivate);
  };
  ASSERT_TRUE(decode_hex(with("a4030c0161")).has_value());
  expect_refused(with("a4030c010a"), "description with a control character");
  expect_refused(with("a4040c02c285"), "description with a control character");
  expect_refused(with("a4030c01ff"), "description is not UTF-8");
  expect_refused(with("a4040c02c080"), "description is not UTF-8");
  expect_refused(with("a4020c00"), "member [4] description is not a UTF8String in DER");
  expect_refused(with("a403130161"), "member [4] description is not a UTF8String in DER");
  PrivateKeyFile key = example_key();
  key.description = std::string(kKeyDescriptionBytesMax, 'd');
  EXPECT_TRUE(encode_private_key(key).has_value());
  key.description += 'd';
  EXPECT_FALSE(encode_private_key(key).has_value());
}

TEST(PrivateKeyFile, RefusesParentsThatNoKeyFileCanMean) {
  const auto with = [](const std::string& parent) {
    return hex_sequence(std::string(kType) + parent + kPublic + kPrivate);
  };
  const char* const kWrongKind = "parent is neither a persistent handle (0x81......) nor a hierarchy (0x40......)";
  ASSERT_TRUE(decode_hex(with("020440000001")).has_value());
  expect_refused(with("020481000001"), "parent is negative");
  expect_refused(with("02060000810000010203"), "parent not in its shortest form");
  expect_refused(with("02050040000001"), "parent not in its shortest form");
  expect_refused(with("02050181000001"), "parent of more than 32 bits");
  expect_refused(with("0200"), "parent is negative");
  expect_refused(with("020100"), kWrongKind);
  expect_refused(with("02050080000001"), kWrongKind);
  expect_refused(with("020401000001"), kWrongKind);
  expect_refused(hex_sequence(std::string(kType) + kPublic + kPrivate), "no parent handle");
}

TEST(PrivateKeyFile, RefusesAreasWhoseSizeDoesNotFit) {
  const auto with = [](const std::string& areas) { return hex_sequence(std::string(kType) + kParent + areas); };
  expect_refused(with(std::string("0408000500010203") + "0405" + kPrivate), "public area whose size does not fit");
  expect_refused(with(std::string("04020000") + kPrivate), "public area whose size does not fit");
  expect_refused(with(std::string("0400") + kPrivate), "public area whose size does not fit");
  expect_refused(with(std::string(kPublic) + "040600050a0b0c0d"), "private area whose size does not fit");
  expect_refused(with(kPublic), "no private area");
  expect_refused(with(""), "no public area");
  expect_refused(with(std::string(kPublic) + kPrivate + "0500"), "bytes after the private area");
  PrivateKeyFile key = example_key();
  key.private_area.assign(kKeyAreaBytesMax + 1, 0x01);
  key.private_area[0] = 0x07;
  key.private_area[1] = 0xff;
  EXPECT_EQ(encode_private_key(key).error().text, "tpm key file: private area of more than 2048 bytes");
}

TEST(PrivateKeyFile, RefusesLengthsThatAreNotInTheirShortestForm) {
  const std::string content = std::string(kType) + kParent + kPublic + kPrivate;
  const std::string size = to_hex(Bytes{static_cast<std::uint8_t>(content.size() / 2)});
  ASSERT_TRUE(decode_hex("30" + size + content).has_value());
  expect_refused("3081" + size + content, "not one DER sequence");
  expect_refused("308200" + size + content, "not one DER sequence");
  expect_refused(
      "3083"
      "0000" +
          size + content,
      "not one DER sequence");
  expect_refused("3080" + content + "0000", "not one DER sequence");
  expect_refused("30ff" + content, "not one DER sequence");
  expect_refused("30" + size + content + "00", "bytes after the DER sequence");
  expect_refused("31" + size + content, "not one DER sequence");
}

TEST(PrivateKeyFile, ReadsNoPrefixAndNothingLonger) {
  const Bytes der = from_hex(example()).value();
  for (std::size_t size = 1; size < der.size(); ++size) {
    const Bytes cut(der.begin(), der.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(decode_private_key(pem_of(cut)).has_value()) << size;
  }
}

// If one text can be written in two ways, a changed file can pass for the one that was reviewed.
TEST(PrivateKeyFile, HasOneSpellingForEachKey) {
  const Bytes der = from_hex(example()).value();
  int read = 0;
  for (std::size_t bit = 0; bit < 8 * der.size(); ++bit) {
    Bytes changed = der;
    changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ 1U << bit % 8);
    const auto key = decode_private_key(pem_of(changed));
    if (!key) continue;
    ++read;
    EXPECT_NE(*key, example_key()) << bit;
    EXPECT_EQ(encode_private_key(*key).value(), pem_of(changed)) << bit;
  }
  EXPECT_GT(read, 0) << "bits of the areas themselves are the TPM's to judge";
}

TEST(PrivateKeyFile, RefusesWhatIsNotOnePemBlockOfItsName) {
  const std::string good = pem_of(from_hex(example()).value());
  const auto why = [](const std::string& text) {
    const auto key = decode_private_key(text);
    return key ? std::string("read") : key.error().text;
  };
  EXPECT_EQ(why(good), "read");
  EXPECT_EQ(why(good + "\n \r\n"), "read");
  const std::string no_begin = "tpm key file: does not begin with \"-----BEGIN TSS2 PRIVATE KEY-----\"";
  EXPECT_EQ(why(""), no_begin);
  EXPECT_EQ(why("\n" + good), no_begin);
  EXPECT_EQ(why("-----BEGIN PRIVATE KEY-----\n" + good.substr(33)), no_begin);
  EXPECT_EQ(why(good + good), "tpm key file: text after the PEM block");
  EXPECT_EQ(why(good + std::string(1, '\0')), "tpm key file: text after the PEM block");
  EXPECT_EQ(why(good.substr(0, good.size() - 10)), "tpm key file: not PEM");
  EXPECT_EQ(why(good.substr(0, 40)), "tpm key file: not PEM");
  std::string bad_letter = good;
  bad_letter[40] = '!';
  EXPECT_EQ(why(bad_letter), "tpm key file: not PEM");
  std::string encrypted = good;
  encrypted.insert(33, "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n");
  EXPECT_EQ(why(encrypted), "tpm key file: PEM with a header: encrypted files are not supported");
  EXPECT_EQ(why(good + std::string(kKeyFileBytesMax, ' ')), "tpm key file: of more than 8192 bytes");
}

}  // namespace
}  // namespace signer::tpm
