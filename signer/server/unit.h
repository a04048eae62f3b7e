// SPDX-License-Identifier: Apache-2.0
//
// The systemd unit that a process runs in, as the kernel's unified cgroup hierarchy (cgroup v2) tells it.  systemd
// gives each unit a cgroup and nobody but root can move a process out of one.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "signer/result.h"

namespace signer::server {

// The unit in the text of /proc/PID/cgroup: the first component of the "0::" path that is no slice, if it is a service
// or a scope of the system's manager ("/system.slice/idp.service/worker" is idp.service).  What is below belongs to
// whoever the unit was delegated to and vouches for nothing: a user's own idp.service is
// "/user.slice/user-1000.slice/user@1000.service/app.slice/idp.service", and that is user@1000.service.
// Empty if there is none.
[[nodiscard]] std::string unit_of_cgroup(std::string_view text);

// The unit of the living process that `pidfd` refers to and that is called `pid` here, from `proc`/PID/cgroup.  Looks
// through the pidfd afterwards whether the process still lives: then the pid was its own all the time.  Empty if it
// does not, if the file cannot be read, or if it is in no unit.
[[nodiscard]] std::string unit_of_process(int pidfd, pid_t pid, const std::string& proc = "/proc");

// The unit of the process that connected `socket`, whose id there is `pid`.  Empty if it is not known.
[[nodiscard]] std::string unit_of_peer(int socket, pid_t pid);

// Whether units can be known on this machine; a failure's text says why not: SO_PEERPIDFD came with Linux 6.5, and
// cgroup v2 must be mounted.
[[nodiscard]] Result<void> units_can_be_known(const std::string& proc = "/proc");

}  // namespace signer::server
