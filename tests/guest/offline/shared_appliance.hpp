// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "builder/base/monitor.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/guest/appliance_fs.hpp"
#include "builder/guest/inspection.hpp"

namespace imgforge::test {

/// The one launch of this program: five blank disks with clusters of 4 KiB, as a working overlay has; three
/// of 1 GiB for the layouts, one of 64 MiB for encrypted guests and the contract, one of 256 MiB for hostile
/// guests.
class SharedAppliance {
public:
    static SharedAppliance& get();
    guest::Appliance& appliance() { return *appliance_; }
    std::filesystem::path disk(int index) const {
        return folder_ / ("disk" + std::to_string(index) + ".qcow2");
    }
    NullMonitor& monitor() { return monitor_; }
    /// Shuts down; the disks are then complete files. Only the last test may do that.
    void finish();
    ~SharedAppliance();

private:
    SharedAppliance();
    TempDir folder_{"imgforge-guest-test"};
    NullMonitor monitor_;
    std::unique_ptr<guest::Appliance> appliance_;
};

/// The message of the error that opening a guest on it gives, or "no error". Nothing is mounted afterwards.
std::string fault_of_opening(const guest::OpenOptions& options);

}  // namespace imgforge::test
