// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "builder/base/host.hpp"
#include "builder/virt/acceleration.hpp"
#include "builder/virt/connection.hpp"
#include "pipelines/lifecycle/instance_layout.hpp"

namespace imgforge::lifecycle {

/// The libvirt connections that machines are reached by. open(), open_uri() and accelerator() may be called
/// from several threads.
class ConnectionPool {
public:
    /// By the settings and --connect of `host`.
    explicit ConnectionPool(const Host& host);

    /// What machines of this host run with; measured once per boot of the host.
    virt::Accelerator accelerator();
    /// Where new machines go; decided once.
    const virt::ConnectionChoice& choice();
    /// The connection that holds the machine. An embedded root is opened anew each time and belongs to this
    /// process until the last copy goes; everything else is opened once.
    virt::Connection open(const MachineRecord& record);
    virt::Connection open_uri(const std::string& uri);

private:
    InstanceLayout layout_;
    ProcessRunner& processes_;
    std::optional<std::string> asked_;    ///< --connect
    std::optional<std::string> setting_;  ///< `connection` of the settings
    AccelerationSetting acceleration_;
    std::optional<virt::ConnectionChoice> choice_;
    std::optional<virt::Accelerator> accelerator_;
    std::mutex mutex_;
    std::map<std::string, virt::Connection> connections_;
};

}  // namespace imgforge::lifecycle
