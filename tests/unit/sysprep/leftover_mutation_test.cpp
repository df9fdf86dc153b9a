// SPDX-License-Identifier: GPL-3.0-or-later
// The audit against sysprep: after all operations it finds nothing of what was planted; each single trace it
// finds, so it fails when the operation that removes the trace is switched off.
#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <set>

#include "sysprep/audit/content_scan.hpp"
#include "sysprep/audit/matcher.hpp"
#include "sysprep/audit/rules.hpp"
#include "sysprep/audit/secret_patterns.hpp"
#include "sysprep/registry.hpp"
#include "sysprep/runner.hpp"
#include "sysprep/selection.hpp"
#include "tests/support/memory_guest_fs.hpp"
#include "tests/support/phony_debian.hpp"
#include "tests/unit/sysprep/operation_runs.hpp"

namespace imgforge::sysprep {
namespace {

using guest::FileType;
using guest::MemoryGuestFs;
using test::Canary;
using testing::IsEmpty;

/// A host name of a few letters is not a needle: it stands in too many places.
std::vector<Canary> canaries() {
    std::vector<Canary> all = test::canaries("memory");
    for (Canary& canary : all) {
        if (canary.path == "/etc/hosts") {
            canary.content =
                "127.0.0.1 localhost\n127.0.1.1 goldenbuilder." + canary.mark + " goldenbuilder\n";
        }
    }
    return all;
}

/// With the traces of this operation, or of all.
MemoryGuestFs infested(const std::string& operation = "") {
    MemoryGuestFs fs(test::permanent_files());
    fs.chmod("/etc/machine-id", 0444);
    fs.write("/etc/fstab", "# none\n");
    for (const Canary& canary : canaries()) {
        if (operation.empty() || canary.operation == operation) {
            fs.add(canary.path, canary.content, 0640);
        }
    }
    fs.write("/etc/hostname", "goldenbuilder\n");
    fs.add("/boot/efi/EFI/debian/shimx64.efi", "x");
    fs.add("/boot/efi/EFI/BOOT/BOOTX64.EFI", "x");
    return fs;
}

void look(guest::GuestFs& fs, const std::string& folder, audit::GuestTree& tree, audit::ContentScan& scan) {
    for (const guest::DirEntry& entry : fs.list(folder)) {
        const std::string path = guest::join_path(folder, entry.name);
        audit::TreeEntry node{.stat = entry.stat};
        if (entry.stat.type == FileType::regular) {
            node.content = fs.read(path);
            scan.file(path, *node.content);
        } else if (entry.stat.type == FileType::symlink) {
            node.target = fs.readlink(path);
        }
        tree.add(path, node);
        if (entry.stat.type == FileType::directory) {
            look(fs, path, tree, scan);
        }
    }
}

/// The needles and the matcher are the same for every run: all start from the same guest.
struct Search {
    MemoryGuestFs fs = infested();
    Needles needles = collect_needles(fs, test::debian("goldenbuilder"));
    audit::Matcher matcher{[this] {
        auto patterns = audit::needle_patterns(needles);
        patterns.insert(patterns.end(), audit::generic_patterns().begin(), audit::generic_patterns().end());
        return patterns;
    }()};
};

/// Paths of what the audit finds: by its rules, its patterns and the needles that were collected before
/// cleaning.
std::set<std::string> found_in(MemoryGuestFs& fs, const audit::Expectations& expect = {}) {
    static const Search search;
    audit::ContentScan scan(search.matcher);
    audit::GuestTree tree;
    look(fs, "/", tree, scan);
    std::vector<audit::Finding> findings = scan.take_findings();
    const auto structural = audit::check_guest(
        {.tree = tree, .os = test::debian("goldenbuilder"), .expect = expect, .initramfs_identity = {}});
    findings.insert(findings.end(), structural.begin(), structural.end());
    std::set<std::string> paths;
    for (const audit::Finding& finding : findings) {
        paths.insert(finding.path);
    }
    return paths;
}

TEST(LeftoverMutation, after_all_operations_the_audit_finds_nothing) {
    MemoryGuestFs fs = infested();
    for (const Operation& operation : select_operations("", all_operations())) {
        perform(operation, fs, test::debian("goldenbuilder"), {});
    }

    EXPECT_THAT(found_in(fs, {.users = {"user"}}), IsEmpty());
    for (const Canary& canary : canaries()) {
        if (fs.is_file(canary.path)) {
            EXPECT_EQ(fs.read(canary.path).find(canary.mark), std::string::npos) << canary.path;
        }
    }
}

TEST(LeftoverMutation, each_trace_that_an_operation_removes_is_found_when_it_is_left) {
    std::map<std::string, std::vector<std::string>> traces;
    for (const Canary& canary : canaries()) {
        traces[canary.operation].push_back(canary.path);
    }
    for (const auto& [operation, paths] : traces) {
        MemoryGuestFs fs = infested(operation);
        const std::set<std::string> found = found_in(fs);
        for (const std::string& path : paths) {
            // Some rules name the directory.
            const bool named = std::any_of(found.begin(), found.end(), [&](const std::string& name) {
                return name == path || path.starts_with(name + "/");
            });
            EXPECT_TRUE(named) << "the audit does not see " << path << ", which the operation " << operation
                               << " removes";
        }
    }
}

}  // namespace
}  // namespace imgforge::sysprep
