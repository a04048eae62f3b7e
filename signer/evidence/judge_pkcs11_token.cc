// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <utility>

#include "evidence/cryptoki.h"
#include "evidence/judge_pkcs11_parts.h"

namespace signer::evidence {

namespace {

// Lower case, runs of blanks as one: "SW   TPM" is "sw tpm".  What is not printable ASCII is left out: bytes of no
// width would hide a name.
std::string folded(std::string_view text) {
  std::string plain;
  for (const char c : text) {
    if (c < ' ' || c > '~') continue;
    if (c == ' ' && (plain.empty() || plain.back() == ' ')) continue;
    plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  while (plain.ends_with(' ')) plain.pop_back();
  return plain;
}

// What programs that play a token say of themselves, folded.
constexpr std::array<std::string_view, 22> kProgramWords{
    "softhsm",    "mozilla",     "nss ",        "softokn",  "soft token",   "softtoken",     "soft_token", "swtok",
    "kryoptic",   "sw tpm",      "swtpm",       "xcg ftpm", "software tpm", "gnome keyring", "bouncyhsm",  "bouncy hsm",
    "wolfpkcs11", "pkcs11-mock", "pkcs11 mock", "simulat",  "emulat",       "softemu"};

bool names_program(std::string_view text) {
  const std::string plain = folded(text) + ' ';  // "nss " may stand at the end
  return std::ranges::any_of(kProgramWords,
                             [&plain](std::string_view word) { return plain.find(word) != std::string::npos; });
}

void judge_identity(const Pkcs11Part& part, Judgement& judgement) {
  const Pkcs11Library& library = part.library;
  judgement.add("library", Finding::kInformation,
                shown(library.manufacturer + ", " + library.description + " " + library.version + ", " + library.path),
                "the module that the token host had loaded, by its own words");
  if (library.sha256.empty()) {
    judgement.add("library.sha256", Finding::kNotReported, "-", "which file the module was is not known");
  } else {
    judgement.add("library.sha256", Finding::kInformation, library.sha256,
                  "compare it with the file that the manufacturer has released");
  }
  const Pkcs11Token& token = part.token;
  judgement.add("token", Finding::kInformation,
                shown(token.manufacturer + ", " + token.model + ", serial " + token.serial + ", label " + token.label +
                      ", firmware " + token.firmware),
                "compare model and serial with the device that the operator shows you");
  if (!part.validations) {
    judgement.add("validation", Finding::kNotReported, "-", "the host did not look for objects that name a validation");
  } else {
    judgement.add("validation", Finding::kInformation, std::to_string(*part.validations) + " objects",
                  "what the token says of its certification; compare it with the published certificate");
  }
}

void judge_environment(const Pkcs11Part& part, Judgement& judgement) {
  if (!part.environment) {
    judgement.add("environment", Finding::kNotReported, "-", "variables that steer modules were not looked for");
    return;
  }
  std::string names;
  for (const std::string& name : *part.environment) names += (names.empty() ? "" : " ") + name;
  const bool loosened = std::ranges::any_of(
      *part.environment, [](const std::string& name) { return name == "CKNFAST_OVERRIDE_SECURITY_ASSURANCES"; });
  judgement.add("environment", loosened ? Finding::kWarning : Finding::kInformation,
                names.empty() ? "none" : shown(names),
                loosened ? "the module was told to allow keys that it would refuse as insecure: ask for the value"
                         : "variables of the host that steer modules; ask for their values");
}

struct TokenFlag {
  std::uint64_t bit;
  std::string_view name;
  bool required;  // else: must not be set
  Finding otherwise;
  std::string_view good;
  std::string_view wrong;
};

constexpr std::array<TokenFlag, 8> kTokenFlags{{
    {cryptoki::kLoginRequired, "CKF_LOGIN_REQUIRED", true, Finding::kBad, "nobody uses private keys without a PIN",
     "keys can be used without a PIN"},
    {cryptoki::kUserPinInitialized, "CKF_USER_PIN_INITIALIZED", true, Finding::kBad, "the user's PIN is set",
     "the user has no PIN"},
    {cryptoki::kTokenInitialized, "CKF_TOKEN_INITIALIZED", true, Finding::kBad, "the token is set up",
     "the token says that it is not set up"},
    {cryptoki::kUserPinToBeChanged, "CKF_USER_PIN_TO_BE_CHANGED", false, Finding::kWarning,
     "the user's PIN is no default", "the user's PIN is still the one that somebody else has chosen"},
    {cryptoki::kSoPinToBeChanged, "CKF_SO_PIN_TO_BE_CHANGED", false, Finding::kWarning,
     "the security officer's PIN is no default", "the security officer's PIN is still the one of delivery"},
    {cryptoki::kUserPinCountLow, "CKF_USER_PIN_COUNT_LOW", false, Finding::kWarning, "no wrong PIN was tried last",
     "somebody tried a wrong PIN since the last good one"},
    {cryptoki::kUserPinFinalTry, "CKF_USER_PIN_FINAL_TRY", false, Finding::kWarning, "the PIN has tries left",
     "one more wrong PIN locks the token"},
    {cryptoki::kUserPinLocked, "CKF_USER_PIN_LOCKED", false, Finding::kWarning, "the PIN is not locked",
     "the PIN is locked: somebody tried wrong ones"},
}};

void judge_token_flags(const Pkcs11Part& part, Judgement& judgement) {
  for (const TokenFlag& flag : kTokenFlags) {
    const bool set = (part.token.flags & flag.bit) != 0;
    const bool right = set == flag.required;
    judgement.add("token." + std::string(flag.name), right ? Finding::kGood : flag.otherwise, set ? "set" : "not set",
                  std::string(right ? flag.good : flag.wrong));
  }
}

void judge_hardware_claim(std::string name, bool claimed, Judgement& judgement) {
  judgement.add(std::move(name), claimed ? Finding::kInformation : Finding::kWarning, claimed ? "set" : "not set",
                claimed ? "the module says that hardware does this: a claim that programs make too"
                        : "the module does not say that hardware does this; modules of network HSMs often do not");
}

void judge_hardware_claims(const Pkcs11Part& part, Judgement& judgement) {
  judge_hardware_claim("slot.CKF_HW_SLOT", (part.slot.flags & cryptoki::kSlotIsHardware) != 0, judgement);
  for (const auto& [bit, name] : {std::pair{cryptoki::kMechanismMakesPairs, "mechanisms.generation.CKF_HW"},
                                  std::pair{cryptoki::kMechanismSigns, "mechanisms.signature.CKF_HW"}}) {
    bool offered = false;
    bool all_in_hardware = true;
    for (const Pkcs11Mechanism& mechanism : part.mechanisms) {
      const bool concerned =
          bit == cryptoki::kMechanismMakesPairs
              ? mechanism.type == cryptoki::kRsaPkcsKeyPairGen || mechanism.type == cryptoki::kEcKeyPairGen
              : mechanism.type == cryptoki::kRsaPkcs || mechanism.type == cryptoki::kSha256RsaPkcs ||
                    mechanism.type == cryptoki::kEcdsa;
      if (!concerned || (mechanism.flags & bit) == 0) continue;
      offered = true;
      all_in_hardware = all_in_hardware && (mechanism.flags & cryptoki::kMechanismInHardware) != 0;
    }
    if (offered) {
      judge_hardware_claim(name, all_in_hardware, judgement);
    } else {
      judgement.add(name, Finding::kNotReported, "-", "the token lists no such mechanism");
    }
  }
}

}  // namespace

std::string named_program(const Pkcs11Part& part) {
  // opencryptoki drives hardware too; the model of its program is this one word.
  if (folded(part.token.model) == "soft") return shown(part.token.manufacturer + " " + part.token.model);
  for (const std::string* text : {&part.token.manufacturer, &part.token.model, &part.library.manufacturer,
                                  &part.library.description, &part.slot.manufacturer, &part.slot.description}) {
    if (names_program(*text)) return shown(*text);
  }
  const std::string& path = part.library.path;
  // A directory may be called a simulation by whoever models something; SoftHSM's alone is a sign.
  const bool in_its_directory = folded(path).find("softhsm") != std::string::npos;
  if (in_its_directory || names_program(path.substr(path.rfind('/') + 1))) return shown(path);
  const std::vector<std::string> none;
  for (const std::string& name : part.environment ? *part.environment : none) {
    if (folded(name) == "softhsm2_conf") return shown(name);  // nobody sets it for another module
  }
  return {};
}

void judge_token(const Pkcs11Part& part, Judgement& judgement) {
  const std::string program = named_program(part);
  judgement.add("token.program", program.empty() ? Finding::kInformation : Finding::kWarning,
                program.empty() ? "no known program" : program,
                program.empty() ? "it does not say that it is one of the programs that play a token; it could lie"
                                : "this token is a program: no hardware keeps its keys");
  judge_identity(part, judgement);
  judge_environment(part, judgement);
  judge_token_flags(part, judgement);
  judge_hardware_claims(part, judgement);
}

}  // namespace signer::evidence
