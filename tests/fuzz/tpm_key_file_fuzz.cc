// SPDX-License-Identifier: Apache-2.0
// Target functions: tpm::decode_private_key, tpm::encode_private_key, tpm::read_public_area, tpm::write_public_area,
// tpm::name_of, tpm::check_strength, tpm::public_key_of, tpm::attributes_text.
//
// What is read is written and read again as the same value; a public area that is read has one spelling, and what is
// said of a strong key is true of it.  The input is a file; its bytes are also tried as an area, which spares the
// fuzzer base64 and DER.
#include "fuzz/fuzz.h"
#include "tpm/private_key_file.h"
#include "tpm/public_area.h"

namespace signer::fuzz {
namespace {

using namespace signer::tpm;

void check_area(ByteView bytes) {
  const auto area = read_public_area(bytes);
  if (!area) return;
  const auto written = write_public_area(*area);
  require(written.has_value() && ByteView(*written).size() == bytes.size(), "an area that is read can be written");
  require(std::equal(bytes.begin(), bytes.end(), written->begin()), "an area has one spelling");
  const std::string attributes = attributes_text(*area);
  const auto strong = check_strength(*area);
  if (strong) {
    require(attributes.starts_with("fixedTPM=1 fixedParent=1 sensitiveDataOrigin=1 userWithAuth=1 noDA=1 sign=1 "
                                   "decrypt=0 restricted=0 encryptedDuplication=0 stClear=0 scheme="),
            "a strong key has the attributes of one");
    require(area->publicArea.authPolicy.size == 0, "and no policy beside its auth value");
  }
  const auto name = name_of(*area);
  require(name.has_value() == (area->publicArea.nameAlg == TPM2_ALG_SHA256), "a Name is made with SHA-256");
  require(!name || name->size() == 34, "and has 34 bytes");
  const auto key = public_key_of(*area);
  if (!key) return;
  require(jose::check_shape(*key).has_value(), "the numbers have their shape");
  require(!attributes.ends_with("scheme=other"), "a key with numbers is locked to one scheme");
  const TPMU_PUBLIC_ID& numbers = area->publicArea.unique;
  if (key->algorithm == Algorithm::kRs256) {
    require(key->modulus.size() <= numbers.rsa.size, "no number is longer than the area's");
  } else {
    require(numbers.ecc.x.size <= 32 && numbers.ecc.y.size <= 32, "no number is shortened");
  }
}

void check_file(std::string_view text) {
  const auto key = decode_private_key(text);
  if (!key) {
    require(key.error().code == ErrorCode::kInvalidRequest, "a bad file is its writer's fault");
    require(key.error().text.starts_with("tpm key file: "), "a refusal says what was refused");
    return;
  }
  const auto written = encode_private_key(*key);
  require(written.has_value() && written->size() <= kKeyFileBytesMax, "what is read can be written");
  const auto again = decode_private_key(*written);
  require(again.has_value() && *again == *key, "reading what was written changes nothing");
  require(encode_private_key(*again).value() == *written, "writing is stable");
  check_area(key->public_area);
}

}  // namespace
}  // namespace signer::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const signer::ByteView bytes(data, size);
  signer::fuzz::check_file(signer::text_of(bytes));
  signer::fuzz::check_area(bytes);
  return 0;
}
