// SPDX-License-Identifier: Apache-2.0
//
// What a token driver gives its host.  There is no verb to import, export, wrap, copy or delete a key (invariant 4).
#pragma once

#include <memory>

#include "channel/values.h"

namespace signer::channel {

// One session's worth of signing.  Owned and called by one thread; several workers run at once.
class SigningWorker {
 public:
  SigningWorker() = default;
  SigningWorker(const SigningWorker&) = delete;
  SigningWorker& operator=(const SigningWorker&) = delete;
  virtual ~SigningWorker() = default;

  // Signs `signing_input` with the key under `key_id`.  Success is exactly the algorithm's signature (RS256: modulus
  // size; ES256: R || S, 64 bytes).  The driver has already tried what it can to recover when it answers
  // kUnavailable; the host is then restarted.  Blocks as long as the token does.
  virtual HostResult<Bytes> sign(const SignRequest& request) = 0;

  // HMAC-SHA-256 of `message` under the key under `key_id`.  kMismatch, and nothing is computed, if that key's known
  // answer is another than the request's.  Recovers and blocks as sign() does.
  virtual HostResult<Mac> mac(const MacRequest& /*request*/) { return no_hmac_keys(); }

  // Of drivers that hold none.
  [[nodiscard]] static Failure<HostError> no_hmac_keys() {
    return host_failure(HostStatus::kUnsupported, "host: tokens of this driver hold no HMAC keys");
  }
};

// One token.  open() first and once; describe, generate and make_worker from the thread that opened; workers on their
// own threads.  All workers are destroyed before close().
class Driver {
 public:
  Driver() = default;
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;
  virtual ~Driver() = default;

  // Finds exactly one token and logs in, at most once.
  virtual HostResult<TokenDescription> open(const TokenSpec& spec) = 0;

  // The key under `key_id`: exactly one private key with a readable public part, else kNotFound or kAmbiguous.
  virtual HostResult<KeyDescription> describe_key(ByteView key_id) = 0;

  // Makes a key pair inside the token with the full explicit template and reads it back.  A key that reads back weaker
  // than asked is reported as kUnsupported and never used.  kInvalid if `key_id` is taken.
  virtual HostResult<KeyDescription> generate_key(const KeyRequest& request) = 0;

  // The HMAC key under `key_id`: exactly one secret key that nobody can read out, else kNotFound, kAmbiguous or
  // kMismatch.  Asks the token for its known answer anew.
  virtual HostResult<HmacKeyDescription> describe_hmac_key(ByteView /*key_id*/) {
    return SigningWorker::no_hmac_keys();
  }

  // As generate_key, for an HMAC key.  kInvalid also if the token holds a secret key with this label: pseudonyms may
  // have been made with it, and a second key would replace them.
  virtual HostResult<HmacKeyDescription> generate_hmac_key(const HmacKeyRequest& /*request*/) {
    return SigningWorker::no_hmac_keys();
  }

  // As describe_key, but looks at the token anew and judges what it says: kWeakened, naming what is wrong, if the key
  // could be read, wrapped or used for something else, if it was not made in the token, or if the token shows a second
  // key with the same numbers.  Changes nothing.
  virtual HostResult<KeyDescription> inspect_key(ByteView key_id) { return describe_key(key_id); }

  // Evidence of the key under `key_id`.  What it finds is the answer, good or bad: kOk says that it could look.  With
  // Probes::kFull a key pair is made, tried and destroyed; nothing else in the token changes.
  virtual HostResult<Attestation> attest_key(const AttestRequest& /*request*/) {
    return host_failure(HostStatus::kUnsupported, "host: this driver gives no evidence");
  }

  virtual HostResult<std::unique_ptr<SigningWorker>> make_worker() = 0;

  // From another thread than the workers', before they are waited for: what pauses should do so no longer.
  virtual void interrupt() {}

  // Leaves the token.  The process ends soon after.
  virtual void close() = 0;
};

}  // namespace signer::channel
