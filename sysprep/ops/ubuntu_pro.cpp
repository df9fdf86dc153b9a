// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

void forget_landscape(Cleaner& cleaner) {
    cleaner.edit_lines(
        "/etc/landscape/client.conf", [](const std::string& line) -> std::optional<std::string> {
            const bool secret = line.starts_with("registration_key") || line.starts_with("secure_id") ||
                                line.starts_with("computer_title");
            return secret ? std::nullopt : std::optional(line);
        });
}

}  // namespace imgforge::sysprep
