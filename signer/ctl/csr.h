// SPDX-License-Identifier: Apache-2.0
//
// `signerctl key csr`: a certificate request signed by a key in its token.  The program signer-p11-csr does it (libp11,
// which stays off the signing path); here we find out which key is meant.
#pragma once

#include <string>
#include <vector>

#include "ctl/outcome.h"
#include "keyring/key_version.h"

namespace signer::ctl {

struct CsrOptions {
  std::string key;
  std::string subject;  // "/CN=..."
  std::string config;
  std::string kid;          // of several versions
  std::string pin_file;     // instead of the configuration's
  std::string csr_program;  // instead of the one beside us
};

[[nodiscard]] Outcome key_csr(const Context& context, const CsrOptions& options);

// The version meant: that of `kid`, or the only one, or the only active one.  kNotFound and what to do otherwise. Pure.
[[nodiscard]] Result<keyring::KeyVersion> choose_version(const keyring::LoadedVersions& loaded, const std::string& key,
                                                         const std::string& kid);

}  // namespace signer::ctl
