// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>

#include "pipelines/lifecycle/domain_check.hpp"
#include "pipelines/lifecycle/lifecycle.hpp"

namespace imgforge::lifecycle {

/// Stops it without asking the guest, forgets the domain, deletes disks and seed. The record stays, marked
/// destroyed; with `forget` it goes as well, and the name is free at once. Throws Failure::domain for a
/// protected machine, Failure::integrity for saved memory and a domain on other disks that `drop` does not
/// give up.
void destroy_machine(Lifecycle& lifecycle, std::string_view name, const Drop& drop = {}, bool forget = false);

}  // namespace imgforge::lifecycle
