// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "pipelines/lifecycle/lifecycle.hpp"

namespace imgforge::lifecycle {

/// Where machines shall be made.
struct Placement {
    std::string connection;  ///< "qemu:///embed" for the embedded driver
    std::string host{};
    std::string pool{};  ///< disks go there as volumes; empty: files of this host
    bool embedded() const { return connection.rfind("qemu:///embed", 0) == 0; }
};

/// `host` is a key of `hosts:`, "any" (the host that answers with the most free memory, and with enough of
/// it), or empty: the connection of this command. Throws Failure::host when none fits, with what each had.
Placement place(Lifecycle& lifecycle, const std::string& host, ByteSize memory);

}  // namespace imgforge::lifecycle
