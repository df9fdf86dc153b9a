// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipelines/lifecycle/domain_check.hpp"
#include "pipelines/lifecycle/lifecycle.hpp"

namespace imgforge::lifecycle {

/// What differs between the record and the world, one sentence each. `seen`: also gives what was looked at,
/// when libvirt knows the domain.
std::vector<std::string> drift(Lifecycle& lifecycle, const MachineRecord& record,
                               DomainReality* seen = nullptr);

/// Puts back what the domain lost (itself, its NICs, its disks) and takes over what other tools gave it;
/// returns what was done and, after "cannot repair: ", what remains. Throws Failure::integrity when the
/// domain is on another root disk.
std::vector<std::string> repair_machine(Lifecycle& lifecycle, std::string_view name);

}  // namespace imgforge::lifecycle
