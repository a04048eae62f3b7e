// SPDX-License-Identifier: Apache-2.0
//
// What doctor sees without signerd.

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "base/file.h"
#include "base/secret_file.h"
#include "ctl/doctor.h"
#include "ctl/token_text.h"
#include "keyring/hmac_key.h"

namespace signer::ctl {

namespace {

using Weight = Finding::Weight;

std::string mode_text(mode_t mode) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%04o", static_cast<unsigned>(mode & 07777U));
  return text.data();
}

// What is at `path`, or why that cannot be seen.  A symbolic link is not followed.
struct SeenPath {
  explicit SeenPath(const std::string& path) : error(::lstat(path.c_str(), &status) == 0 ? 0 : errno) {}

  struct stat status {};
  int error;
};

// Says it if there is nothing to look at; true then.
bool is_unseen(const SeenPath& place, const std::string& about, const std::string& path, const std::string& advice,
               Findings& findings) {
  if (place.error == 0) return false;
  if (place.error == ENOENT || place.error == ENOTDIR) {
    findings.push_back({Weight::kWrong, about, path + " does not exist", advice});
  } else {
    findings.push_back(
        {Weight::kSkipped, about, path + " cannot be seen: " + errno_text(place.error), "run as signerd's user"});
  }
  return true;
}

// The owner of the state directory, who is signerd's user.
std::optional<uid_t> look_at_state(const std::string& directory, Findings& findings) {
  const SeenPath place(directory);
  const std::string about = "state directory";
  if (is_unseen(place, about, directory, "start signerd, which makes it, or restore it from its backup", findings))
    return std::nullopt;
  if (!S_ISDIR(place.status.st_mode)) {
    findings.push_back({Weight::kWrong, about, directory + " is no directory", "correct state_dir"});
    return std::nullopt;
  }
  if ((place.status.st_mode & 0022U) != 0) {
    findings.push_back({Weight::kWrong, about,
                        directory + " has mode " + mode_text(place.status.st_mode) +
                            ": others than its owner can replace the metadata of keys",
                        "chmod 700 " + directory});
  }
  const SeenPath lock(directory + "/lock");
  if (lock.error == 0 && lock.status.st_uid != place.status.st_uid) {
    findings.push_back({Weight::kWrong, about,
                        directory + " belongs to uid " + std::to_string(place.status.st_uid) +
                            ", and signerd ran as uid " + std::to_string(lock.status.st_uid),
                        "chown -R it to the user that signerd runs as"});
  }
  return place.status.st_uid;
}

// Who may be whom is hsm/pin's rule; what is in the file is nobody's business here.
void look_at_pin(const config::Token& token, std::optional<uid_t> owner, Findings& findings) {
  const std::string about = "token " + token.name;
  if (!token.pin_file.starts_with("/")) return;  // none, or a credential, which systemd makes
  const SeenPath place(token.pin_file);
  if (is_unseen(place, about, token.pin_file, "make it, or correct its name in the configuration", findings)) return;
  if (!S_ISREG(place.status.st_mode)) {
    findings.push_back({Weight::kWrong, about, token.pin_file + " is not a regular file", "name the file itself"});
  }
  if ((place.status.st_mode & 0077U) != 0) {
    findings.push_back({Weight::kWrong, about,
                        token.pin_file + " has mode " + mode_text(place.status.st_mode) +
                            ": others than its owner may use it, so the token's host refuses it",
                        "chmod 600 " + token.pin_file});
  }
  if (owner && place.status.st_uid != *owner && place.status.st_uid != 0) {
    findings.push_back(
        {Weight::kWrong, about,
         token.pin_file + " belongs to uid " + std::to_string(place.status.st_uid) + ", not to signerd's user or root",
         "chown " + std::to_string(*owner) + " " + token.pin_file});
  }
}

void look_at_latch(const config::Config& config, const config::Token& token, Findings& findings) {
  const std::string path = config.state_dir + "/latch/" + token.name + ".json";
  const auto read = read_file(path, kLatchBytesMax);
  if (!read && read.error().code != ErrorCode::kInvalidRequest) return;  // none, or the directory cannot be read
  const std::string content = read ? *read : std::string();              // too long: not a latch of ours
  const bool refused = is_latched(content, token.pin_file);
  findings.push_back({refused ? Weight::kWrong : Weight::kNote, "token " + token.name,
                      "its login latch is there: " + latch_reason(content),
                      refused ? "correct the PIN file and reload signerd; if the PIN is right: signerctl token unlatch "
                                "--config F " +
                                    token.name
                              : "nothing, if signerd is at its login now or the PIN file is another"});
}

void look_at_token(const config::Config& config, const config::Token& token, std::optional<uid_t> owner,
                   Findings& findings) {
  const std::string about = "token " + token.name;
  if (token.driver == config::DriverKind::kPkcs11) {
    const bool there = ::access(token.module.c_str(), R_OK) == 0;
    if (!there) {
      findings.push_back({Weight::kWrong, about, "its module " + token.module + ": " + errno_text(errno),
                          "install the token's PKCS#11 module, or correct its path"});
    }
  } else if (token.uri.starts_with("device:") && ::access(token.uri.c_str() + 7, F_OK) != 0) {
    findings.push_back({Weight::kWrong, about, "its device " + token.uri.substr(7) + ": " + errno_text(errno),
                        "see that the TPM is switched on, or correct tcti"});
  }
  look_at_pin(token, owner, findings);
  look_at_latch(config, token, findings);
}

void look_at_listener(const config::Listener& listener, const policy::Accounts& accounts, Findings& findings) {
  const std::string about = "listener " + listener.path;
  const auto group = listener.group.empty() ? std::nullopt : accounts.gid(listener.group);
  if (!listener.group.empty() && !group) {
    findings.push_back({Weight::kWrong, about, "there is no group '" + listener.group + "' on this machine",
                        "create it or correct the name; signerd does not start without it"});
  }
  const SeenPath place(listener.path);
  if (is_unseen(place, about, listener.path, "start signerd, which makes it", findings)) return;
  if (!S_ISSOCK(place.status.st_mode)) {
    findings.push_back({Weight::kWrong, about, "what is there is no socket", "move it away, then start signerd"});
    return;
  }
  if (group && place.status.st_gid != *group) {
    findings.push_back(
        {Weight::kWrong, about,
         "the socket is of group " + std::to_string(place.status.st_gid) + ", configured is '" + listener.group + "'",
         "restart signerd: a reload does not change a listener"});
  }
  if ((place.status.st_mode & 0777U) != listener.mode) {
    findings.push_back(
        {Weight::kWrong, about,
         "the socket has mode " + mode_text(place.status.st_mode) + ", configured is " + mode_text(listener.mode),
         "restart signerd: a reload does not change a listener"});
  }
}

void look_at_grant(const config::Grant& grant, const policy::Accounts& accounts, Findings& findings) {
  const auto missing = [&](const char* kind, const std::string& name) {
    findings.push_back({Weight::kWrong, "grant " + grant.name,
                        std::string("there is no ") + kind + " '" + name + "' on this machine",
                        "create it or correct the name; signerd takes no configuration with such a grant"});
  };
  if (grant.match.user && !accounts.uid(*grant.match.user)) missing("user", *grant.match.user);
  if (grant.match.group && !accounts.gid(*grant.match.group)) missing("group", *grant.match.group);
}

void look_at_hmac_key(const config::Config& config, const config::HmacKey& key, Findings& findings) {
  const auto metadata = keyring::load_hmac_key(config.state_dir, key.name);
  const std::string about = "key " + key.name;
  if (!metadata) {
    findings.push_back({Weight::kWrong, about, metadata.error().text, "restore its metadata file from a backup"});
  } else if (!*metadata) {
    findings.push_back(
        {Weight::kWrong, about, "it has no metadata: it was never created", "signerctl key create " + key.name});
  } else if ((*metadata)->token != key.token) {
    findings.push_back({Weight::kWrong, about,
                        "its metadata names token " + (*metadata)->token + ", the configuration token " + key.token,
                        "name the token that holds it; a key does not move"});
  }
}

// The file may be changed after the key was made; the key may not.
void look_at_size(const config::Key& key, const keyring::KeyVersion& version, Findings& findings) {
  const std::size_t bits = version.public_key.modulus.size() * 8;
  const unsigned wanted = jose::rsa_bits(key.kind);
  if (version.state != keyring::KeyState::kActive || wanted == 0 || bits == wanted) return;
  findings.push_back({Weight::kWrong, "key " + key.name,
                      "it has " + std::to_string(bits) + " bits, and the configuration says " + std::to_string(wanted),
                      "write bits = " + std::to_string(bits) + "; another size takes another key"});
}

void look_at_versions(const config::Config& config, const config::Key& key, const keyring::LoadedVersions& loaded,
                      WallTime now, Findings& findings) {
  const std::string about = "key " + key.name;
  int active = 0;
  int versions = 0;
  for (const keyring::KeyVersion& version : loaded.versions) {
    if (version.name != key.name) continue;
    ++versions;
    if (version.state == keyring::KeyState::kActive) ++active;
    const auto named = [&](const config::Token& token) { return token.name == version.token; };
    if (std::none_of(config.tokens.begin(), config.tokens.end(), named)) {
      findings.push_back({Weight::kWrong, about,
                          "its metadata names token " + version.token + ", which is not configured",
                          "configure that token again, or restore the metadata that fits"});
    } else if (std::find(key.tokens.begin(), key.tokens.end(), version.token) == key.tokens.end()) {
      findings.push_back({Weight::kNote, about,
                          "it is in token " + version.token + ", and its tokens in the configuration are others",
                          "name the token that holds it; a key does not move"});
    }
    look_at_size(key, version, findings);
    if (version.created > now) {
      findings.push_back({Weight::kWrong, about, "it was made in the future, at " + keyring::rfc3339(version.created),
                          "see that the clock is right; tokens would be taken for expired or not yet valid"});
    }
  }
  if (active > 1) {
    findings.push_back({Weight::kWrong, about, "several of its versions say that they are active",
                        "set the state of all but one to retired in their metadata files, then reload"});
  }
  const auto damaged = [&](const auto& problem) { return problem.first == key.name; };
  if (versions == 0 && std::none_of(loaded.problems.begin(), loaded.problems.end(), damaged)) {
    findings.push_back({Weight::kWrong, about, "it has no metadata: it was never created, or its files are lost",
                        "restore " + config.state_dir + "/keys/" + key.name +
                            " from a backup; a new key: signerctl key "
                            "create " +
                            key.name});
  }
}

}  // namespace

Findings look_at_files(const config::Config& config, const policy::Accounts& accounts) {
  Findings findings;
  const auto owner = look_at_state(config.state_dir, findings);
  for (const config::Token& token : config.tokens) look_at_token(config, token, owner, findings);
  for (const config::HmacKey& key : config.hmac_keys) look_at_hmac_key(config, key, findings);
  for (const config::Listener& listener : config.listeners) look_at_listener(listener, accounts, findings);
  for (const config::Grant& grant : config.grants) look_at_grant(grant, accounts, findings);
  if (config.audit.token.empty()) {
    findings.push_back({Weight::kNote, "audit log",
                        "no key signs it: whoever can write its files can rewrite it unnoticed",
                        "name a token in [audit], then restart signerd"});
  }
  for (const std::string& note : config.notes) findings.push_back({Weight::kNote, "configuration", note, ""});
  return findings;
}

Findings compare_metadata(const config::Config& config, const keyring::LoadedVersions& loaded, WallTime now) {
  Findings findings;
  for (const auto& [name, problem] : loaded.problems) {
    findings.push_back({Weight::kWrong, "key " + name, problem, "restore the file from a backup, then reload signerd"});
  }
  for (const config::Key& key : config.keys) look_at_versions(config, key, loaded, now, findings);
  for (const keyring::KeyVersion& version : loaded.versions) {
    const auto named = [&](const config::Key& key) { return key.name == version.name; };
    if (std::any_of(config.keys.begin(), config.keys.end(), named)) continue;
    findings.push_back({Weight::kNote, "key " + version.name,
                        "there is metadata of it (kid " + version.kid + ") and no [[key]] names it",
                        "nothing, if that is meant; it is neither used nor published"});
  }
  return findings;
}

}  // namespace signer::ctl
