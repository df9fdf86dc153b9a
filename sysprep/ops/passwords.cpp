// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

#include <algorithm>

namespace imgforge::sysprep {

Operation passwords_operation() {
    return {
        .name = "passwords",
        .heading = "Lock the passwords that the installation set",
        .reason = "a default password on every clone",
        .source = "shadow(5)",
        .rows = {"E1"},
        .perform =
            [](Cleaner& cleaner) {
                const auto& keep = cleaner.options().keep_passwords;
                for (const char* path : {"/etc/shadow", "/etc/gshadow"}) {
                    cleaner.edit_lines(path, [&](const std::string& line) -> std::optional<std::string> {
                        const std::size_t first = line.find(':');
                        const std::size_t second =
                            first == std::string::npos ? first : line.find(':', first + 1);
                        if (second == std::string::npos ||
                            std::find(keep.begin(), keep.end(), line.substr(0, first)) != keep.end()) {
                            return line;
                        }
                        const std::string hash = line.substr(first + 1, second - first - 1);
                        const bool usable = hash.find('$') != std::string::npos || hash.size() >= 13 ||
                                            (hash.empty() && path == std::string_view("/etc/shadow"));
                        // "*", not "!…": the hash itself goes, and sshd still admits keys (auth.c
                        // LOCKED_PASSWD_PREFIX).
                        return usable ? line.substr(0, first + 1) + "*" + line.substr(second) : line;
                    });
                }
            },
    };
}

}  // namespace imgforge::sysprep
