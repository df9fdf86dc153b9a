// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

#include "builder/base/error.hpp"

namespace imgforge::virt {

/// What callers branch on; everything else libvirt knows is `other`.
enum class VirtCause {
    other,
    no_domain,          ///< the domain does not exist
    no_network,         ///< the libvirt network does not exist
    exists,             ///< a domain of that name or UUID is there already
    invalid_state,      ///< "domain is not running" and the like
    agent_unavailable,  ///< no guest agent configured, or it does not answer
    unsupported,        ///< this driver or QEMU cannot do it
    no_connection,      ///< the daemon does not answer, or went away
    denied,             ///< permission
    timeout,            ///< libvirt's own timeout
};

std::string_view to_string(VirtCause cause);
VirtCause virt_cause(std::string_view text);

/// An error libvirt reported, translated by its code and never by its text.
class VirtError : public Error {
public:
    VirtError(VirtCause cause, Failure kind, std::string message, std::string hint = {});
    VirtCause cause() const noexcept { return cause_; }

private:
    VirtCause cause_;
};

/// Stops libvirt from printing to stderr. Called before the first libvirt call of a process.
void silence_libvirt();

/// Throws the calling thread's last libvirt error: "cannot ACTION: text". A generic error when libvirt left none.
[[noreturn]] void throw_last_virt_error(std::string_view action);

}  // namespace imgforge::virt
