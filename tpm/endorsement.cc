// SPDX-License-Identifier: Apache-2.0

#include "tpm/endorsement.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include <algorithm>
#include <memory>

#include "base/freer.h"
#include "base/log.h"
#include "jose/hash.h"
#include "tpm/capabilities.h"
#include "tpm/key_template.h"
#include "tpm/public_area.h"

namespace signer::tpm {

using channel::HostStatus;

namespace {

constexpr TPM2_HANDLE kCertificateIndex = 0x01c00002;
constexpr TPM2_HANDLE kFirstChainIndex = 0x01c00100;
constexpr TPM2_HANDLE kLastChainIndex = 0x01c001ff;
constexpr std::size_t kPieceBytesDefault = 512;      // of TPMs that do not say
constexpr std::size_t kIndexBytesMax = 16UL * 1024;  // some chips keep several certificates in one

using CertificatePtr = std::unique_ptr<X509, Freer<::X509_free>>;

// The code, unless it is the answer to an auth value that we do not have.
TpmResult<void> judge_endorsement(EsysContext& context, std::string_view call, TSS2_RC code) {
  auto done = context.judge(call, code);
  if (done || done.error().action != Action::kAuthRefused) return done;
  return verdict(HostStatus::kUnsupported,
                 "an endorsement auth is set, and this program takes none (" + done.error().text +
                     "): evidence needs it to be empty (tpm2_changeauth -c e -p ENDORSEMENT_AUTH)");
}

// TPM 2.0 Part 1 §26.5: the Name of a primary key below its hierarchy.
Bytes qualified_name_of(const Bytes& name) {
  Bytes path = {0x40, 0x00, 0x00, 0x0b};  // TPM_RH_ENDORSEMENT
  path.insert(path.end(), name.begin(), name.end());
  const jose::Sha256Digest digest = jose::sha256(path);
  Bytes qualified{TPM2_ALG_SHA256 >> 8U, TPM2_ALG_SHA256 & 0xffU};
  qualified.insert(qualified.end(), digest.begin(), digest.end());
  return qualified;
}

bool is_endorsement_key(const TPM2B_PUBLIC& area, const TPM2B_NAME& qualified_name) {
  if (!has_template(area, endorsement_key_template())) return false;
  const auto name = name_of(area);
  return name && std::ranges::equal(qualified_name_of(*name),
                                    ByteView(qualified_name.name,
                                             std::min<std::size_t>(qualified_name.size, sizeof qualified_name.name)));
}

// How the index may be read without an auth value: by itself, or as the owner.  Nothing if a try could count towards
// lockout or cannot succeed.
std::optional<ESYS_TR> reader_of(ESYS_TR index, TPMA_NV attributes) {
  if ((attributes & TPMA_NV_WRITTEN) == 0) return std::nullopt;
  if ((attributes & TPMA_NV_AUTHREAD) != 0 && (attributes & TPMA_NV_NO_DA) != 0) return index;
  if ((attributes & TPMA_NV_OWNERREAD) != 0) return ESYS_TR_RH_OWNER;
  return std::nullopt;
}

TpmResult<Bytes> read_index(EsysContext& context, TPM2_HANDLE handle, std::size_t piece_bytes) {
  ESYS_TR tr = ESYS_TR_NONE;
  TSS2_RC code = ::Esys_TR_FromTPMPublic(context.get(), handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &tr);
  SIGNER_RETURN_IF_ERROR(context.judge("Esys_TR_FromTPMPublic of an NV index", code));
  const KnownHandle index(context, tr);
  EsysOut<TPM2B_NV_PUBLIC> area;
  EsysOut<TPM2B_NAME> name;
  code = ::Esys_NV_ReadPublic(context.get(), index.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, area.fill(),
                              name.fill());
  SIGNER_RETURN_IF_ERROR(context.judge("Esys_NV_ReadPublic", code));
  const auto reader = reader_of(index.get(), area->nvPublic.attributes);
  if (!reader) return verdict(HostStatus::kUnsupported, "the NV index cannot be read without an auth value");
  const std::size_t size = area->nvPublic.dataSize;
  if (size > kIndexBytesMax) return verdict(HostStatus::kUnsupported, "the NV index is too large for certificates");
  Bytes content;
  while (content.size() < size) {
    const auto wanted = static_cast<std::uint16_t>(std::min(piece_bytes, size - content.size()));
    EsysOut<TPM2B_MAX_NV_BUFFER> piece;
    code = ::Esys_NV_Read(context.get(), *reader, index.get(), ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, wanted,
                          static_cast<std::uint16_t>(content.size()), piece.fill());
    SIGNER_RETURN_IF_ERROR(context.judge("Esys_NV_Read", code));
    if (piece->size != wanted) return verdict(HostStatus::kUnavailable, "Esys_NV_Read gave another size than asked");
    content.insert(content.end(), piece->buffer, piece->buffer + piece->size);
  }
  return content;
}

// How many bytes at the front are a certificate; 0 if none is.
std::size_t certificate_at_front(ByteView bytes) {
  const unsigned char* end = bytes.data();
  ::ERR_set_mark();
  const CertificatePtr certificate(::d2i_X509(nullptr, &end, static_cast<long>(bytes.size())));
  ::ERR_pop_to_mark();
  return certificate == nullptr ? 0 : static_cast<std::size_t>(end - bytes.data());
}

// Whatever the TPM answers, and ours: the evidence is the same but for this certificate.
bool is_about_the_index(const TpmError& error) {
  return error.action == Action::kRefused || error.action == Action::kAuthRefused || error.action == Action::kKeyGone;
}

}  // namespace

TpmResult<std::optional<EndorsementKey>> EndorsementKey::find(EsysContext& context) {
  ESYS_TR tr = ESYS_TR_NONE;
  TSS2_RC code =
      ::Esys_TR_FromTPMPublic(context.get(), kEndorsementKeyHandle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &tr);
  if (auto read = context.judge("Esys_TR_FromTPMPublic 0x81010001", code); !read) {
    if (read.error().action == Action::kKeyGone) return std::optional<EndorsementKey>();
    return fail(std::move(read).error());
  }
  EndorsementKey key;
  key.known_ = KnownHandle(context, tr);
  EsysOut<TPM2B_PUBLIC> area;
  EsysOut<TPM2B_NAME> name;
  EsysOut<TPM2B_NAME> qualified_name;
  code = ::Esys_ReadPublic(context.get(), tr, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, area.fill(), name.fill(),
                           qualified_name.fill());
  SIGNER_RETURN_IF_ERROR(context.judge("Esys_ReadPublic 0x81010001", code));
  if (!is_endorsement_key(*area, *qualified_name)) return std::optional<EndorsementKey>();
  key.area_ = *area;
  return std::optional<EndorsementKey>(std::move(key));
}

TpmResult<EndorsementKey> EndorsementKey::make(EsysContext& context) {
  const TPM2B_PUBLIC wanted = endorsement_key_template();
  const TPM2B_SENSITIVE_CREATE no_auth{};
  const TPM2B_DATA no_data{};
  const TPML_PCR_SELECTION no_pcrs{};
  ESYS_TR tr = ESYS_TR_NONE;
  EsysOut<TPM2B_PUBLIC> area;
  EsysOut<TPM2B_CREATION_DATA> data;
  EsysOut<TPM2B_DIGEST> hash;
  EsysOut<TPMT_TK_CREATION> ticket;
  const TSS2_RC code = ::Esys_CreatePrimary(context.get(), ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                            ESYS_TR_NONE, &no_auth, &wanted, &no_data, &no_pcrs, &tr, area.fill(),
                                            data.fill(), hash.fill(), ticket.fill());
  SIGNER_RETURN_IF_ERROR(judge_endorsement(context, "Esys_CreatePrimary of the endorsement key", code));
  EndorsementKey key;
  key.loaded_ = LoadedHandle(context, tr);
  key.area_ = *area;
  return key;
}

TpmResult<LoadedHandle> start_endorsement_policy(EsysContext& context) {
  TPMT_SYM_DEF no_encryption{};
  no_encryption.algorithm = TPM2_ALG_NULL;
  ESYS_TR tr = ESYS_TR_NONE;
  TSS2_RC code = ::Esys_StartAuthSession(context.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                         ESYS_TR_NONE, nullptr, TPM2_SE_POLICY, &no_encryption, TPM2_ALG_SHA256, &tr);
  if (auto started = context.judge("Esys_StartAuthSession of a policy", code); !started) {
    context.poison();
    return fail(std::move(started).error());
  }
  LoadedHandle session(context, tr);
  const TPM2B_NONCE any_nonce{};
  const TPM2B_DIGEST any_command{};
  const TPM2B_NONCE no_reference{};
  EsysOut<TPM2B_TIMEOUT> timeout;
  EsysOut<TPMT_TK_AUTH> ticket;
  code = ::Esys_PolicySecret(context.get(), ESYS_TR_RH_ENDORSEMENT, session.get(), ESYS_TR_PASSWORD, ESYS_TR_NONE,
                             ESYS_TR_NONE, &any_nonce, &any_command, &no_reference, 0, timeout.fill(), ticket.fill());
  SIGNER_RETURN_IF_ERROR(judge_endorsement(context, "Esys_PolicySecret", code));
  return session;
}

TpmResult<bool> EndorsementCertificates::step(EsysContext& context) {
  if (!indices_) {
    SIGNER_ASSIGN_OR_RETURN(const Properties properties, read_properties(context));
    const auto piece = properties.find(TPM2_PT_NV_BUFFER_MAX);
    piece_bytes_ = piece == properties.end() ? kPieceBytesDefault : piece->second;
    piece_bytes_ = std::clamp<std::size_t>(piece_bytes_, 1, sizeof TPM2B_MAX_NV_BUFFER::buffer);
    SIGNER_ASSIGN_OR_RETURN(const auto used, handles_from(context, kCertificateIndex));
    indices_.emplace();
    for (const TPM2_HANDLE index : used) {
      const bool chain = index >= kFirstChainIndex && index <= kLastChainIndex;
      if (index == kCertificateIndex || chain) indices_->push_back(index);
    }
    std::ranges::reverse(*indices_);
    return indices_->empty();
  }
  const TPM2_HANDLE index = indices_->back();
  auto content = read_index(context, index, piece_bytes_);
  if (!content && (context.poisoned() || !is_about_the_index(content.error()))) {
    return fail(std::move(content).error());
  }
  indices_->pop_back();
  if (content) {
    unread_.insert(unread_.end(), content->begin(), content->end());
    take_certificates();
  } else {
    log::warn("tpm_certificate_unread", {{"index", index}, {"reason", content.error().text}});
  }
  if (index == kCertificateIndex) unread_.clear();  // the chain's are other indices
  return indices_->empty();
}

void EndorsementCertificates::take_certificates() {
  while (!unread_.empty()) {
    if (unread_.front() != 0x30) {  // no SEQUENCE: what fills the index up
      unread_.clear();
      return;
    }
    const std::size_t size = certificate_at_front(unread_);
    if (size == 0) return;
    const auto end = unread_.begin() + static_cast<std::ptrdiff_t>(size);
    total_ += size;
    if (total_ <= kEndorsementCertificatesBytesMax) {
      certificates_.emplace_back(unread_.begin(), end);
    } else {
      log::warn("tpm_certificate_unread", {{"reason", "more certificates than evidence has room for"}});
    }
    unread_.erase(unread_.begin(), end);
  }
}

}  // namespace signer::tpm
