// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>

namespace imgforge {

/// What starts a virtual machine.
enum class Firmware { bios, uefi, uefi_secure };

/// "bios", "uefi", "uefi-secure".
std::string_view to_string(Firmware firmware);

/// The reverse. Throws Failure::usage with the text and the words that are valid.
Firmware parse_firmware(std::string_view text);

}  // namespace imgforge
