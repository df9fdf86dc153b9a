// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

#include "pipelines/lifecycle/lifecycle.hpp"

namespace imgforge::lifecycle {

/// The machine's record, directory, domain and host key file under another name; the guest keeps its host
/// name. It must be off, without snapshots and without saved memory. An interrupted one is finished by the
/// same command.
void rename_machine(Lifecycle& lifecycle, std::string_view name, const std::string& new_name);

}  // namespace imgforge::lifecycle
