// SPDX-License-Identifier: Apache-2.0

#include "tpm/storage_root.h"

#include <string>
#include <string_view>

#include "tpm/key_template.h"

namespace signer::tpm {

using channel::HostStatus;

namespace {

// storage_root_template() in the words of tpm2-tools.
constexpr std::string_view kMakeStorageRoot =
    "tpm2_createprimary -C o -P OWNER_AUTH -g sha256 -G ecc256:aes128cfb -a "
    "'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt' -c root.ctx && "
    "tpm2_evictcontrol -C o -P OWNER_AUTH -c root.ctx 0x81000001";

}  // namespace

TpmResult<Bytes> name_behind(EsysContext& context, ESYS_TR handle) {
  EsysOut<TPM2B_NAME> name;
  SIGNER_RETURN_IF_ERROR(context.judge("Esys_TR_GetName", ::Esys_TR_GetName(context.get(), handle, name.fill())));
  return Bytes(name->name, name->name + name->size);
}

TpmResult<StorageRoot> read_storage_root(EsysContext& context) {
  StorageRoot root;
  const TSS2_RC code = ::Esys_TR_FromTPMPublic(context.get(), kStorageRootHandle, ESYS_TR_NONE, ESYS_TR_NONE,
                                               ESYS_TR_NONE, &root.handle);
  if (auto read = context.judge("Esys_TR_FromTPMPublic 0x81000001", code); !read) {
    TpmError error = std::move(read).error();
    if (error.action != Action::kKeyGone) return fail(std::move(error));
    return verdict(HostStatus::kNotFound,
                   "no storage root key at 0x81000001: a new TPM (run: signerctl token init), or one that was cleared, "
                   "and with it all its keys");
  }
  SIGNER_ASSIGN_OR_RETURN(root.name, name_behind(context, root.handle));
  return root;
}

TpmResult<TPM2B_PUBLIC> read_area(EsysContext& context, ESYS_TR handle) {
  EsysOut<TPM2B_PUBLIC> area;
  EsysOut<TPM2B_NAME> name;
  EsysOut<TPM2B_NAME> qualified_name;
  const TSS2_RC code = ::Esys_ReadPublic(context.get(), handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, area.fill(),
                                         name.fill(), qualified_name.fill());
  SIGNER_RETURN_IF_ERROR(context.judge("Esys_ReadPublic", code));
  return *area;
}

TpmResult<StorageRoot> create_storage_root(EsysContext& context) {
  const TPM2B_PUBLIC wanted = storage_root_template();
  const TPM2B_SENSITIVE_CREATE no_auth{};
  const TPM2B_DATA no_data{};
  const TPML_PCR_SELECTION no_pcrs{};
  ESYS_TR handle = ESYS_TR_NONE;
  EsysOut<TPM2B_PUBLIC> area;
  EsysOut<TPM2B_CREATION_DATA> data;
  EsysOut<TPM2B_DIGEST> hash;
  EsysOut<TPMT_TK_CREATION> ticket;
  TSS2_RC code =
      ::Esys_CreatePrimary(context.get(), ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &no_auth,
                           &wanted, &no_data, &no_pcrs, &handle, area.fill(), data.fill(), hash.fill(), ticket.fill());
  if (auto created = context.judge("Esys_CreatePrimary", code); !created) {
    TpmError error = std::move(created).error();
    if (error.action != Action::kAuthRefused) return fail(std::move(error));
    return verdict(HostStatus::kUnsupported,
                   "an owner auth is set, and this program takes none (" + error.text +
                       "); make the storage root key with it, then run this again: " + std::string(kMakeStorageRoot));
  }
  const LoadedHandle primary(context, handle);
  ESYS_TR persistent = ESYS_TR_NONE;
  code = ::Esys_EvictControl(context.get(), ESYS_TR_RH_OWNER, primary.get(), ESYS_TR_PASSWORD, ESYS_TR_NONE,
                             ESYS_TR_NONE, kStorageRootHandle, &persistent);
  SIGNER_RETURN_IF_ERROR(context.judge("Esys_EvictControl 0x81000001", code));
  return read_storage_root(context);
}

}  // namespace signer::tpm
