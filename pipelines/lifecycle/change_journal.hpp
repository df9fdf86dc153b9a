// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "pipelines/lifecycle/lifecycle.hpp"

namespace imgforge::lifecycle {

/// What a command is about to change in record and domain.
struct PendingChange {
    bool sizes = false;  ///< memory, CPUs
    std::vector<std::filesystem::path> data_disks{};
    bool ports = false;
    std::string definition{};  ///< XML the domain shall have in the end; empty: the one it has
};

/// instances/NAME/changing.json, there from the first change to the last: a command that is killed leaves it,
/// and the next one that holds the machine (or cleanup) settles it.
class ChangeJournal {
public:
    ChangeJournal(const Lifecycle& lifecycle, const MachineRecord& record, const PendingChange& change);
    /// Everything is done.
    void finish();

private:
    std::filesystem::path file_;
};

/// Makes record and domain agree after a command that was killed: the domain's sizes are the truth, a data
/// disk that did not get into the domain goes, ports of a user network are as the record says. True when
/// there was something to settle. A domain libvirt does not know is left to `show --repair`. The caller holds
/// the machine.
bool settle_change(Lifecycle& lifecycle, MachineRecord& record);

}  // namespace imgforge::lifecycle
