// SPDX-License-Identifier: Apache-2.0

#include "tpm/capabilities.h"

#include <algorithm>

#include "base/log.h"

namespace signer::tpm {

namespace {

std::uint32_t value_of(const Properties& properties, TPM2_PT property) {
  const auto found = properties.find(property);
  return found == properties.end() ? 0 : found->second;
}

// Four characters to a number; blanks at the ends and what is not printable are left out.
std::string text_of_numbers(std::initializer_list<std::uint32_t> numbers) {
  std::string text;
  for (const std::uint32_t number : numbers) {
    for (unsigned shift = 32; shift > 0;) {
      shift -= 8;
      const auto c = static_cast<char>(number >> shift & 0xffU);
      if (c < ' ' || c > '~' || (c == ' ' && (text.empty() || text.back() == ' '))) continue;
      text += c;
    }
  }
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

std::string version_text(std::uint32_t high, std::uint32_t low) {
  std::string text;
  for (const std::uint32_t half : {high >> 16U, high & 0xffffU, low >> 16U, low & 0xffffU}) {
    text += (text.empty() ? "" : ".") + std::to_string(half);
  }
  return text;
}

TpmResult<void> read_group(EsysContext& context, TPM2_PT first, Properties& properties) {
  EsysOut<TPMS_CAPABILITY_DATA> data;
  TPMI_YES_NO more = 0;
  const TSS2_RC code =
      ::Esys_GetCapability(context.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_TPM_PROPERTIES, first,
                           TPM2_MAX_TPM_PROPERTIES, &more, data.fill());
  SIGNER_RETURN_IF_ERROR(context.judge("Esys_GetCapability properties", code));
  const TPML_TAGGED_TPM_PROPERTY& list = data->data.tpmProperties;
  for (std::uint32_t i = 0; i < std::min<std::uint32_t>(list.count, TPM2_MAX_TPM_PROPERTIES); ++i) {
    properties[list.tpmProperty[i].property] = list.tpmProperty[i].value;
  }
  return {};
}

}  // namespace

TpmResult<Properties> read_properties(EsysContext& context) {
  Properties properties;
  SIGNER_RETURN_IF_ERROR(read_group(context, TPM2_PT_FIXED, properties));
  SIGNER_RETURN_IF_ERROR(read_group(context, TPM2_PT_VAR, properties));
  return properties;
}

Identity identity_of(const Properties& properties) {
  Identity identity;
  identity.manufacturer = text_of_numbers({value_of(properties, TPM2_PT_MANUFACTURER)});
  identity.vendor =
      text_of_numbers({value_of(properties, TPM2_PT_VENDOR_STRING_1), value_of(properties, TPM2_PT_VENDOR_STRING_2),
                       value_of(properties, TPM2_PT_VENDOR_STRING_3), value_of(properties, TPM2_PT_VENDOR_STRING_4)});
  identity.firmware =
      version_text(value_of(properties, TPM2_PT_FIRMWARE_VERSION_1), value_of(properties, TPM2_PT_FIRMWARE_VERSION_2));
  // IBM makes no chips today; libtpms and the reference code it comes from bear its name.
  identity.simulator =
      identity.manufacturer == "IBM" || identity.vendor.starts_with("SW") || identity.vendor.starts_with("xCG fTPM");
  return identity;
}

TpmResult<std::vector<TPM2_HANDLE>> handles_from(EsysContext& context, TPM2_HANDLE first) {
  EsysOut<TPMS_CAPABILITY_DATA> data;
  TPMI_YES_NO more = 0;
  const TSS2_RC code = ::Esys_GetCapability(context.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_HANDLES,
                                            first, TPM2_MAX_CAP_HANDLES, &more, data.fill());
  SIGNER_RETURN_IF_ERROR(context.judge("Esys_GetCapability handles", code));
  const TPML_HANDLE& list = data->data.handles;
  return std::vector<TPM2_HANDLE>(list.handle, list.handle + std::min<std::uint32_t>(list.count, TPM2_MAX_CAP_HANDLES));
}

void flush_all_loaded(EsysContext& context) {
  std::size_t flushed = 0;
  for (const TPM2_HANDLE first : {TPM2_TRANSIENT_FIRST, TPM2_LOADED_SESSION_FIRST}) {
    if (context.poisoned()) return;
    const auto handles = handles_from(context, first);
    if (!handles) return;
    for (const TPM2_HANDLE handle : *handles) {
      ESYS_TR object = ESYS_TR_NONE;
      const TSS2_RC code =
          ::Esys_TR_FromTPMPublic(context.get(), handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &object);
      if (!context.judge("Esys_TR_FromTPMPublic", code)) continue;
      if (context.judge("Esys_FlushContext", ::Esys_FlushContext(context.get(), object))) ++flushed;
    }
  }
  log::warn("tpm_slots_freed", {{"flushed", flushed}});
}

}  // namespace signer::tpm
