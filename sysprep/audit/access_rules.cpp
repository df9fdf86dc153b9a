// SPDX-License-Identifier: GPL-3.0-or-later
// Rule 7 of SYSPREP.md section 4: who may log in.
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "sysprep/audit/rules.hpp"

namespace imgforge::sysprep::audit {

namespace {

std::vector<std::string_view> fields_of(std::string_view line) {
    std::vector<std::string_view> out;
    for (;;) {
        const auto colon = line.find(':');
        out.push_back(line.substr(0, colon));
        if (colon == std::string_view::npos) {
            return out;
        }
        line.remove_prefix(colon + 1);
    }
}

/// shadow(5): "!" or "*" in front can match no password; an empty field needs none.
std::vector<Finding> passwords(const GuestFacts& facts) {
    std::vector<Finding> out;
    for (const std::string_view path : {"/etc/shadow", "/etc/gshadow"}) {
        for (const std::string_view line : lines_of(facts.tree.read(path))) {
            const auto fields = fields_of(line);
            if (fields.size() < 2 || fields[0].empty() ||
                facts.expect.passwords.contains(std::string(fields[0]))) {
                continue;
            }
            const std::string_view hash = fields[1];
            if (hash.empty() && path == "/etc/shadow") {
                out.push_back(
                    leftover(std::string(path), fmt::format("account '{}' needs no password", fields[0])));
            } else if (!hash.empty() && hash[0] != '!' && hash[0] != '*' && hash != "x") {
                out.push_back(
                    leftover(std::string(path), fmt::format("'{}' has a usable password", fields[0])));
            }
        }
    }
    for (const std::string_view line : lines_of(facts.tree.read("/etc/passwd"))) {
        const auto fields = fields_of(line);
        if (fields.size() >= 7 && fields[1] != "x" && fields[1] != "*" && fields[1] != "!" &&
            !facts.expect.passwords.contains(std::string(fields[0]))) {
            out.push_back(leftover(
                "/etc/passwd", fmt::format("account '{}' has its password outside /etc/shadow", fields[0])));
        }
    }
    return out;
}

std::vector<Finding> users(const GuestFacts& facts) {
    std::vector<Finding> out;
    for (const std::string_view line : lines_of(facts.tree.read("/etc/passwd"))) {
        const auto fields = fields_of(line);
        unsigned uid = 0;
        if (fields.size() < 7 ||
            std::from_chars(fields[2].data(), fields[2].data() + fields[2].size(), uid).ec != std::errc()) {
            continue;
        }
        const std::string name(fields[0]);
        // login.defs(5): people start at 1000; 60000 and up are dynamic, container and nobody accounts.
        const bool person = uid >= 1000 && uid < 60000;
        if (person && !facts.expect.users.contains(name)) {
            out.push_back(
                leftover("/etc/passwd", fmt::format("account '{}' (uid {}) is not declared", name, uid)));
        }
        if (uid == 0 && name != "root") {
            out.push_back(leftover("/etc/passwd", fmt::format("account '{}' is a second root", name)));
        }
    }
    return out;
}

std::vector<Finding> sudo(const GuestFacts& facts) {
    std::vector<Finding> out;
    auto files = facts.tree.glob("/etc/sudoers.d/*");
    files.emplace_back("/etc/sudoers");
    for (const std::string& path : files) {
        // sudoers(5): files in sudoers.d with a dot or a trailing ~ are not read.
        const std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
        if (facts.expect.sudo.contains(path) ||
            (path != "/etc/sudoers" && (name.find('.') != std::string_view::npos || name.ends_with('~')))) {
            continue;
        }
        for (const std::string_view line : lines_of(facts.tree.read(path))) {
            const auto words = words_of(line);
            if (words.empty() || words[0].starts_with('#') ||
                line.find("NOPASSWD") == std::string_view::npos ||
                facts.expect.sudo.contains(std::string(words[0]))) {
                continue;
            }
            out.push_back(leftover(path, fmt::format("'{}' may do everything without a password", words[0])));
        }
    }
    return out;
}

std::vector<Finding> in_homes(const GuestFacts& facts, const std::vector<std::string_view>& names,
                              std::string_view what) {
    std::vector<Finding> out;
    for (const std::string& home : guest_homes(facts.tree)) {
        for (const std::string_view name : names) {
            for (const std::string& path : facts.tree.glob(home + "/" + std::string(name))) {
                const TreeEntry* const entry = facts.tree.find(path);
                const bool empty_folder = facts.tree.is_directory(path) && facts.tree.below(path).empty();
                if (!empty_folder &&
                    !(entry->stat.type == guest::FileType::regular && entry->stat.size == 0)) {
                    out.push_back(leftover(path, std::string(what)));
                }
            }
        }
    }
    return out;
}

/// A recipe that installs keys declares the account.
std::vector<Finding> ssh_in_homes(const GuestFacts& facts) {
    auto out = in_homes(
        facts, {".ssh/authorized_keys*", ".ssh/id_*", ".ssh/known_hosts*", ".ssh/config", ".ssh/agent*"},
        "SSH file of whoever built the image");
    std::erase_if(out, [&](const Finding& finding) {
        return std::any_of(facts.expect.users.begin(), facts.expect.users.end(),
                           [&](const std::string& user) {
                               const std::string home = user == "root" ? "/root" : "/home/" + user;
                               return finding.path.starts_with(home + "/.ssh/authorized_keys");
                           });
    });
    return out;
}

std::vector<Finding> histories(const GuestFacts& facts) {
    return in_homes(facts,
                    {".*_history", ".histfile", ".lesshst", ".viminfo", ".wget-hsts",
                     ".local/share/fish/fish_history", ".local/share/recently-used.xbel"},
                    "history of whoever built the image");
}

std::vector<Finding> credentials(const GuestFacts& facts) {
    return in_homes(
        facts,
        {".aws", ".azure", ".config/gcloud", ".kube", ".docker/config.json", ".gnupg", ".netrc",
         ".git-credentials", ".pgpass", ".my.cnf", ".npmrc", ".pypirc", ".cargo/credentials*", ".vault-token",
         ".config/gh", ".terraform.d", ".boto", ".local/share/keyrings", ".config/containers/auth.json"},
        "credentials of whoever built the image");
}

}  // namespace

std::vector<std::string> guest_homes(const GuestTree& tree) {
    std::vector<std::string> out;
    for (const std::string_view line : lines_of(tree.read("/etc/passwd"))) {
        const auto fields = fields_of(line);
        const bool usable = fields.size() >= 7 && fields[5].starts_with('/') && fields[5] != "/" &&
                            !fields[5].starts_with("/usr") && !fields[5].starts_with("/bin") &&
                            !fields[5].starts_with("/dev") && !fields[5].starts_with("/proc") &&
                            !fields[5].starts_with("/run");
        if (usable && std::find(out.begin(), out.end(), fields[5]) == out.end()) {
            out.emplace_back(fields[5]);
        }
    }
    for (const std::string& home : tree.glob("/home/*")) {
        if (std::find(out.begin(), out.end(), home) == out.end()) {
            out.push_back(home);
        }
    }
    return out;
}

std::vector<GuestRule> access_rules() {
    return {
        {"passwords", "no usable password but for declared accounts", "SYSPREP.md 4.7, E1", passwords},
        {"users", "no account of a person that is not declared", "SYSPREP.md 4.7, E2", users},
        {"sudo", "no NOPASSWD that is not declared", "SYSPREP.md 4.7, E2", sudo},
        {"home-ssh", "no SSH keys or known hosts in homes", "SYSPREP.md E3", ssh_in_homes},
        {"home-history", "no histories in homes", "SYSPREP.md E4", histories},
        {"home-credentials", "no credential stores in homes", "SYSPREP.md E5", credentials},
    };
}

}  // namespace imgforge::sysprep::audit
