// SPDX-License-Identifier: Apache-2.0

#include "tpm/tcti.h"

#include <fcntl.h>
#include <poll.h>
#include <tss2/tss2_tctildr.h>

#include <algorithm>
#include <array>
#include <type_traits>

#include "base/log.h"
#include "tpm/message.h"

namespace signer::tpm {

using channel::HostStatus;

// The TSS sees `common`, the first member; its functions find their way back here.
struct Tcti::Checked {
  TSS2_TCTI_CONTEXT_COMMON_V2 common{};
  TSS2_TCTI_CONTEXT* inner = nullptr;
  CommandHeader command;

  Checked() = default;
  Checked(const Checked&) = delete;
  Checked& operator=(const Checked&) = delete;

  ~Checked() {
    if (inner != nullptr) ::Tss2_TctiLdr_Finalize(&inner);
  }

  static Checked& of(TSS2_TCTI_CONTEXT* context) { return *reinterpret_cast<Checked*>(context); }

  static TSS2_RC transmit(TSS2_TCTI_CONTEXT* context, std::size_t size, const std::uint8_t* command) {
    Checked& self = of(context);
    const auto header = read_command(ByteView(command, size));
    if (!header) return TSS2_TCTI_RC_BAD_VALUE;
    if (!is_allowed(header->code)) return TSS2_TCTI_RC_NOT_PERMITTED;
    self.command = *header;
    return self.v1().transmit(self.inner, size, command);
  }

  static TSS2_RC receive(TSS2_TCTI_CONTEXT* context, std::size_t* size, std::uint8_t* response, std::int32_t timeout) {
    Checked& self = of(context);
    if (size == nullptr) return TSS2_TCTI_RC_BAD_REFERENCE;
    const std::size_t room = *size;
    const TSS2_RC rc = self.v1().receive(self.inner, size, response, timeout);
    if (rc != TSS2_RC_SUCCESS || response == nullptr) return rc;
    if (*size > room) return TSS2_TCTI_RC_MALFORMED_RESPONSE;
    const auto fault = find_fault(self.command, ByteView(response, *size));
    if (!fault) return TSS2_RC_SUCCESS;
    log::error("tpm_alarm", {{"reason", std::string("tpm: a response was refused: ") + std::string(*fault)},
                             {"command", self.command.code}});
    return TSS2_TCTI_RC_MALFORMED_RESPONSE;
  }

  static void finalize(TSS2_TCTI_CONTEXT*) {}  // ~Checked does it

  static TSS2_RC cancel(TSS2_TCTI_CONTEXT* context) {
    const auto function = of(context).v1().cancel;
    return function == nullptr ? TSS2_TCTI_RC_NOT_IMPLEMENTED : function(of(context).inner);
  }

  static TSS2_RC poll_handles(TSS2_TCTI_CONTEXT* context, TSS2_TCTI_POLL_HANDLE* handles, std::size_t* count) {
    const auto function = of(context).v1().getPollHandles;
    return function == nullptr ? TSS2_TCTI_RC_NOT_IMPLEMENTED : function(of(context).inner, handles, count);
  }

  static TSS2_RC set_locality(TSS2_TCTI_CONTEXT* context, std::uint8_t locality) {
    const auto function = of(context).v1().setLocality;
    return function == nullptr ? TSS2_TCTI_RC_NOT_IMPLEMENTED : function(of(context).inner, locality);
  }

  // What the library's macros read, without their casts.
  [[nodiscard]] const TSS2_TCTI_CONTEXT_COMMON_V1& v1() const {
    return *reinterpret_cast<const TSS2_TCTI_CONTEXT_COMMON_V1*>(inner);
  }

  // tcti-device opens its descriptor without O_CLOEXEC.
  void close_on_exec() {
    std::array<pollfd, 8> handles{};
    std::size_t count = handles.size();
    if (v1().getPollHandles == nullptr) return;
    if (v1().getPollHandles(inner, handles.data(), &count) != TSS2_RC_SUCCESS) return;
    for (std::size_t i = 0; i < std::min(count, handles.size()); ++i) {
      if (handles[i].fd >= 0) ::fcntl(handles[i].fd, F_SETFD, FD_CLOEXEC);
    }
  }
};

bool is_explicit_tcti(std::string_view text) noexcept {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size()) return false;
  return std::ranges::all_of(text.substr(0, colon),
                             [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

TpmResult<Tcti> Tcti::open(const std::string& text) {
  static_assert(std::is_standard_layout_v<Checked>, "the TSS reads the first member through a pointer to the whole");
  if (!is_explicit_tcti(text)) {
    return verdict(HostStatus::kInvalid,
                   "the TCTI must name transport and place, such as device:/dev/tpmrm0; nothing was opened");
  }
  auto checked = std::make_unique<Checked>();
  const TSS2_RC rc = ::Tss2_TctiLdr_Initialize(text.c_str(), &checked->inner);
  if (rc != TSS2_RC_SUCCESS) return tpm_failure("Tss2_TctiLdr_Initialize " + text, rc);
  if (checked->v1().transmit == nullptr || checked->v1().receive == nullptr) {
    return verdict(HostStatus::kInvalid, "the TCTI " + text + " cannot transmit and receive");
  }
  checked->close_on_exec();
  TSS2_TCTI_CONTEXT_COMMON_V2& common = checked->common;
  common.v1.magic = 0x7369676e65723031;  // of no one else
  common.v1.version = 2;
  common.v1.transmit = Checked::transmit;
  common.v1.receive = Checked::receive;
  common.v1.finalize = Checked::finalize;
  common.v1.cancel = Checked::cancel;
  common.v1.getPollHandles = Checked::poll_handles;
  common.v1.setLocality = Checked::set_locality;
  common.makeSticky = nullptr;
  return Tcti(std::move(checked));
}

Tcti::Tcti(std::unique_ptr<Checked> checked) noexcept : checked_(std::move(checked)) {}

Tcti::Tcti(Tcti&&) noexcept = default;
Tcti::~Tcti() = default;

TSS2_TCTI_CONTEXT* Tcti::get() noexcept {
  return reinterpret_cast<TSS2_TCTI_CONTEXT*>(&checked_->common);
}

}  // namespace signer::tpm
