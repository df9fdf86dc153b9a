// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "pipelines/lifecycle/spawn.hpp"

namespace imgforge::lifecycle {

/// What `spawn` would make, in the words of "libvirt" (domain XML), "kubevirt" (a VirtualMachine) or "nova"
/// (commands of the openstack client). Nothing is made or reserved: UUID and MACs of the XML are examples.
/// Throws as spawn() does for wishes that cannot be, and Failure::usage for another word.
std::string printed_machine(Lifecycle& lifecycle, const SpawnOptions& options, const std::string& kind);

}  // namespace imgforge::lifecycle
