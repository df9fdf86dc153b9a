// SPDX-License-Identifier: GPL-3.0-or-later
// Texts that lie in images/NAME beside the generations.
#pragma once

#include <string>
#include <string_view>

namespace imgforge::store {

/// "quarantine-N.txt": why a generation did not go into service.
std::string quarantine_report(int generation);
/// "damaged-N.txt": what verify found. Also readers of other stores, who do not read its database, heed it.
std::string damage_report(int generation);
/// Whether a file name of images/NAME is one of these.
bool is_report(std::string_view name);

}  // namespace imgforge::store
