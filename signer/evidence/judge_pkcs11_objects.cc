// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "base/hex.h"
#include "evidence/cryptoki.h"
#include "evidence/judge_pkcs11_parts.h"

namespace signer::evidence {

namespace {

constexpr std::size_t kObjectsShown = 4;

// Objects with one thing in common, to be listed.
class ObjectGroup {
 public:
  void add(const Pkcs11Object& object) {
    if (++count_ > kObjectsShown) return;
    const Bytes* const label = object.attributes.value(cryptoki::kLabel);
    const Bytes* const id = object.attributes.value(cryptoki::kId);
    names_ += names_.empty() ? "" : ", ";
    names_ += label != nullptr && !label->empty() ? shown(text_of(*label)).substr(0, 40)
              : id != nullptr                     ? "CKA_ID " + to_hex(*id).substr(0, 32)
                                                  : "one without a name";
  }

  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }

  [[nodiscard]] std::string found() const {
    if (count_ == 0) return "none";
    return shown(std::to_string(count_) + ": " + names_ + (count_ > kObjectsShown ? ", ..." : ""));
  }

 private:
  std::size_t count_ = 0;
  std::string names_;
};

bool is_of_class(const Pkcs11Part& part, const Pkcs11Object& object, std::uint64_t wanted) {
  const Bytes* const value = object.attributes.value(cryptoki::kClass);
  return value != nullptr && part.ulong.read(*value) == wanted;
}

bool has(const Pkcs11Object& object, std::uint64_t type) {
  return object.attributes.flag(type) == true;
}

void add_group(std::string name, const ObjectGroup& group, Finding otherwise, std::string_view good,
               std::string_view wrong, Judgement& judgement) {
  judgement.add(std::move(name), group.empty() ? Finding::kGood : otherwise, group.found(),
                std::string(group.empty() ? good : wrong));
}

}  // namespace

bool judge_other_objects(const Pkcs11Part& part, Judgement& judgement) {
  ObjectGroup copies;
  ObjectGroup public_copies;
  ObjectGroup extractable;
  ObjectGroup pairs;
  ObjectGroup wrapping;
  ObjectGroup unwrapping;
  bool secrets_may_be_left_out = part.objects_more > 0;
  for (const Pkcs11Object& object : part.objects) {
    const bool is_public = is_of_class(part, object, cryptoki::kPublicKeyClass);
    // Private and secret keys come first, so those that are left out behind a public key are public.
    if (is_public) secrets_may_be_left_out = false;
    if (object.same_modulus) (is_public ? public_copies : copies).add(object);
    if (!is_public && (has(object, cryptoki::kExtractable) || object.attributes.flag(cryptoki::kSensitive) == false)) {
      extractable.add(object);
    }
    if (has(object, cryptoki::kWrap) && (has(object, cryptoki::kDecrypt) || has(object, cryptoki::kUnwrap))) {
      pairs.add(object);
    } else if (has(object, cryptoki::kWrap)) {
      wrapping.add(object);
    } else if (has(object, cryptoki::kUnwrap)) {
      unwrapping.add(object);
    }
  }
  add_group("objects.second_copy", copies, Finding::kBad, "no other key has the numbers of this one",
            "a second key has the numbers of this one: what guards the first does not guard the second", judgement);
  add_group("objects.second_public_key", public_copies, Finding::kWarning, "the public key is there once",
            "the public key is there again under another CKA_ID: somebody has dealt with it", judgement);
  add_group("objects.extractable", extractable, Finding::kWarning, "no other key can be taken out",
            "keys beside this one can be read or taken out", judgement);
  add_group("objects.wrap_and_decrypt", pairs, Finding::kWarning, "no key both wraps and opens",
            "what these keys wrap they can also open: every extractable key of the token can be read with them",
            judgement);
  add_group("objects.wrap", wrapping, Finding::kWarning, "no other key wraps",
            "extractable keys of the token can be taken out under these", judgement);
  add_group("objects.unwrap", unwrapping, Finding::kWarning, "no other key unwraps",
            "keys of strangers can be brought in under these", judgement);
  judgement.add("objects.complete", secrets_may_be_left_out ? Finding::kNotReported : Finding::kGood,
                std::to_string(part.objects.size()) + " listed, " + std::to_string(part.objects_more) + " left out",
                secrets_may_be_left_out ? "keys that were left out could be copies of this one"
                                        : "every private and secret key that the host sees is listed");
  return !secrets_may_be_left_out;
}

}  // namespace signer::evidence
