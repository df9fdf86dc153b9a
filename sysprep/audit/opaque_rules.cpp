// SPDX-License-Identifier: GPL-3.0-or-later
// Identities and secrets that neither a path nor a prefix tells: by names of files, by names of settings, and
// in hidden files of homes by looking random.
#include <algorithm>
#include <array>
#include <regex>
#include <set>

#include <fmt/format.h>

#include "sysprep/audit/rules.hpp"
#include "sysprep/audit/secret_shapes.hpp"
#include "sysprep/trace_names.hpp"

namespace imgforge::sysprep::audit {

namespace {

using guest::FileType;

/// Letters and digits in turn, as no word has them: at least three changes between the two.
bool looks_drawn(std::string_view word) {
    constexpr std::size_t shortest = 16;
    constexpr double floor = 3.0;
    std::size_t changes = 0;
    for (std::size_t at = 1; at < word.size(); ++at) {
        changes += is_digit(word[at]) != is_digit(word[at - 1]) ? 1U : 0U;
    }
    return word.size() >= shortest && changes >= 3 && entropy(word) >= floor;
}

bool is_uuid(std::string_view text) {
    constexpr std::size_t length = 36;
    if (text.size() < length) {
        return false;
    }
    for (std::size_t at = 0; at < length; ++at) {
        const bool dash = at == 8 || at == 13 || at == 18 || at == 23;
        const bool hex = is_digit(text[at]) || (text[at] >= 'a' && text[at] <= 'f') ||
                         (text[at] >= 'A' && text[at] <= 'F');
        if (dash ? text[at] != '-' : !hex) {
            return false;
        }
    }
    return entropy(text.substr(0, length)) >= 2.8;  // not 00000000-0000-…
}

/// A word of letters and digits that looks drawn, or a UUID, anywhere in the text.
bool has_drawn_word(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = run_of(text, at, is_alnum);
        if (looks_drawn(text.substr(at, length)) || (length == 8 && is_uuid(text.substr(at)))) {
            return true;
        }
        at += length + 1;
    }
    return false;
}

bool looks_binary(std::string_view text) {
    return text.substr(0, 4096).find('\0') != std::string_view::npos;
}

std::string both_ways(const std::string& what, const std::string& path, const std::string& rule) {
    return fmt::format(
        "{} that all clones would share: remove it with `imgforge sysprep --remove '{}'`, or "
        "accept it with the waiver {{rule: '{}', path: '{}'}}",
        what, path, rule, path);
}

/// The path below a home, nothing outside homes; the longest home counts.
std::string_view below_home(std::string_view path, const std::vector<std::string>& homes) {
    std::string_view below;
    for (const std::string& home : homes) {
        if (path.starts_with(home) && path.substr(home.size()).starts_with('/') &&
            (below.empty() || path.size() - home.size() - 1 < below.size())) {
            below = path.substr(home.size() + 1);
        }
    }
    return below;
}

std::vector<Finding> named_state(const GuestFacts& facts) {
    const std::vector<std::string> homes = guest_homes(facts.tree);
    std::vector<Finding> out;
    for (const auto& [path, entry] : facts.tree.entries()) {
        if (entry.stat.type == FileType::regular &&
            (names_identity(path) || names_personal_state(below_home(path, homes)))) {
            out.push_back(leftover(path,
                                   "left over: its name says that it is an identity or personal state; "
                                   "`imgforge sysprep --operations named-state` removes it"));
        }
    }
    return out;
}

/// Databases of programs, and values that look drawn: accounts and devices of whoever used this home.
std::vector<Finding> personal_data(const GuestFacts& facts) {
    const std::vector<std::string> homes = guest_homes(facts.tree);
    std::vector<Finding> out;
    for (const auto& [path, entry] : facts.tree.entries()) {
        if (entry.stat.type != FileType::regular || !entry.content) {
            continue;
        }
        const std::string_view below = below_home(path, homes);
        const auto slash = below.rfind('/');
        if (below.empty() || below == ".face" ||
            !may_hold_personal_state(slash == std::string_view::npos ? below : below.substr(0, slash))) {
            continue;
        }
        const std::string_view text = facts.tree.read(path);
        if (looks_binary(text) || has_drawn_word(text)) {
            out.push_back(leftover(path, both_ways("data of a user's program", path, "site:personal-data")));
        }
    }
    return out;
}

/// Settings whose UUIDs belong to disks, connections or the system itself, and have rules of their own.
bool has_other_uuids(std::string_view path) {
    static constexpr std::array<std::string_view, 27> places{"/etc/fstab",        "/etc/crypttab",
                                                             "/etc/passwd",       "/etc/shadow",
                                                             "/etc/group",        "/etc/gshadow",
                                                             "/etc/default/",     "/etc/mdadm",
                                                             "/etc/machine-id",   "/etc/ssl/",
                                                             "/etc/ca-",          "/etc/pki/",
                                                             "/etc/ssh/",         "/etc/NetworkManager/",
                                                             "/etc/X11/",         "/etc/initramfs-tools/",
                                                             "/etc/grub",         "/etc/kernel/",
                                                             "/etc/lvm/",         "/etc/selinux/",
                                                             "/etc/fonts/",       "/etc/dconf/",
                                                             "/etc/multipath",    "/etc/udev/",
                                                             "/etc/apt/",         "/etc/dracut",
                                                             "/etc/alternatives/"};
    return std::any_of(places.begin(), places.end(),
                       [&](std::string_view place) { return path.starts_with(place); });
}

bool names_an_identity(const std::string& name) {
    static const std::regex pattern(
        R"((.*[-_.])?(id|sid|uid)|.*(Id|ID|[uU][uU][iI][dD]|[gG][uU][iI][dD])|)"
        R"((.*[-_.])?(key|token|secret|serial|seed|cookie|hwid)|hwid|.*(Key|Token|KEY|TOKEN))");
    return std::regex_match(name, pattern);
}

/// The name of a setting that is an identity with a drawn value; empty for none.
std::string identity_setting(std::string_view text) {
    static const std::regex setting(
        R"re(([A-Za-z][A-Za-z0-9_.-]{0,60})["'\]]{0,2}[ \t]{0,8}(=>|[=:>])[ \t]{0,8})re"
        R"re(["'{]{0,2}([A-Za-z0-9_-]{16,200}))re");
    constexpr std::size_t longest = 4096;
    for (const std::string_view line : lines_of(text)) {
        const auto start = line.find_first_not_of(" \t");
        if (start == std::string_view::npos || line[start] == '#' || line[start] == ';') {
            continue;
        }
        const std::string_view part = line.substr(0, longest);
        for (std::cregex_iterator at(part.data(), part.data() + part.size(), setting), end; at != end; ++at) {
            if (names_an_identity((*at)[1].str()) && has_drawn_word((*at)[3].str())) {
                return (*at)[1].str();
            }
        }
    }
    return {};
}

std::vector<Finding> machine_identity(const GuestFacts& facts) {
    static constexpr std::array<std::string_view, 5> places{"/etc/", "/opt/", "/srv/", "/var/opt/",
                                                            "/usr/local/etc/"};
    std::vector<Finding> out;
    for (const auto& [path, entry] : facts.tree.entries()) {
        const bool placed =
            std::any_of(places.begin(), places.end(),
                        [&, &name = path](std::string_view place) { return name.starts_with(place); });
        if (!placed || entry.stat.type != FileType::regular || !entry.content || has_other_uuids(path)) {
            continue;
        }
        const std::string_view text = facts.tree.read(path);
        const std::string name = looks_binary(text) ? "" : identity_setting(text);
        if (!name.empty()) {
            out.push_back(leftover(path, both_ways(fmt::format("the identity or key '{}'", name), path,
                                                   "site:machine-identity")));
        }
    }
    return out;
}

}  // namespace

std::vector<GuestRule> opaque_rules() {
    return {{"left:named-state", "no identity and no personal state under a name that says so",
             "SYSPREP.md D15", named_state},
            {"site:personal-data", "no data of users' programs in hidden files of homes", "SYSPREP.md E5",
             personal_data},
            {"site:machine-identity", "no identity or key as a setting", "SYSPREP.md D15", machine_identity}};
}

}  // namespace imgforge::sysprep::audit
