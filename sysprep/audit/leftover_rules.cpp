// SPDX-License-Identifier: GPL-3.0-or-later
// Rule 1 of SYSPREP.md section 4 on the rows of leftover_rows.cpp.
#include <algorithm>

#include <fmt/format.h>

#include "sysprep/audit/leftover_rows.hpp"
#include "sysprep/audit/rules.hpp"

namespace imgforge::sysprep::audit {

namespace {

bool excepted(const LeftoverRow& row, const std::string& path) {
    return std::any_of(row.except.begin(), row.except.end(),
                       [&](const std::string& pattern) { return matches_pattern(pattern, path); });
}

bool is_leftover(const LeftoverRow& row, const std::string& path, const TreeEntry& entry) {
    using guest::FileType;
    if (excepted(row, path)) {
        return false;
    }
    switch (row.state) {
        // A directory that a package brings may stay; a pattern without wildcard that names a directory means
        // the directory.
        case LeftoverState::absent: return entry.stat.type != FileType::directory || row.rule == "etckeeper";
        case LeftoverState::empty:
        case LeftoverState::empty_below: return entry.stat.type == FileType::regular && entry.stat.size > 0;
    }
    return false;
}

std::vector<Finding> check_row(const GuestTree& tree, const LeftoverRow& row) {
    std::vector<Finding> out;
    for (const std::string& pattern : row.patterns) {
        for (const std::string& path :
             row.state == LeftoverState::empty_below ? tree.below(pattern) : tree.glob(pattern)) {
            if (is_leftover(row, path, *tree.find(path))) {
                out.push_back(leftover(path, row.what));
            }
        }
    }
    return out;
}

/// Debian's open-iscsi needs GenerateName=yes (its start script fails without the file); elsewhere the file
/// must be absent (SYSPREP.md B11).
std::vector<Finding> iscsi(const GuestFacts& facts) {
    constexpr std::string_view path = "/etc/iscsi/initiatorname.iscsi";
    const std::string_view text = facts.tree.read(path);
    if (text.find("InitiatorName=") == std::string_view::npos) {
        return {};
    }
    for (const std::string_view line : lines_of(text)) {
        if (line.starts_with("InitiatorName=")) {
            return {leftover(std::string(path),
                             "iSCSI name that all clones would share: shared disks get damaged")};
        }
    }
    return {};
}

std::vector<Finding> popularity(const GuestFacts& facts) {
    const auto lines = lines_of(facts.tree.read("/etc/popularity-contest.conf"));
    const bool has_id = std::any_of(lines.begin(), lines.end(),
                                    [](std::string_view line) { return line.starts_with("MY_HOSTID="); });
    return has_id ? std::vector<Finding>{leftover("/etc/popularity-contest.conf",
                                                  "host id that all clones would share")}
                  : std::vector<Finding>{};
}

/// SYSPREP.md D14: made at installation, one per machine; ours is made again at the first boot.
std::vector<Finding> snakeoil(const GuestFacts& facts) {
    std::vector<Finding> out;
    for (const std::string path : {"/etc/ssl/private/ssl-cert-snakeoil.key",
                                   "/etc/pki/tls/private/localhost.key", "/etc/bind/rndc.key"}) {
        const TreeEntry* const entry = facts.tree.find(path);
        if (entry != nullptr && entry->stat.size > 0) {
            out.push_back(leftover(path, "private key that all clones would share"));
        }
    }
    for (const std::string& path : facts.tree.glob("/etc/cockpit/ws-certs.d/0-self-signed*")) {
        out.push_back(leftover(path, "private key or certificate that all clones would share"));
    }
    return out;
}

}  // namespace

std::vector<GuestRule> leftover_rules() {
    std::vector<GuestRule> out;
    for (const LeftoverRow& row : leftover_rows()) {
        out.push_back({row.rule, "no file that is a " + row.what, row.source,
                       [&row](const GuestFacts& facts) { return check_row(facts.tree, row); }});
    }
    out.push_back({"iscsi-name", "no iSCSI initiator name", "SYSPREP.md B11", iscsi});
    out.push_back({"popularity-contest", "no popularity-contest host id", "SYSPREP.md D7", popularity});
    out.push_back({"self-made-keys", "no TLS keys made at installation", "SYSPREP.md D14", snakeoil});
    return out;
}

}  // namespace imgforge::sysprep::audit
