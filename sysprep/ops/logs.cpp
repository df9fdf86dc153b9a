// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

#include <regex>

namespace imgforge::sysprep {

namespace {

bool is_rotated(const std::string& name) {
    static const std::regex rotated(R"(.*(\.[0-9]+|\.gz|\.xz|\.zst|\.bz2|\.old|-[0-9]{8}(\.[a-z0-9]+)?))");
    return std::regex_match(name, rotated);
}

bool is_text_for_people(const std::string& name) {
    return name == "README";
}

void clean_logs(Cleaner& cleaner, const std::string& folder) {
    for (const guest::DirEntry& entry : cleaner.fs().list(folder)) {
        const std::string path = guest::join_path(folder, entry.name);
        if (entry.stat.type == guest::FileType::directory) {
            clean_logs(cleaner, path);
        } else if (entry.stat.type == guest::FileType::regular && !is_text_for_people(entry.name)) {
            if (is_rotated(entry.name)) {
                cleaner.remove(path);
            } else {
                cleaner.empty(path);
            }
        }
    }
}

}  // namespace

Operation logs_operation() {
    return {
        .name = "logs",
        .heading = "Empty logs and remove rotated ones",
        .reason = "they tell the builder's story; services want their files to exist",
        .source = "logrotate(8), hier(7) /var/log",
        .rows = {"F1", "F8"},
        .perform = [](Cleaner& cleaner) { clean_logs(cleaner, "/var/log"); },
    };
}

}  // namespace imgforge::sysprep
