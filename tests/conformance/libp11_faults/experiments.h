// SPDX-License-Identifier: Apache-2.0
//
// The four faults of libp11 that keep it off our signing path.  Each experiment is run in a process of its own, prints
// what it sees, and returns whether the fault is there.
#pragma once

#include <string>

#include "session.h"

namespace signer::faults {

enum class Verdict { kNone, kReproduces, kMended };

// What an experiment leaves for the parent, in shared memory: it may never return.
struct Seen {
  std::atomic<Verdict> verdict{Verdict::kNone};
  std::atomic<bool> at_the_brink{false};  // set-up is done; what follows is libp11's doing
};

// (a) C_OpenSession fails `failures` times with `answer` while the pool is empty.  Returning at all is the mended case.
void open_session_fails(const Token& token, Seen& seen, CK_RV answer, unsigned long failures);

// (b) C_CloseAllSessions underneath: what becomes of signing, of is_logged_in and of another login.
void sessions_die(const Token& token, Seen& seen);

// (c) The mechanism of an RS256 signature, and a key that allows the hashing one alone.
void mechanism_used(const Token& token, Seen& seen);

// (d) PKCS11_release_all_slots and PKCS11_CTX_unload beside a session that libp11 did not open.
void release_slots(const Token& token, Seen& seen);

}  // namespace signer::faults
