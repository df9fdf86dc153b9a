// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>

#include "builder/virt/domain.hpp"
#include "pipelines/lifecycle/lifecycle.hpp"

namespace imgforge::lifecycle {

/// Halts the guest with its memory in place. Throws Failure::domain when it does not run.
void suspend_machine(Lifecycle& lifecycle, std::string_view name);

/// The guest goes on. Throws Failure::domain with the reason (a full disk, say) when it halts at once again,
/// or when it is off.
void resume_machine(Lifecycle& lifecycle, std::string_view name);

/// The same for a domain already at hand; one that runs is left alone.
void go_on(const Host& host, const MachineRecord& record, const virt::Domain& domain);

}  // namespace imgforge::lifecycle
