// SPDX-License-Identifier: Apache-2.0

#include "evidence/judge_vendor.h"

#include "evidence/certificates.h"

namespace signer::evidence {

namespace {

constexpr std::size_t kVendorBytesMax = 64UL * 1024;

Judgement failed_vendor(std::string name, std::string found, const std::string& meaning) {
  Judgement judgement;
  judgement.add(std::move(name), Finding::kBad, std::move(found), meaning);
  judgement.reason = meaning;
  return judgement;
}

// The leaf is the key's.
Judgement judge_vendor_chain(const std::vector<Bytes>& certificates, const Certificate& leaf, const Trust& trust) {
  Judgement judgement;
  judgement.grade = Grade::kClaimed;
  judgement.add("vendor.key", Finding::kGood, shown(leaf.subject()), "The first certificate is for the published key.");
  if (trust.roots.empty()) {
    judgement.reason =
        "No manufacturer's root certificate was given, so nobody stands behind the vendor's certificates.";
    judgement.add("vendor.chain", Finding::kNotReported, "no roots given", judgement.reason);
    return judgement;
  }
  std::vector<Bytes> between(certificates.begin() + 1, certificates.end());
  between.insert(between.end(), trust.intermediates.begin(), trust.intermediates.end());
  const auto root = follow_chain(leaf, between, trust.roots, time_of_judgement(trust));
  if (!root) {
    judgement.reason = "The vendor's certificates lead to none of the roots that were given.";
    judgement.add("vendor.chain", Finding::kWarning, shown(root.error().text), judgement.reason);
    return judgement;
  }
  judgement.grade = Grade::kAttested;
  judgement.add("vendor.chain", Finding::kGood, shown(*root), "A root that was given stands behind the certificates.");
  return judgement;
}

}  // namespace

Judgement judge_vendor(ByteView data, const jose::PublicKey& key, const Trust& trust) {
  if (data.size() > kVendorBytesMax) {
    return failed_vendor("vendor.form", std::to_string(data.size()) + " bytes",
                         "The vendor's evidence is larger than it can be.");
  }
  if (!is_pem(data)) {
    Judgement judgement;
    judgement.grade = Grade::kClaimed;
    judgement.reason = "The vendor's evidence is of no form that is known here.";
    judgement.add("vendor.form", Finding::kInformation, std::to_string(data.size()) + " bytes, no PEM",
                  "Not certificates in PEM: whoever knows this form must read it, here it counts for nothing.");
    return judgement;
  }
  const auto certificates = read_certificates(data, kBundledCertificatesMax);
  if (!certificates) {
    return failed_vendor("vendor.form", shown(certificates.error().text),
                         "The vendor's certificates cannot all be read.");
  }
  const auto leaf = Certificate::read(certificates->front());
  if (!leaf || leaf->key() != key) {
    return failed_vendor("vendor.key", leaf ? shown(leaf->subject()) : std::string(),
                         "The vendor's first certificate is for another key than the published one.");
  }
  return judge_vendor_chain(*certificates, *leaf, trust);
}

}  // namespace signer::evidence
