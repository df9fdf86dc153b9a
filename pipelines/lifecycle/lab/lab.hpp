// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "pipelines/lifecycle/lab/lab_file.hpp"
#include "pipelines/lifecycle/observe.hpp"

namespace imgforge::lifecycle {

/// What `lab up` or `lab down` did, or what a look shows, for one machine or network.
struct LabStep {
    std::string name;
    std::string
        did;  ///< "made", "started", "changed", "unchanged", "differs", "removed", "missing", "surplus"
    std::string note{};  ///< what changed, or what to do
};

struct LabUpOptions {
    bool replace = false;  ///< make machines anew whose difference needs that; their disks are lost
    bool prune = false;    ///< destroy machines of the lab that its file no longer names
};

/// Brings the lab to what its file says: networks, then machines in the order of their needs. What is there
/// already and the same is left alone. A killed one goes on where it was when it is run again. Throws at the
/// first machine that cannot be made; those made stay.
std::vector<LabStep> lab_up(Lifecycle& lifecycle, const Lab& lab, const LabUpOptions& options);

/// Destroys the machines the lab made and the networks it made, and nothing else. Protected ones stay, with
/// an error at the end.
std::vector<LabStep> lab_down(Lifecycle& lifecycle, const Lab& lab);

/// How it stands; changes nothing.
std::vector<LabStep> lab_status(Lifecycle& lifecycle, const Lab& lab);

/// The lab's machines as they are.
std::vector<MachineView> lab_views(Lifecycle& lifecycle, const std::string& lab);

}  // namespace imgforge::lifecycle
