// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <string>
#include <thread>

#include "builder/base/fd.hpp"
#include "pipelines/lifecycle/machine_record.hpp"

namespace imgforge::lifecycle {

/// The guest's address at this moment; empty: none is known. Called from several threads.
using TargetAddress = std::function<std::string()>;

/// Listens on a published port and carries what comes to the guest and back, TCP or UDP, until it is
/// destroyed. A connection to a guest that has no address, or does not answer within 10 s, is closed.
class PortRelay {
public:
    /// Throws system_error when the port cannot be listened on.
    PortRelay(PublishedPort port, TargetAddress target);
    PortRelay(const PortRelay&) = delete;
    PortRelay& operator=(const PortRelay&) = delete;

private:
    void serve_tcp(const std::stop_token& stop) const;
    void serve_udp(const std::stop_token& stop) const;

    PublishedPort port_;
    TargetAddress target_;
    Fd socket_;
    std::jthread thread_;  ///< last: it ends before what it uses
};

}  // namespace imgforge::lifecycle
