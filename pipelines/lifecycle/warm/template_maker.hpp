// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <filesystem>

#include "pipelines/lifecycle/warm/warm_template.hpp"

namespace imgforge::lifecycle {

/// Boots a machine in `folder` whose network leads nowhere, waits until cloud-init is through, takes from it
/// what clones must not share, and freezes it: its disk and its memory are there afterwards, no domain. The
/// disk's backing file is named as seen from a machine's directory. Memory that can be mapped is tried first;
/// where libvirt's QEMU cannot have it, the template is one of the saved kind, and a message says so. Errors
/// as provide_template().
TemplateKind make_template(Lifecycle& lifecycle, const std::filesystem::path& folder,
                           const TemplateSource& source, std::chrono::milliseconds timeout);

}  // namespace imgforge::lifecycle
