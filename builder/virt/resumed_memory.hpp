// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace imgforge::virt {

/// The XML of a snapshot with the arguments for QEMU that a domain has only while it runs taken back: one
/// that was started from a memory file (`-incoming`, a memory-backend-file it maps) could not be started
/// from its snapshot that way. The memory gets a place of its own under the same name. Nothing when there is
/// nothing to change. Pure; throws Failure::domain when the text cannot be read.
std::optional<std::string> restartable_snapshot_xml(std::string_view xml);

}  // namespace imgforge::virt
