// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "pipelines/lifecycle/lifecycle.hpp"
#include "pipelines/lifecycle/spool_protocol.hpp"

namespace imgforge::lifecycle {

/// What became of one machine of the host that is gone.
struct TakenOver {
    std::string name;
    bool taken = false;
    std::string note{};  ///< why not, or where its disks came from
};

/// Makes the machines of `dead_host` in this spool machines of this host, where their disks can be reached
/// from here (a store on shared storage). The disks are copied whole, so nothing of the other store is needed
/// afterwards, and left there. A disk that some process of this host or of one that shares locks still has
/// open is left alone. The machines are defined, not started. For an administrator who knows that the host is
/// gone: nothing here can tell that.
std::vector<TakenOver> take_over(Lifecycle& lifecycle, const SpoolFolder& folder,
                                 const std::string& dead_host, const std::string& host);

}  // namespace imgforge::lifecycle
