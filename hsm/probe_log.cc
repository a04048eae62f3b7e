// SPDX-License-Identifier: Apache-2.0

#include "hsm/probe_log.h"

#include "hsm/attributes.h"
#include "hsm/ckr.h"

namespace signer::hsm {

using jose::Json;

namespace {

constexpr CK_ULONG kDes3VectorBytes = 8;
constexpr CK_ULONG kAesVectorBytes = 16;

}  // namespace

bool ProbeLog::begin(std::string_view probe, Json details) {
  go_on(probe, std::move(details));
  if (target_ == ProbeTarget::kThrowaway) return true;
  const CK_RV rv = lease_.renew();
  if (rv != CKR_OK) record("C_OpenSession", rv);
  return rv == CKR_OK;
}

void ProbeLog::go_on(std::string_view probe, Json details) {
  current_ = std::move(details);
  current_["probe"] = probe;
  current_["target"] = target_ == ProbeTarget::kKey ? "key" : "throwaway";
}

void ProbeLog::record_length(std::string_view call, CK_RV rv, std::size_t came) {
  current_["length"] = came;
  record(call, rv);
}

void ProbeLog::record(std::string_view call, CK_RV rv, const Json& found) {
  current_["call"] = call;
  current_["rv"] = ckr_name(rv);
  current_.update(found);
  tried_.push_back(std::move(current_));
  current_ = Json();
}

ProbeMechanism::ProbeMechanism(CK_MECHANISM_TYPE type) noexcept : mechanism_{type, nullptr, 0} {
  const auto parameter = [this](void* value, CK_ULONG size) {
    mechanism_.pParameter = value;
    mechanism_.ulParameterLen = size;
  };
  switch (type) {
    case CKM_AES_CBC:
    case CKM_AES_CBC_PAD:
      parameter(zeros_.data(), kAesVectorBytes);
      break;
    case CKM_DES3_CBC:
    case CKM_DES3_CBC_PAD:
      parameter(zeros_.data(), kDes3VectorBytes);
      break;
    case CKM_AES_CTR:
      parameter(&counter_, sizeof counter_);
      break;
    case CKM_AES_GCM:
      parameter(&gcm_, sizeof gcm_);
      break;
    case CKM_RSA_PKCS_OAEP:
      parameter(&oaep_, sizeof oaep_);
      break;
    case CKM_XOR_BASE_AND_DATA:
    case CKM_CONCATENATE_BASE_AND_DATA:
      parameter(&data_, sizeof data_);
      break;
    case CKM_EXTRACT_KEY_FROM_KEY:
      parameter(&first_bit_, sizeof first_bit_);
      break;
    default:
      break;
  }
}

Json mechanism_detail(CK_MECHANISM_TYPE type) {
  Json detail = Json::object();
  detail["mechanism"] = mechanism_name(type);
  return detail;
}

Json attribute_detail(CK_ATTRIBUTE_TYPE type) {
  Json detail = Json::object();
  detail["attribute"] = attribute_name(type);
  return detail;
}

}  // namespace signer::hsm
