// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/audit/site_rules.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <sstream>

#include <fmt/format.h>

#include "builder/base/redact.hpp"
#include "sysprep/audit/rules.hpp"
#include "sysprep/paths.hpp"
#include "sysprep/registry.hpp"

namespace imgforge::sysprep::audit {

bool has_lines(std::string_view text) {
    const auto lines = lines_of(text);
    return std::any_of(lines.begin(), lines.end(), [](std::string_view line) {
        const auto start = line.find_first_not_of(" \t\r");
        if (start == std::string_view::npos || line[start] == '#' || line[start] == ';' ||
            line.substr(start).starts_with("//")) {
            return false;
        }
        // What an "include" names has a row of its own (ipsec.secrets of strongSwan and Libreswan).
        if (line.substr(start).starts_with("include ") || line.substr(start).starts_with("include\t")) {
            return false;
        }
        // "[section]" holds nothing by itself; "[smtp.example.com]:587 user:password" of postfix does.
        const auto end = line.find_last_not_of(" \t\r");
        return line[start] != '[' || line[end] != ']';
    });
}

namespace {

using guest::FileType;

/// Every file and link that a pattern names, below the directories that it names too.
void add_matches(const GuestTree& tree, const std::string& pattern, std::set<std::string>& out) {
    for (const std::string& one : without_braces(pattern)) {
        for (const std::string& path : tree.glob(one)) {
            if (!tree.is_directory(path)) {
                out.insert(path);
                continue;
            }
            for (const std::string& below : tree.below(path)) {
                if (!tree.is_directory(below)) {
                    out.insert(below);
                }
            }
        }
    }
}

bool is_public(std::string_view path, std::string_view text) {
    const bool by_name = path.ends_with(".pub") || path.ends_with(".crt") || path.ends_with(".cer") ||
                         path.ends_with("README") || path.ends_with("README.md") || path.ends_with(".html") ||
                         path.ends_with("/.placeholder");
    const bool certificate = text.find("BEGIN CERTIFICATE") != std::string_view::npos &&
                             text.find("PRIVATE KEY") == std::string_view::npos;
    return by_name || certificate;
}

/// What package managers and their helpers write about packages, whatever a file there is called: the file
/// lists of "passwd" and "base-passwd", the "password" stack that pam-auth-update remembers.
bool is_package_state(std::string_view path) {
    static constexpr std::string_view places[]{"/var/lib/dpkg/", "/var/lib/rpm/", "/usr/lib/sysimage/",
                                               "/lib/apk/",      "/var/lib/pam/", "/var/lib/ucf/"};
    return std::any_of(std::begin(places), std::end(places),
                       [&](std::string_view place) { return path.starts_with(place); });
}

/// Programs and their documentation that speak of secrets in their names: modules of interpreters below
/// /usr/local and /opt, manual pages, translations, what systemd keeps for its own services.
bool is_program_text(std::string_view path) {
    static constexpr std::string_view places[]{"/site-packages/",
                                               "/dist-packages/",
                                               "/node_modules/",
                                               "/gems/",
                                               "/share/doc/",
                                               "/share/man/",
                                               "/share/locale/",
                                               "/share/icons/",
                                               "/share/zsh/",
                                               "/bash-completion/",
                                               "/swcatalog/",
                                               "/app-info/",
                                               "/var/lib/private/systemd/",
                                               "/var/lib/systemd/"};
    static constexpr std::string_view endings[]{".pyc", ".so", ".mo", ".svg", ".png", ".rst", ".html"};
    const auto lies = [&](std::string_view place) { return path.find(place) != std::string_view::npos; };
    const auto ends = [&](std::string_view ending) { return path.ends_with(ending); };
    return std::any_of(std::begin(places), std::end(places), lies) ||
           std::any_of(std::begin(endings), std::end(endings), ends);
}

bool is_finding(const SiteRow& row, const GuestTree& tree, const std::string& path) {
    const bool by_name = std::string_view(row.kind) == "stored-secret";
    if (is_package_state(path) || (by_name && is_program_text(path))) {
        return false;
    }
    const TreeEntry* const entry = tree.find(path);
    // A link is its target's affair.
    if (entry == nullptr || entry->stat.type != FileType::regular || entry->stat.size == 0) {
        return false;
    }
    const std::string_view text = tree.read(path);
    switch (row.state) {
        case SiteState::filled: return !path.ends_with("/README");
        case SiteState::has_lines: return !entry->content || (has_lines(text) && !is_public(path, text));
        case SiteState::private_key: return !is_public(path, text) && (!entry->content || has_lines(text));
    }
    return false;
}

std::vector<Finding> check_site(const GuestFacts& facts, const SiteRow& row) {
    std::set<std::string> paths;
    std::istringstream words(row.paths);
    const std::vector<std::string> homes = guest_homes(facts.tree);
    for (std::string word; words >> word;) {
        for (const std::string& pattern : below_homes(word, homes)) {
            add_matches(facts.tree, pattern, paths);
        }
    }
    std::vector<Finding> out;
    for (const std::string& path : paths) {
        if (is_finding(row, facts.tree, path)) {
            out.push_back(leftover(
                path, fmt::format("{} that all clones would share: remove it with `imgforge sysprep --remove "
                                  "'{}'`, or accept it with the waiver {{rule: 'site:{}', path: '{}'}}",
                                  row.what, path, row.kind, path)));
        }
    }
    return out;
}

std::vector<Finding> check_cleaned(const GuestFacts& facts, const Operation& operation) {
    const PathSet set = paths_of(operation, guest_homes(facts.tree));
    std::set<std::string> removed;
    std::set<std::string> emptied;
    for (const std::string& pattern : set.remove) {
        add_matches(facts.tree, pattern, removed);
    }
    for (const std::string& folder : set.clear) {
        add_matches(facts.tree, folder, removed);
    }
    for (const std::string& pattern : set.empty) {
        add_matches(facts.tree, pattern, emptied);
    }
    std::vector<Finding> out;
    const auto report = [&](const std::string& path) {
        out.push_back(
            leftover(path, fmt::format("left over: {}; `imgforge sysprep --operations {}` cleans it",
                                       operation.reason, operation.name)));
    };
    for (const std::string& path : removed) {
        const FileType type = facts.tree.find(path)->stat.type;
        if (type == FileType::regular || type == FileType::symlink) {
            report(path);
        }
    }
    for (const std::string& path : emptied) {
        if (facts.tree.find(path)->stat.type == FileType::regular && facts.tree.find(path)->stat.size > 0) {
            report(path);
        }
    }
    return out;
}

}  // namespace

std::vector<GuestRule> site_rules() {
    std::vector<GuestRule> out;
    for (const SiteRow& row : site_rows()) {
        never_redact(std::string("site:") + row.kind);  // a name, not the value of a key "password"
        out.push_back({std::string("site:") + row.kind, std::string("no file that is ") + row.what,
                       "SYSPREP.md B13, D12, D14, E5, E10",
                       [&row](const GuestFacts& facts) { return check_site(facts, row); }});
    }
    return out;
}

std::vector<GuestRule> cleaned_rules() {
    static const std::vector<Operation> all = all_operations();
    std::vector<GuestRule> out;
    for (const Operation& operation : all) {
        if (*operation.paths != '\0' && operation.enabled) {
            out.push_back({"left:" + operation.name, "nothing that " + operation.name + " cleans",
                           "the operation " + operation.name, [&operation](const GuestFacts& facts) {
                               return check_cleaned(facts, operation);
                           }});
        }
    }
    return out;
}

}  // namespace imgforge::sysprep::audit
