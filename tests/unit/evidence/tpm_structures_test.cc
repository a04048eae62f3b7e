// SPDX-License-Identifier: Apache-2.0
//
// The hand-written reader of a TPM's structures.  If it were lax, two different byte strings would read as the same key
// or statement, and what was signed would not be what is shown.
#include <gtest/gtest.h>

#include "base/hex.h"
#include "evidence/tpm_structures.h"
#include "tests/support/tpm_wire.h"
#include "tpm_model.h"

namespace signer::evidence {
namespace {

using signer::test::overwrite;
using signer::test::put;
using test::AreaWords;
using test::AttestWords;
using test::joined;
using test::sized;
using test::TpmModel;

// What tpm2_create of tpm2-tools made on swtpm, and the Name that tpm2_load printed.
constexpr std::string_view kToolsArea =
    "0023000b00040472000000100018000b00030010002039844a88aa76ae3647b66c546c0ebf95f0e409f39b424559480200ab59930f750020"
    "471996c96b84891e04a7edc8c5a6626853bf522f3824c337a34af24431e1324f";
constexpr std::string_view kToolsName = "000b895a352c76cfe2461b49e8292fdda60b14c2a9cb786b14f75371c803d5b3d37f";

// Whole it is read; every shorter piece and one with a byte behind it are not.
template <class Read>
void expect_one_length(const Bytes& bytes, Read read) {
  ASSERT_TRUE(read(bytes)) << read(bytes).error().text;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const Bytes cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    const auto outcome = read(cut);
    ASSERT_FALSE(outcome) << size << " bytes";
    ASSERT_EQ(outcome.error().code, ErrorCode::kInvalidRequest);
  }
  EXPECT_FALSE(read(joined({bytes, Bytes{0}})));
}

AttestWords words_of(std::uint16_t type, const Bytes& attested) {
  AttestWords words;
  words.type = type;
  words.signer = Bytes(34, 1);
  words.extra_data = Bytes(32, 2);
  words.attested = attested;
  return words;
}

TEST(TpmStructures, AnAreaOfTpmToolsIsReadAsTheySayOfIt) {
  const Bytes bytes = from_hex(kToolsArea).value();
  const auto area = read_public_area(bytes);
  ASSERT_TRUE(area) << area.error().text;
  EXPECT_EQ(area->type, kAlgEcc);
  EXPECT_EQ(area->attributes, 0x40472U);
  EXPECT_EQ(area->scheme, kAlgEcdsa);
  EXPECT_EQ(area->scheme_hash, kAlgSha256);
  EXPECT_EQ(to_hex(numbers_of(*area).x), kToolsArea.substr(44, 64));
  EXPECT_EQ(to_hex(numbers_of(*area).y), kToolsArea.substr(112, 64));
  EXPECT_EQ(to_hex(name_of(bytes)), kToolsName);
}

TEST(TpmStructures, EachHasExactlyOneLength) {
  const TpmModel model;
  expect_one_length(model.key.bytes(), read_public_area);
  expect_one_length(model.endorsement_key.bytes(), read_public_area);
  expect_one_length(model.storage_root.bytes(), read_public_area);
  const Bytes name(34, 3);
  expect_one_length(words_of(0x8017, joined({sized(name), sized(name)})).bytes(), read_attest);
  expect_one_length(words_of(0x801a, joined({sized(name), sized(Bytes(32))})).bytes(), read_attest);
  expect_one_length(words_of(0x8018, joined({test::pcr_selection(0x000b, 0xff), sized(Bytes(32))})).bytes(),
                    read_attest);
  expect_one_length(joined({test::pcr_selection(0x000b, 1), sized(Bytes(32)), Bytes{1, 0, 0x0b}, sized(name),
                            sized(name), sized(Bytes(32))}),
                    read_creation_data);
}

TEST(TpmStructures, TheFieldsOfAStatementAreWhereTheyBelong) {
  const auto attest = read_attest(words_of(0x8017, joined({sized(Bytes(34, 4)), sized(Bytes(34, 5))})).bytes());
  ASSERT_TRUE(attest);
  EXPECT_EQ(attest->magic, kTpmGenerated);
  EXPECT_EQ(attest->qualified_signer, Bytes(34, 1));
  EXPECT_EQ(attest->extra_data, Bytes(32, 2));
  EXPECT_EQ(attest->clock.clock, 5'000'000U);
  EXPECT_EQ(attest->clock.reset_count, 12U);
  EXPECT_EQ(attest->clock.restart_count, 3U);
  EXPECT_TRUE(attest->clock.safe);
  EXPECT_EQ(attest->firmware, 0x0007005500112233U);
  EXPECT_EQ(std::get<CertifiedKey>(attest->attested).name, Bytes(34, 4));
  EXPECT_EQ(std::get<CertifiedKey>(attest->attested).qualified_name, Bytes(34, 5));
  const auto quote =
      read_attest(words_of(0x8018, joined({test::pcr_selection(0x000b, 0x81), sized(Bytes(32, 6))})).bytes());
  ASSERT_TRUE(quote);
  EXPECT_EQ(std::get<Quoted>(quote->attested).banks, (std::vector<PcrBank>{{kAlgSha256, {0, 7}}}));
}

TEST(TpmStructures, AFieldOutOfItsRangeIsRefused) {
  const Bytes certified = joined({sized(Bytes(34)), sized(Bytes(34))});
  AttestWords words = words_of(0x8017, certified);
  words.safe = 2;
  EXPECT_FALSE(read_attest(words.bytes()));
  words.safe = 0;
  words.extra_data.resize(66);
  EXPECT_TRUE(read_attest(words.bytes()));
  words.extra_data.resize(67);
  EXPECT_FALSE(read_attest(words.bytes()));
  // Counts and sizes that promise more than there is, or can be.
  Bytes selection = test::pcr_selection(0x000b, 1);
  overwrite<std::uint32_t>(selection, 0, 0xffffffff);
  EXPECT_FALSE(read_attest(words_of(0x8018, joined({selection, sized({})})).bytes()));
  Bytes seventeen;
  put<std::uint32_t>(seventeen, 17);
  for (int i = 0; i < 17; ++i) seventeen.insert(seventeen.end(), {0, 0x0b, 0});
  EXPECT_FALSE(read_attest(words_of(0x8018, joined({seventeen, sized({})})).bytes()));
  overwrite<std::uint32_t>(seventeen, 0, 16);
  seventeen.resize(seventeen.size() - 3);
  EXPECT_TRUE(read_attest(words_of(0x8018, joined({seventeen, sized({})})).bytes()));
  Bytes wide{0, 0, 0, 1, 0, 0x0b, 5, 1, 0, 0, 0, 0};
  EXPECT_FALSE(read_attest(words_of(0x8018, joined({wide, sized({})})).bytes()));
}

TEST(TpmStructures, AnAreaOfAnotherKindIsRefused) {
  const auto refused = [](const std::function<void(AreaWords&)>& change, bool ecc) {
    const TpmModel model;
    AreaWords words = ecc ? model.storage_root : model.key;
    change(words);
    return !read_public_area(words.bytes());
  };
  EXPECT_FALSE(refused([](AreaWords&) {}, true));
  EXPECT_TRUE(refused([](AreaWords& w) { w.type = 8; }, false)) << "keyed hash";
  EXPECT_TRUE(refused([](AreaWords& w) { w.name_hash = 0x0c; }, false)) << "SHA-384";
  EXPECT_TRUE(refused([](AreaWords& w) { w.policy = Bytes(20); }, false));
  EXPECT_TRUE(refused([](AreaWords& w) { w.symmetric = 3; }, true)) << "triple DES";
  EXPECT_TRUE(refused([](AreaWords& w) { w.scheme = 0x1a; }, true)) << "ECDAA";
  EXPECT_TRUE(refused([](AreaWords& w) { w.scheme = 0x18; }, false)) << "ECDSA with RSA";
  EXPECT_TRUE(refused([](AreaWords& w) { w.scheme = 0x14; }, true)) << "RSASSA with ECC";
  EXPECT_TRUE(refused([](AreaWords& w) { w.curve = 4; }, true)) << "P-384";
  EXPECT_TRUE(refused([](AreaWords& w) { w.numbers.x.clear(); }, true));
  EXPECT_TRUE(refused([](AreaWords& w) { w.numbers.x.resize(33); }, true));
  EXPECT_TRUE(refused([](AreaWords& w) { w.numbers.modulus.front() &= 0x7fU; }, false)) << "2,047 bits";
  EXPECT_TRUE(refused([](AreaWords& w) { w.numbers.modulus.pop_back(); }, false));
  EXPECT_TRUE(refused([](AreaWords& w) { w.bits = 3072; }, false));
  EXPECT_TRUE(refused(
      [](AreaWords& w) {
        w.bits = 512;
        w.numbers.modulus.resize(64);
      },
      false));
}

TEST(TpmStructures, LeadingZerosOfAPointMayBeLeftOut) {
  AreaWords words = TpmModel().storage_root;
  words.numbers.x.erase(words.numbers.x.begin(), words.numbers.x.begin() + 2);
  const auto area = read_public_area(words.bytes());
  ASSERT_TRUE(area);
  EXPECT_EQ(area->x, joined({Bytes{0, 0}, words.numbers.x}));
}

}  // namespace
}  // namespace signer::evidence
