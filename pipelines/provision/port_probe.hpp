// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace imgforge::provision {

/// What QEMU says of its user network ("info usernet"); empty when it cannot be asked.
using UserNetwork = std::function<std::string()>;

/// Whether a TCP server behind host:port takes a connection within `timeout`; `seen` says what happened.
/// QEMU's user network takes every connection itself and only then asks the guest: where `usernet` is given,
/// a connection that stays open counts when QEMU says that the guest's `guest_port` took it.
bool port_answers(const std::string& host, std::uint16_t port, std::chrono::milliseconds timeout,
                  std::string& seen, std::uint16_t guest_port = 0, const UserNetwork& usernet = {});

/// In QEMU's table of connections: true when one to the guest's port is established, false when the guest has
/// not answered, nothing when there is none.
std::optional<bool> established(std::string_view usernet, std::uint16_t guest_port);

}  // namespace imgforge::provision
