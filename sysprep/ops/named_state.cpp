// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"
#include "sysprep/trace_names.hpp"

namespace imgforge::sysprep {

namespace {

using guest::FileType;

constexpr int deepest = 9;  ///< directories below a home

void clean_home(Cleaner& cleaner, const std::string& home, const std::string& below, int depth) {
    for (const guest::DirEntry& entry : cleaner.fs().list(guest::join_path(home, below))) {
        const std::string name = below.empty() ? entry.name : below + "/" + entry.name;
        if (below.empty() && !entry.name.starts_with('.') && entry.name != "snap") {
            continue;
        }
        if (entry.stat.type == FileType::regular && names_personal_state(name)) {
            cleaner.remove(guest::join_path(home, name));
        } else if (entry.stat.type == FileType::directory && depth < deepest &&
                   may_hold_personal_state(name)) {
            clean_home(cleaner, home, name, depth + 1);
        }
    }
}

void clean_by_name(Cleaner& cleaner) {
    for (const std::string& path : cleaner.fs().glob_all(identity_candidates())) {
        const auto stat = names_identity(path) ? cleaner.fs().lstat(path) : std::nullopt;
        if (stat && stat->type == FileType::regular) {
            cleaner.remove(path);
        }
    }
    for (const std::string& home : cleaner.homes()) {
        clean_home(cleaner, home, "", 0);
    }
}

}  // namespace

Operation named_state_operation() {
    return {
        .name = "named-state",
        .heading = "Remove identities and personal state known by their names alone",
        .reason =
            "programs that no table names keep node ids, histories, sessions and tokens under such names",
        .source = "XDG base directory specification; habits of servers, agents and editors",
        .rows = {"D15", "E4", "E5"},
        .perform = clean_by_name,
    };
}

}  // namespace imgforge::sysprep
