// SPDX-License-Identifier: Apache-2.0
//
// The filter before the TSS: what it lets through is read by a library that trusts lengths, and what it does not hold
// back could duplicate a key or clear the TPM (invariant 4).
#include "tpm/message.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/tpm_wire.h"

namespace signer::tpm {
namespace {

using signer::test::put;

constexpr std::uint16_t kNoSessions = 0x8001;
constexpr std::uint16_t kSessions = 0x8002;
constexpr std::uint32_t kLoad = 0x157;
constexpr std::uint32_t kSign = 0x15d;

Bytes message(std::uint16_t tag, std::uint32_t code, const Bytes& body = {}) {
  Bytes bytes;
  put(bytes, tag);
  put(bytes, static_cast<std::uint32_t>(10 + body.size()));
  put(bytes, code);
  bytes.insert(bytes.end(), body.begin(), body.end());
  return bytes;
}

// The size in the header made right again after a change of the bytes.
Bytes with_right_size(Bytes bytes) {
  signer::test::overwrite(bytes, 2, static_cast<std::uint32_t>(bytes.size()));
  return bytes;
}

void add_authorization(Bytes& body) {
  put<std::uint16_t>(body, 32);
  body.insert(body.end(), 32, 0x11);  // nonce
  put<std::uint8_t>(body, 1);         // continueSession
  put<std::uint16_t>(body, 32);
  body.insert(body.end(), 32, 0x22);  // hmac
}

// A good response as swtpm gives it in a session: an RSA-2048 signature, or a handle and a Name.
Bytes sign_response(int authorizations = 1) {
  Bytes body;
  put<std::uint32_t>(body, 6 + 256);
  put<std::uint16_t>(body, 0x0014);
  put<std::uint16_t>(body, 0x000b);
  put<std::uint16_t>(body, 256);
  body.insert(body.end(), 256, 0x33);
  for (int i = 0; i < authorizations; ++i) add_authorization(body);
  return message(kSessions, 0, body);
}

Bytes load_response() {
  Bytes body;
  put<std::uint32_t>(body, 0x80000000);
  put<std::uint32_t>(body, 2 + 34);
  put<std::uint16_t>(body, 34);
  body.insert(body.end(), 34, 0x44);
  add_authorization(body);
  return message(kSessions, 0, body);
}

bool is_good(const CommandHeader& command, const Bytes& response) {
  return !find_fault(command, response);
}

std::string fault(const CommandHeader& command, const Bytes& response) {
  return std::string(find_fault(command, response).value_or("none"));
}

const CommandHeader kSignInSession{kSessions, kSign};
const CommandHeader kLoadInSession{kSessions, kLoad};
const CommandHeader kReadPublic{kNoSessions, 0x173};

TEST(Command, IsReadIfItsSizeAndTagAreRight) {
  const auto header = read_command(message(kSessions, kSign, Bytes(20, 1)));
  ASSERT_TRUE(header);
  EXPECT_EQ(header->tag, kSessions);
  EXPECT_EQ(header->code, kSign);
  EXPECT_TRUE(read_command(message(kNoSessions, 0x17a)));
}

TEST(Command, IsNoneIfCutLongerOrOfAnotherTag) {
  const Bytes whole = message(kSessions, kSign, Bytes(20, 1));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(read_command(ByteView(whole).first(size))) << size;
  }
  Bytes longer = whole;
  longer.push_back(0);
  EXPECT_FALSE(read_command(longer));
  for (const std::uint16_t tag : std::initializer_list<std::uint16_t>{0x0000, 0x00c1, 0x8000, 0x8003, 0xffff}) {
    EXPECT_FALSE(read_command(message(tag, kSign))) << tag;
  }
}

TEST(AllowedCommands, Invariant04_AreTheEighteenThatSigningAndEvidenceNeed) {
  const std::set<std::uint32_t> wanted = {0x120, 0x131, 0x147, 0x148, 0x14a, 0x14e, 0x151, 0x153, 0x157,
                                          0x158, 0x15d, 0x165, 0x169, 0x173, 0x176, 0x17a, 0x17e, 0x18a};
  for (std::uint32_t code = 0; code <= 0xffff; ++code) EXPECT_EQ(is_allowed(code), wanted.contains(code)) << code;
  for (const std::uint32_t code : wanted) {
    for (unsigned bit = 16; bit < 32; ++bit) EXPECT_FALSE(is_allowed(code | 1U << bit)) << "of a vendor, or nobody's";
  }
}

TEST(AllowedCommands, Invariant04_LeaveOutAllThatMovesChangesOrDestroysKeys) {
  const std::pair<std::uint32_t, const char*> forbidden[] = {
      {0x14b, "Duplicate"},
      {0x156, "Import"},
      {0x152, "Rewrap"},
      {0x126, "Clear"},
      {0x127, "ClearControl"},
      {0x129, "HierarchyChangeAuth"},
      {0x121, "HierarchyControl"},
      {0x124, "ChangeEPS"},
      {0x125, "ChangePPS"},
      {0x12e, "SetPrimaryPolicy"},
      {0x150, "ObjectChangeAuth"},
      {0x15e, "Unseal"},
      {0x137, "NV_Write"},
      {0x12a, "NV_DefineSpace"},
      {0x122, "NV_UndefineSpace"},
      {0x182, "PCR_Extend"},
      {0x159, "RSA_Decrypt"},
      {0x154, "ECDH_ZGen"},
      {0x161, "ContextLoad"},
      {0x162, "ContextSave"},
      {0x167, "LoadExternal"},
      {0x191, "CreateLoaded"},
      {0x144, "Startup"},
      {0x145, "Shutdown"},
      {0x12f, "FieldUpgradeStart"},
      {0x139, "DictionaryAttackLockReset"},
      {0x13a, "DictionaryAttackParameters"},
  };
  for (const auto& [code, name] : forbidden) EXPECT_FALSE(is_allowed(code)) << name;
}

TEST(Response, IsGoodAsTheTpmSendsIt) {
  EXPECT_TRUE(is_good(kSignInSession, sign_response())) << fault(kSignInSession, sign_response());
  EXPECT_TRUE(is_good(kSignInSession, sign_response(3)));
  EXPECT_TRUE(is_good(kLoadInSession, load_response())) << fault(kLoadInSession, load_response());
  EXPECT_TRUE(is_good(kReadPublic, message(kNoSessions, 0, Bytes(100, 1))));
  EXPECT_TRUE(is_good(kReadPublic, message(kNoSessions, 0)));
  EXPECT_TRUE(is_good(kSignInSession, message(kNoSessions, 0x9a2))) << "errors have no sessions";
}

TEST(Response, IsRefusedCutAnywhereWhateverItsHeaderSays) {
  for (const auto& [command, whole] : {std::pair{kSignInSession, sign_response()}, {kLoadInSession, load_response()}}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_FALSE(is_good(command, cut)) << size;
      if (size >= 6) {
        EXPECT_FALSE(is_good(command, with_right_size(cut))) << size;
      }
    }
  }
}

TEST(Response, IsRefusedWithAnythingBehindItsLastAuthorization) {
  Bytes longer = sign_response();
  longer.push_back(0);
  EXPECT_EQ(fault(kSignInSession, longer), "the size that it states is not the size received");
  EXPECT_EQ(fault(kSignInSession, with_right_size(longer)), "its authorisation area does not fit");
  EXPECT_EQ(fault(kSignInSession, sign_response(4)), "its authorisation area does not fit");
  EXPECT_EQ(fault(kSignInSession, sign_response(0)), "its authorisation area does not fit");
}

TEST(Response, IsRefusedWithASizeThatIsNotItsOwn) {
  for (const std::uint32_t size : {0U, 9U, 10U, 343U, 4096U, 0x7fffffffU, 0xffffffffU}) {
    Bytes lying = sign_response();
    signer::test::overwrite(lying, 2, size);
    EXPECT_EQ(fault(kSignInSession, lying), "the size that it states is not the size received") << size;
    lying = sign_response();
    signer::test::overwrite(lying, 10, size);
    EXPECT_FALSE(is_good(kSignInSession, lying)) << size;
  }
  Bytes beyond = sign_response();
  signer::test::overwrite<std::uint32_t>(beyond, 10, 0xffffffff);
  EXPECT_EQ(fault(kSignInSession, beyond), "its parameters end behind it");
}

TEST(Response, IsRefusedWithNonceOrHmacThatEndBehindIt) {
  const std::size_t nonce = 10 + 4 + 6 + 256;
  const std::size_t hmac = nonce + 2 + 32 + 1;
  for (const std::size_t offset : {nonce, hmac}) {
    for (const std::uint16_t size : std::initializer_list<std::uint16_t>{0, 31, 33, 255, 0xffff}) {
      Bytes lying = sign_response();
      signer::test::overwrite(lying, offset, size);
      EXPECT_FALSE(is_good(kSignInSession, lying)) << offset << " " << size;
    }
  }
}

TEST(Response, MayHave4096BytesAndNotOneMore) {
  EXPECT_TRUE(is_good(kReadPublic, message(kNoSessions, 0, Bytes(kMessageBytesMax - 10, 1))));
  EXPECT_EQ(fault(kReadPublic, message(kNoSessions, 0, Bytes(kMessageBytesMax - 9, 1))),
            "it is longer than any response");
}

TEST(Response, IsRefusedWithoutAWholeHeader) {
  EXPECT_EQ(fault(kReadPublic, {}), "it is shorter than a header");
  EXPECT_EQ(fault(kReadPublic, Bytes(9, 0)), "it is shorter than a header");
}

TEST(Response, HasTheTagThatItsOutcomeCallsFor) {
  Bytes bare = sign_response();
  signer::test::overwrite(bare, 0, kNoSessions);
  EXPECT_EQ(fault(kSignInSession, bare), "its tag is not the command's") << "an HMAC stripped from a success";
  EXPECT_EQ(fault(kSignInSession, message(0x00c4, 0)), "its tag is not the command's");
  EXPECT_EQ(fault(kReadPublic, sign_response()), "its tag is not the command's");
  EXPECT_EQ(fault(kSignInSession, message(kSessions, 0x9a2)), "an error has something beside it");
  EXPECT_EQ(fault(kSignInSession, message(kNoSessions, 0x9a2, {0})), "an error has something beside it");
  EXPECT_EQ(fault(kReadPublic, message(0x00c4, 0x1e)), "it is a TPM 1.2's");
}

TEST(Response, BeginsWithAHandleOnlyIfTheCommandReturnsOne) {
  EXPECT_FALSE(is_good({kSessions, kSign}, load_response()));
  EXPECT_FALSE(is_good({kSessions, kLoad}, sign_response()));
}

}  // namespace
}  // namespace signer::tpm
