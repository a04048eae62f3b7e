// SPDX-License-Identifier: Apache-2.0
//
// One life of the connection to a TPM: context, storage root, session, the keys in use.  All handles die with it, so
// they live in it; recovery replaces the whole.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string_view>

#include "base/secret.h"
#include "channel/key_pins.h"
#include "tpm/capabilities.h"
#include "tpm/key_files.h"
#include "tpm/session.h"
#include "tpm/statement.h"
#include "tpm/storage_root.h"

namespace signer::tpm {

// Where our persistent keys go: in the owner's range, away from the handles that others use by convention.
inline constexpr TPM2_HANDLE kFirstKeyHandle = 0x81000100;
inline constexpr TPM2_HANDLE kLastKeyHandle = 0x810001ff;

// How a key's auth value is shown to the TPM.
enum class Authorization { kHmac, kPassword };

struct AttachmentSettings {
  std::string tcti;
  Authorization authorization = Authorization::kHmac;
  SessionLimits session;
};

// A key that can sign.
struct KeyInUse {
  ESYS_TR handle = ESYS_TR_NONE;
  LoadedHandle loaded;           // of a key that could not be made persistent
  std::uint32_t persistent = 0;  // else its handle in the TPM
  Bytes name;
  jose::PublicKey public_key;
  std::string attributes;
};

// For one thread at a time.
class Attachment {
 public:
  // Connects, reads the storage root twice and compares its Name with the pinned one: kMismatch, and nothing is used,
  // if it differs; kUnavailable if the readings do. What the references name outlives this.
  [[nodiscard]] static TpmResult<std::unique_ptr<Attachment>> make(const AttachmentSettings& settings,
                                                                   const KeyFiles& files, const Secret& auth,
                                                                   channel::KeyPins& pins);

  Attachment(const Attachment&) = delete;
  Attachment& operator=(const Attachment&) = delete;
  ~Attachment() = default;

  [[nodiscard]] EsysContext& context() noexcept { return context_; }

  [[nodiscard]] const StorageRoot& storage_root() const noexcept { return root_; }

  // The key, looked for once: at its persistent handle if the Name there is its own, else from its blob, which is made
  // persistent again (and stays a transient object if the TPM does not let us).  kNotFound, kMismatch, kUnsupported as
  // KeyFiles::read says; kMismatch too if the TPM says twice that the blob is not its own.
  [[nodiscard]] TpmResult<const KeyInUse*> key(const Bytes& key_id);

  // One TPM command, if key and session are at hand.  The session is dropped after any failure.
  [[nodiscard]] TpmResult<Bytes> sign(const KeyInUse& key, std::string_view signing_input);

  // What the TPM shows of the key now.  kWeakened if its files or the TPM show a key that is weaker than it must be,
  // kMismatch if the TPM shows another key at its handle: with Action::kKeyGone, as one answer is not enough to stop a
  // key.
  [[nodiscard]] TpmResult<channel::KeyDescription> inspect(const Bytes& key_id);

  // TPM2_Certify of the key with this nonce.  The session is dropped after any failure.
  [[nodiscard]] TpmResult<Statement> certify(const KeyInUse& key, ESYS_TR attestation_key, ByteView nonce);

  // Makes a key in the TPM and its blob durable; key() does the rest.  kUnsupported if the TPM does not offer the kind.
  // After a failure there is no blob and nothing in the TPM.
  [[nodiscard]] TpmResult<Creation> create(const channel::KeyRequest& request);

  // Key pointers of this id are no longer good.
  void forget_key(const Bytes& key_id);

  void end_session() { session_.reset(); }

  [[nodiscard]] bool has_session() const noexcept { return session_.has_value(); }

 private:
  Attachment(EsysContext context, const AttachmentSettings& settings, const KeyFiles& files, const Secret& auth,
             channel::KeyPins& pins)
      : context_(std::move(context)), settings_(settings), files_(files), auth_(auth), pins_(pins) {}

  [[nodiscard]] TpmResult<ESYS_TR> armed_session(TPMA_SESSION extra);
  [[nodiscard]] TpmResult<ESYS_TR> authorization_of_key();
  [[nodiscard]] TpmResult<KeyInUse> find(const Bytes& key_id, const KeyRecord& record);
  [[nodiscard]] TpmResult<std::optional<ESYS_TR>> find_at(TPM2_HANDLE handle, const Bytes& name);
  [[nodiscard]] TpmResult<std::optional<TPM2_HANDLE>> find_anywhere(const Bytes& name, ESYS_TR& handle);
  [[nodiscard]] TpmResult<LoadedHandle> load(const KeyRecord& record);
  [[nodiscard]] TpmResult<TPM2_HANDLE> persist(ESYS_TR loaded, ESYS_TR& persistent);
  [[nodiscard]] TpmResult<void> set_auth(ESYS_TR handle);
  [[nodiscard]] TPM2B_AUTH auth() const;

  EsysContext context_;  // outlives what follows
  const AttachmentSettings& settings_;
  const KeyFiles& files_;
  const Secret& auth_;
  channel::KeyPins& pins_;
  StorageRoot root_;
  std::optional<Session> session_;
  std::map<Bytes, KeyInUse> keys_;
};

}  // namespace signer::tpm
