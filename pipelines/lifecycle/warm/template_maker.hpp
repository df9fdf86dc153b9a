// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <filesystem>

#include "pipelines/lifecycle/warm/warm_template.hpp"

namespace imgforge::lifecycle {

/// Boots a machine without network card in `folder`, waits until cloud-init is through, takes from it what
/// clones must not share, and freezes it: disk.qcow2 and memory.save are there afterwards, no domain. Errors
/// as provide_template().
void make_template(Lifecycle& lifecycle, const std::filesystem::path& folder, const TemplateSource& source,
                   std::chrono::milliseconds timeout);

}  // namespace imgforge::lifecycle
