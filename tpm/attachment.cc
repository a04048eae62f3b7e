// SPDX-License-Identifier: Apache-2.0

#include "tpm/attachment.h"

#include <algorithm>

#include "base/hex.h"
#include "base/log.h"
#include "tpm/key_template.h"
#include "tpm/signature.h"

namespace signer::tpm {

using channel::HostStatus;

namespace {

constexpr std::uint32_t kNvDefined = 0x14c;  // TPM_RC_NV_DEFINED: somebody took the handle in between

TpmError unsteady_storage_root() {
  return {.action = Action::kDiscardContext,
          .status = HostStatus::kUnavailable,
          .text = "tpm: two readings of the storage root differ: a fault on the way to the TPM"};
}

}  // namespace

TpmResult<std::unique_ptr<Attachment>> Attachment::make(const AttachmentSettings& settings, const KeyFiles& files,
                                                        const Secret& auth, channel::KeyPins& pins) {
  SIGNER_ASSIGN_OR_RETURN(EsysContext context, EsysContext::open(settings.tcti));
  std::unique_ptr<Attachment> made(new Attachment(std::move(context), settings, files, auth, pins));
  // signerd stops keys over a wrong Name or none, and pins are for good: neither may rest on one answer, which nothing
  // vouches for.  The first is closed, or the library keeps its public area as long as both answers state the same
  // Name.
  auto first = read_storage_root(made->context_);
  if (!first && first.error().status != HostStatus::kNotFound) return fail(std::move(first).error());
  if (first) static_cast<void>(::Esys_TR_Close(made->context_.get(), &first->handle));
  auto second = read_storage_root(made->context_);
  if (!second && second.error().status != HostStatus::kNotFound) return fail(std::move(second).error());
  if (first.has_value() != second.has_value() || (first && first->name != second->name)) {
    return fail(unsteady_storage_root());
  }
  if (!second) return fail(std::move(second).error());
  made->root_ = std::move(second).value();
  SIGNER_RETURN_IF_ERROR(files.check_storage_root(made->root_.name));
  return made;
}

TpmResult<const KeyInUse*> Attachment::key(const Bytes& key_id) {
  if (const auto known = keys_.find(key_id); known != keys_.end()) return &known->second;
  SIGNER_ASSIGN_OR_RETURN(const KeyRecord record, files_.read(key_id, root_.name));
  if (!pins_.agree(key_id, record.public_key)) {
    return verdict(HostStatus::kMismatch, "the key directory now holds another key under this id");
  }
  SIGNER_ASSIGN_OR_RETURN(KeyInUse found, find(key_id, record));
  found.name = record.name;
  found.public_key = record.public_key;
  found.attributes = attributes_text(record.area);
  return &keys_.emplace(key_id, std::move(found)).first->second;
}

void Attachment::forget_key(const Bytes& key_id) {
  const auto known = keys_.find(key_id);
  if (known == keys_.end()) return;
  // Or the library fails, and the context with it, if another Name is at the handle now.
  if (known->second.persistent != 0) static_cast<void>(::Esys_TR_Close(context_.get(), &known->second.handle));
  keys_.erase(known);
}

TpmResult<KeyInUse> Attachment::find(const Bytes& key_id, const KeyRecord& record) {
  KeyInUse key;
  if (record.place) {
    SIGNER_ASSIGN_OR_RETURN(const auto there, find_at(record.place->handle, record.name));
    if (there) {
      key.handle = *there;
      key.persistent = record.place->handle;
      SIGNER_RETURN_IF_ERROR(set_auth(key.handle));
      return key;
    }
  }
  // Where a crash between EvictControl and the note of it left the key, if it did.
  SIGNER_ASSIGN_OR_RETURN(auto handle, find_anywhere(record.name, key.handle));
  if (!handle) {
    SIGNER_ASSIGN_OR_RETURN(key.loaded, load(record));
    auto persisted = persist(key.loaded.get(), key.handle);
    if (persisted) {
      handle = *persisted;
    } else if (context_.poisoned()) {
      return fail(std::move(persisted).error());
    } else {
      log::warn("tpm_key_not_persistent", {{"key", to_hex(key_id)}, {"reason", persisted.error().text}});
    }
  }
  if (handle) {
    key.loaded.flush();
    key.persistent = *handle;
    SIGNER_RETURN_IF_ERROR(files_.write_place(key_id, {*handle, record.name, root_.name}));
  } else {
    key.handle = key.loaded.get();
  }
  SIGNER_RETURN_IF_ERROR(set_auth(key.handle));
  return key;
}

TpmResult<std::optional<ESYS_TR>> Attachment::find_at(TPM2_HANDLE handle, const Bytes& name) {
  ESYS_TR object = ESYS_TR_NONE;
  const TSS2_RC code =
      ::Esys_TR_FromTPMPublic(context_.get(), handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &object);
  if (auto read = context_.judge("Esys_TR_FromTPMPublic", code); !read) {
    if (read.error().action == Action::kKeyGone) return std::optional<ESYS_TR>();
    return fail(std::move(read).error());
  }
  SIGNER_ASSIGN_OR_RETURN(const Bytes found, name_behind(context_, object));
  if (found == name) return std::optional<ESYS_TR>(object);
  static_cast<void>(::Esys_TR_Close(context_.get(), &object));
  return std::optional<ESYS_TR>();
}

TpmResult<std::optional<TPM2_HANDLE>> Attachment::find_anywhere(const Bytes& name, ESYS_TR& handle) {
  SIGNER_ASSIGN_OR_RETURN(const auto used, handles_from(context_, kFirstKeyHandle));
  for (const TPM2_HANDLE candidate : used) {
    if (candidate > kLastKeyHandle) break;
    SIGNER_ASSIGN_OR_RETURN(const auto there, find_at(candidate, name));
    if (!there) continue;
    handle = *there;
    return std::optional<TPM2_HANDLE>(candidate);
  }
  return std::optional<TPM2_HANDLE>();
}

TpmResult<LoadedHandle> Attachment::load(const KeyRecord& record) {
  SIGNER_ASSIGN_OR_RETURN(const TPM2B_PRIVATE blob, read_private_area(record.file.private_area));
  TpmError error;
  for (int tries = 0; tries < 2; ++tries) {  // signerd stops the key over the verdict: it does not rest on one answer
    SIGNER_ASSIGN_OR_RETURN(const ESYS_TR session, armed_session(0));
    ESYS_TR handle = ESYS_TR_NONE;
    const TSS2_RC code =
        ::Esys_Load(context_.get(), root_.handle, session, ESYS_TR_NONE, ESYS_TR_NONE, &blob, &record.area, &handle);
    auto loaded = context_.judge("Esys_Load", code);
    if (loaded) return LoadedHandle(context_, handle);
    end_session();
    error = std::move(loaded).error();
    if (error.action != Action::kKeyGone) return fail(std::move(error));
  }
  return verdict(HostStatus::kMismatch, "not this TPM's key, or the TPM was cleared: " + error.text);
}

TpmResult<TPM2_HANDLE> Attachment::persist(ESYS_TR loaded, ESYS_TR& persistent) {
  SIGNER_ASSIGN_OR_RETURN(const auto used, handles_from(context_, kFirstKeyHandle));
  for (TPM2_HANDLE handle = kFirstKeyHandle; handle <= kLastKeyHandle; ++handle) {
    if (std::ranges::find(used, handle) != used.end()) continue;
    const TSS2_RC code = ::Esys_EvictControl(context_.get(), ESYS_TR_RH_OWNER, loaded, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                             ESYS_TR_NONE, handle, &persistent);
    if (code == kNvDefined) continue;
    SIGNER_RETURN_IF_ERROR(context_.judge("Esys_EvictControl", code));
    return handle;
  }
  return verdict(HostStatus::kUnsupported, "no persistent handle is free from 0x81000100 to 0x810001ff");
}

TpmResult<Bytes> Attachment::sign(const KeyInUse& key, std::string_view signing_input) {
  SIGNER_ASSIGN_OR_RETURN(const ESYS_TR authorization, authorization_of_key());
  auto signature = make_signature(context_, key.handle, authorization, key.public_key, signing_input);
  // TPM and library may now disagree on the nonces.
  if (!signature) end_session();
  return signature;
}

TpmResult<Statement> Attachment::certify(const KeyInUse& key, ESYS_TR attestation_key, ByteView nonce) {
  SIGNER_ASSIGN_OR_RETURN(const ESYS_TR authorization, authorization_of_key());
  auto statement = tpm::certify(context_, key.handle, authorization, attestation_key, nonce);
  if (!statement) end_session();
  return statement;
}

TpmResult<channel::KeyDescription> Attachment::inspect(const Bytes& key_id) {
  if (const auto record = files_.read(key_id, root_.name);
      !record && record.error().status == HostStatus::kUnsupported) {
    return fail(TpmError{Action::kRefused, HostStatus::kWeakened, record.error().text});
  }
  SIGNER_ASSIGN_OR_RETURN(const KeyInUse* known, key(key_id));
  SIGNER_ASSIGN_OR_RETURN(const TPM2B_PUBLIC area, read_area(context_, known->handle));
  if (const auto strong = check_strength(area); !strong) {
    return fail(TpmError{Action::kKeyGone, HostStatus::kWeakened, strong.error().text});
  }
  SIGNER_ASSIGN_OR_RETURN(const Bytes name, name_of(area));
  if (name != known->name) {
    return fail(
        TpmError{Action::kKeyGone, HostStatus::kMismatch,
                 "tpm: the TPM shows another key, " + to_hex(name) + ", where " + to_hex(known->name) + " was"});
  }
  return channel::KeyDescription{known->public_key, attributes_text(area)};
}

TpmResult<Creation> Attachment::create(const channel::KeyRequest& request) {
  const TPM2B_PUBLIC wanted = signing_template(request.kind);
  SIGNER_RETURN_IF_ERROR(check_offered(context_, wanted));
  TPM2B_SENSITIVE_CREATE sensitive{};
  sensitive.sensitive.userAuth = auth();
  const TPM2B_DATA no_data{};
  const TPML_PCR_SELECTION no_pcrs{};
  EsysOut<TPM2B_PRIVATE> blob;
  EsysOut<TPM2B_PUBLIC> area;
  EsysOut<TPM2B_CREATION_DATA> data;
  EsysOut<TPM2B_DIGEST> hash;
  EsysOut<TPMT_TK_CREATION> ticket;
  // The auth value travels in the first parameter: encrypted, in password mode too.
  auto session = armed_session(TPMA_SESSION_DECRYPT);
  TSS2_RC code = TSS2_RC_SUCCESS;
  if (session) {
    code = ::Esys_Create(context_.get(), root_.handle, *session, ESYS_TR_NONE, ESYS_TR_NONE, &sensitive, &wanted,
                         &no_data, &no_pcrs, blob.fill(), area.fill(), data.fill(), hash.fill(), ticket.fill());
  }
  ::OPENSSL_cleanse(&sensitive, sizeof sensitive);
  if (!session) return fail(std::move(session).error());
  if (auto created = context_.judge("Esys_Create", code); !created) {
    end_session();
    return fail(std::move(created).error());
  }
  SIGNER_RETURN_IF_ERROR(check_strength(*area));
  SIGNER_RETURN_IF_ERROR(public_key_of(*area));
  PrivateKeyFile file;
  file.parent = kStorageRootHandle;
  SIGNER_ASSIGN_OR_RETURN(file.public_area, write_public_area(*area));
  SIGNER_ASSIGN_OR_RETURN(file.private_area, write_private_area(*blob));
  SIGNER_RETURN_IF_ERROR(files_.write_blob(request.key_id, file));
  return creation_of(*data, *hash, *ticket);
}

TpmResult<ESYS_TR> Attachment::authorization_of_key() {
  if (settings_.authorization == Authorization::kPassword) return ESYS_TR_PASSWORD;
  return armed_session(0);
}

TpmResult<ESYS_TR> Attachment::armed_session(TPMA_SESSION extra) {
  if (session_ && session_->uses() >= settings_.session.uses_max) session_.reset();
  if (!session_) {
    SIGNER_ASSIGN_OR_RETURN(Session started, Session::start(context_, root_.handle));
    session_.emplace(std::move(started));
  }
  return session_->arm(extra);
}

TpmResult<void> Attachment::set_auth(ESYS_TR handle) {
  TPM2B_AUTH value = auth();
  const TSS2_RC code = ::Esys_TR_SetAuth(context_.get(), handle, &value);
  ::OPENSSL_cleanse(&value, sizeof value);
  return context_.judge("Esys_TR_SetAuth", code);
}

TPM2B_AUTH Attachment::auth() const {
  TPM2B_AUTH value{};
  const ByteView bytes = bytes_of(auth_.reveal());
  value.size = static_cast<std::uint16_t>(std::min(bytes.size(), sizeof value.buffer));
  std::ranges::copy(bytes.first(value.size), value.buffer);
  return value;
}

}  // namespace signer::tpm
