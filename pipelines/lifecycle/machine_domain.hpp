// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>

#include "builder/virt/domain_spec.hpp"
#include "pipelines/lifecycle/machine_record.hpp"

namespace imgforge::lifecycle {

/// The domain of a machine, from its record alone: so it can be defined again at any time and comes out the same.
/// `folder` is instances/NAME (console log and socket). Pure.
virt::DomainSpec machine_domain(const MachineRecord& record, const std::filesystem::path& folder, virt::DomainSpec::Accel accel);

/// The console's socket on this host; empty when its path would be too long for one, and the console is a pty then.
std::filesystem::path console_socket(const std::filesystem::path& folder);

}  // namespace imgforge::lifecycle
