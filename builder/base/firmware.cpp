// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/firmware.hpp"

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/suggestion.hpp"

namespace imgforge {

std::string_view to_string(Firmware firmware) {
    switch (firmware) {
        case Firmware::bios: return "bios";
        case Firmware::uefi: return "uefi";
        case Firmware::uefi_secure: break;
    }
    return "uefi-secure";
}

Firmware parse_firmware(std::string_view text) {
    for (const Firmware firmware : {Firmware::bios, Firmware::uefi, Firmware::uefi_secure}) {
        if (text == to_string(firmware)) {
            return firmware;
        }
    }
    throw Error(
        Failure::usage,
        fmt::format("invalid firmware '{}'{}", text, did_you_mean(text, {"bios", "uefi", "uefi-secure"})),
        "firmware is bios, uefi or uefi-secure");
}

}  // namespace imgforge
