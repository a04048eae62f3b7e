// SPDX-License-Identifier: Apache-2.0

#include "hsm/throwaway.h"

#include "hsm/attribute_list.h"
#include "hsm/attributes.h"
#include "hsm/ckr.h"
#include "hsm/key_template.h"

namespace signer::hsm {

using jose::Json;

namespace {

struct Downgrade {
  CK_ATTRIBUTE_TYPE type;
  CK_BBOOL value;
};

constexpr Downgrade kSettings[] = {{CKA_SENSITIVE, CK_FALSE},
                                   {CKA_EXTRACTABLE, CK_TRUE},
                                   {CKA_PRIVATE, CK_FALSE},
                                   {CKA_ALWAYS_SENSITIVE, CK_TRUE},
                                   {CKA_NEVER_EXTRACTABLE, CK_TRUE},
                                   {CKA_LOCAL, CK_TRUE},
                                   {CKA_DECRYPT, CK_TRUE},
                                   {CKA_UNWRAP, CK_TRUE},
                                   {CKA_DERIVE, CK_TRUE}};
constexpr Downgrade kCopies[] = {
    {CKA_EXTRACTABLE, CK_TRUE}, {CKA_SENSITIVE, CK_FALSE}, {CKA_PRIVATE, CK_FALSE}, {CKA_DECRYPT, CK_TRUE}};

constexpr CK_ATTRIBUTE_TYPE kWatched[] = {
    CKA_SENSITIVE, CKA_EXTRACTABLE, CKA_PRIVATE, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE, CKA_LOCAL,
    CKA_DECRYPT,   CKA_UNWRAP,      CKA_DERIVE};

void try_settings(ProbeLog& log, CK_OBJECT_HANDLE key) {
  for (const Downgrade& downgrade : kSettings) {
    log.go_on("set-attribute", attribute_detail(downgrade.type));
    CK_BBOOL value = downgrade.value;
    CK_ATTRIBUTE attribute{downgrade.type, &value, sizeof value};
    Json found = Json::object();
    found["before"] = attribute_list(log.session(), key, kWatched);
    const CK_RV rv = ask(log.api().C_SetAttributeValue, log.session().handle(), key, &attribute, CK_ULONG{1});
    found["after"] = attribute_list(log.session(), key, kWatched);
    log.record("C_SetAttributeValue", rv, found);
  }
}

void try_copies(ProbeLog& log, CK_OBJECT_HANDLE key) {
  for (const Downgrade& downgrade : kCopies) {
    log.go_on("copy", attribute_detail(downgrade.type));
    CK_BBOOL value = downgrade.value;
    CK_ATTRIBUTE attribute{downgrade.type, &value, sizeof value};
    CK_OBJECT_HANDLE copy = CK_INVALID_HANDLE;
    const CK_RV rv = ask(log.api().C_CopyObject, log.session().handle(), key, &attribute, CK_ULONG{1}, &copy);
    if (rv == CKR_OK) {
      [[maybe_unused]] const CK_RV gone = ask(log.api().C_DestroyObject, log.session().handle(), copy);
    }
    log.record("C_CopyObject", rv);
  }
}

}  // namespace

ThrowawayProbes probe_throwaway(SessionPool::Lease& lease, const channel::KeyRequest& like,
                                std::span<const OfferedMechanism> offered) {
  const bool rsa = jose::algorithm_of(like.kind) == Algorithm::kRs256;
  ThrowawayProbes result{{{"rv", ""}, {"attributes", Json::array()}}, Json::array()};
  CK_RV rv = lease.renew();
  KeyPairHandles pair;
  if (rv == CKR_OK) rv = make_session_pair(lease.session(), like, pair);
  result.made["rv"] = ckr_name(rv);
  if (rv != CKR_OK) return result;
  result.made["attributes"] = attribute_list(lease.session(), pair.private_key, private_key_attributes(rsa));
  ProbeLog log(lease, ProbeTarget::kThrowaway);
  try_settings(log, pair.private_key);
  try_copies(log, pair.private_key);
  try_reads(log, "throwaway-read", pair.private_key, rsa);
  try_wraps(log, "throwaway-wrap", pair.private_key, offered);
  result.tried = std::move(log.tried());
  // They would go with the session; a module that forgets to is not given the chance.
  for (const CK_OBJECT_HANDLE object : {pair.private_key, pair.public_key}) {
    [[maybe_unused]] const CK_RV gone = ask(lease.session().api().C_DestroyObject, lease.session().handle(), object);
  }
  return result;
}

}  // namespace signer::hsm
