// SPDX-License-Identifier: Apache-2.0

#include "evidence/judge_vendor.h"

#include <algorithm>
#include <array>
#include <string_view>

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

// Uses of certificates for something else than to say what a key is: serverAuth, clientAuth, codeSigning and
// emailProtection (RFC 5280 §4.2.1.12).
constexpr std::array<std::string_view, 4> kOtherUses{"1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.3",
                                                     "1.3.6.1.5.5.7.3.4"};

// Whether the leaf may be what a manufacturer says of a key; else a kWarning check and the reason.
bool judge_leaf(const Certificate& leaf, Judgement& judgement) {
  const auto usages = leaf.usages();
  if (usages && std::ranges::all_of(*usages, [](const std::string& usage) {
        return std::ranges::find(kOtherUses, usage) != kOtherUses.end();
      })) {
    judgement.reason = "The vendor's certificate is for another use than to say what the key is.";
    judgement.add("vendor.usage", Finding::kWarning, usages->empty() ? "none" : shown(usages->front()),
                  judgement.reason);
    return false;
  }
  if (const auto extension = leaf.unknown_extension()) {
    judgement.reason =
        "The vendor's certificate has a form of its own that is not known here: it must be read for that.";
    judgement.add("vendor.extension", Finding::kWarning, shown(*extension), judgement.reason);
    return false;
  }
  return true;
}

// The leaf is the key's.
Judgement judge_vendor_chain(const std::vector<Bytes>& certificates, const Certificate& leaf, const Trust& trust) {
  Judgement judgement;
  judgement.grade = Grade::kClaimed;
  judgement.add("vendor.key", Finding::kGood, shown(leaf.subject()), "The first certificate is for the published key.");
  const bool fits = judge_leaf(leaf, judgement);
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
  judgement.add("vendor.chain", Finding::kGood, shown(*root), "A root that was given stands behind the certificates.");
  if (!fits) return judgement;
  judgement.grade = Grade::kAttested;
  judgement.reason = "A certificate for this key leads to " + shown(*root) + ".";
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
  if (has_more_behind_pem(data)) {
    return failed_vendor("vendor.form", "bytes behind the last certificate",
                         "The vendor's evidence goes on behind its certificates.");
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
