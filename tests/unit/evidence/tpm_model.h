// SPDX-License-Identifier: Apache-2.0
//
// A TPM that says what it is told to: public areas, statements and certificates as a real one's, made by software, so
// that each field can be wrong by itself.  Everything is computed from the fields as they are when part() is called: a
// field that is changed is the one lie of an otherwise honest TPM.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "certificate_maker.h"
#include "evidence/judge_tpm.h"
#include "evidence/trust.h"
#include "jose/json.h"
#include "tests/support/signing_key.h"

namespace signer::evidence::test {

// TPMT_PUBLIC.
struct AreaWords {
  std::uint16_t type = 1;  // TPM_ALG_RSA; 0x23: ECC
  std::uint16_t name_hash = 0x000b;
  std::uint32_t attributes = 0;
  Bytes policy;
  std::uint16_t symmetric = 0x0010;  // TPM_ALG_NULL; 6: AES-128-CFB
  std::uint16_t scheme = 0x0010;
  std::uint16_t scheme_hash = 0x000b;  // if there is a scheme
  std::uint16_t bits = 2048;           // RSA alone
  std::uint32_t exponent = 0;
  std::uint16_t curve = 3;  // ECC alone: P-256
  jose::PublicKey numbers;

  [[nodiscard]] Bytes bytes() const;
  [[nodiscard]] Bytes name() const;
};

// TPMS_ATTEST.
struct AttestWords {
  std::uint32_t magic = 0xff544347;
  std::uint16_t type = 0;
  Bytes signer;
  Bytes extra_data;
  std::uint64_t clock = 5'000'000;
  std::uint32_t reset_count = 12;
  std::uint32_t restart_count = 3;
  std::uint8_t safe = 1;
  std::uint64_t firmware = 0x0007'0055'0011'2233;
  Bytes attested;

  [[nodiscard]] Bytes bytes() const;
};

// TPML_PCR_SELECTION of one bank.
[[nodiscard]] Bytes pcr_selection(std::uint16_t hash, std::uint8_t pcrs_0_to_7);

// TPM2B.
[[nodiscard]] Bytes sized(ByteView bytes);
[[nodiscard]] Bytes joined(std::initializer_list<ByteView> parts);

class TpmModel {
 public:
  // A chip whose key, certificates and statements are as they should be; RSA but for the storage root, which is P-256.
  TpmModel();

  AreaWords key;
  AreaWords attestation_key;
  AreaWords endorsement_key;
  AreaWords storage_root;
  Bytes nonce;
  Bytes context;
  std::optional<std::string> manufacturer = "id:49465800";
  CertificateWords endorsement_words;
  CertificateWords attestation_words;
  bool has_creation = true;
  std::vector<Bytes> pcrs;
  jose::Json properties;
  const signer::test::SigningKey* statements_signer = &signer::test::SigningKey::first();
  std::function<void(AttestWords&)> change_certify = [](AttestWords&) {};
  std::function<void(AttestWords&)> change_creation = [](AttestWords&) {};
  std::function<void(Bytes&)> change_creation_data = [](Bytes&) {};
  std::function<void(AttestWords&)> change_quote = [](AttestWords&) {};
  std::function<void(jose::Json&)> change_part = [](jose::Json&) {};

  // Public key numbers that certificates are issued for; the keys' own otherwise.
  std::optional<jose::PublicKey> certified_endorsement;
  std::optional<jose::PublicKey> certified_attestation;

  [[nodiscard]] jose::Json part() const;
  [[nodiscard]] Judgement judge(const Trust& trust) const;

  // The key that signerd publishes.
  [[nodiscard]] const jose::PublicKey& published() const { return published_; }

  [[nodiscard]] Bytes endorsement_certificate() const;
  [[nodiscard]] Bytes attestation_certificate() const;

  // Who trusts the manufacturer and the organisation of this model, at a time when all certificates are valid.
  [[nodiscard]] static Trust trust();

  static const Authority& manufacturer_root();
  static const Authority& manufacturer_intermediate();
  static const Authority& organisation();
  static const Authority& stranger();

 private:
  [[nodiscard]] jose::Json statement(const AttestWords& words) const;
  [[nodiscard]] jose::Json creation() const;
  [[nodiscard]] jose::Json quote() const;

  jose::PublicKey published_;
};

// RSA numbers of 2,048 bits to which nobody has a private key, always the same for a text.
[[nodiscard]] jose::PublicKey made_up_numbers(const std::string& text);

// The names of the checks with this finding, in order.
[[nodiscard]] std::vector<std::string> checks_with(const Judgement& judgement, Finding finding);

// The finding of the check; nothing if there is none or more than one.
[[nodiscard]] std::optional<Finding> finding_of(const Judgement& judgement, const std::string& name);

}  // namespace signer::evidence::test
