// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
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

/// Copy of the calling thread's last libvirt error. Every libvirt call resets it, asking for a name included.
struct LastVirtError {
    int code = 0;  ///< VIR_ERR_OK when libvirt left none
    std::string message{};
};
LastVirtError last_virt_error();

/// Throws `error` as "cannot ACTION: text". The action is asked for afterwards, so it may call libvirt.
[[noreturn]] void throw_virt_error(const LastVirtError& error, const std::function<std::string()>& action);

/// Throws the calling thread's last libvirt error: "cannot ACTION: text".
[[noreturn]] void throw_last_virt_error(std::string_view action);

/// The same for a connection that could not be opened: whatever the code, the host is at error (a socket that
/// is not there is VIR_ERR_SYSTEM_ERROR, a daemon that refuses VIR_ERR_INTERNAL_ERROR …).
[[noreturn]] void throw_connect_error(std::string_view uri);

}  // namespace imgforge::virt
