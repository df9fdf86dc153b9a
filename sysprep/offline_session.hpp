// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "builder/base/json.hpp"
#include "builder/base/monitor.hpp"
#include "builder/guest/appliance.hpp"
#include "builder/guest/guest_fs.hpp"
#include "sysprep/needles.hpp"

namespace imgforge::sysprep {

/// One running appliance with a guest's file systems mounted, shared by consecutive offline work (customise,
/// sysprep, the appliance's part of the audit, compact). Every step leaves the file systems mounted as it
/// found them.
struct OfflineSession {
    guest::Appliance* appliance;  ///< nothing in tests on a tree in memory
    guest::GuestFs& fs;
    guest::Inspection& os;  ///< mutable: a step may change what is mounted or the hostname
    Needles& needles;       ///< filled once, before the first cleaning
    Monitor& monitor;
    std::filesystem::path work_folder;  ///< private directory (0700) for logs and facts of the steps
    bool read_only = false;
};

/// Work done inside the shared appliance. The audit collects its structural facts and decoded content this
/// way, in the launch that sysprep used, and evaluates them on the host afterwards.
class OfflineStep {
public:
    virtual ~OfflineStep() = default;
    virtual std::string name() const = 0;
    /// Runs with the guest mounted (after sysprep: cleaned). The returned value is handed to whoever made the
    /// step.
    virtual Json perform(OfflineSession& session) = 0;
};

}  // namespace imgforge::sysprep
