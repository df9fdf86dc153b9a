// SPDX-License-Identifier: GPL-3.0-or-later
#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "builder/base/error.hpp"
#include "sysprep/paths.hpp"
#include "sysprep/registry.hpp"
#include "sysprep/runner.hpp"
#include "sysprep/selection.hpp"
#include "tests/support/memory_guest_fs.hpp"
#include "tests/unit/sysprep/operation_runs.hpp"

namespace imgforge::sysprep {
namespace {

using namespace test;

/// Every row of section 1 of the specification, A1 to F11.
std::vector<std::string> specification_rows() {
    std::vector<std::string> rows;
    for (const auto& [letter, count] : {std::pair('A', 15), std::pair('B', 14), std::pair('C', 15),
                                        std::pair('D', 16), std::pair('E', 14), std::pair('F', 11)}) {
        for (int number = 1; number <= count; ++number) {
            rows.push_back(letter + std::to_string(number));
        }
    }
    return rows;
}

TEST(Operations, cover_every_row_of_the_specification_or_say_why_not) {
    std::set<std::string> covered;
    for (const Operation& operation : all_operations()) {
        covered.insert(operation.rows.begin(), operation.rows.end());
    }
    for (const RowException& exception : row_exceptions()) {
        EXPECT_FALSE(exception.reason.empty()) << exception.row;
        covered.insert(exception.row);
    }

    for (const std::string& row : specification_rows()) {
        EXPECT_TRUE(covered.contains(row)) << row << " has neither operation nor exception";
    }
    const std::vector<std::string> rows = specification_rows();
    for (const std::string& row : covered) {
        EXPECT_THAT(rows, Contains(row)) << "no such row";
    }
}

TEST(Operations, are_complete_records_with_unique_names) {
    std::set<std::string> names;
    for (const Operation& operation : all_operations()) {
        EXPECT_TRUE(names.insert(operation.name).second) << operation.name;
        EXPECT_TRUE(std::regex_match(operation.name, std::regex("[a-z][a-z-]+"))) << operation.name;
        EXPECT_FALSE(operation.heading.empty() || operation.reason.empty() || operation.source.empty() ||
                     operation.rows.empty())
            << operation.name;
        EXPECT_TRUE(operation.perform || operation.on_devices || !operation.remove.empty() ||
                    !operation.empty.empty() || !operation.clear.empty() || *operation.paths != '\0')
            << operation.name;
        const PathSet paths = paths_of(operation, {"/root"});
        for (const std::string& pattern : paths.remove) {
            EXPECT_TRUE(pattern.starts_with("/")) << operation.name << " " << pattern;
        }
    }
}

TEST(Operations, change_nothing_on_a_guest_without_anything) {
    for (const Operation& operation : all_operations()) {
        MemoryGuestFs fs(Files{{"/etc/os-release", "ID=debian\n"}});
        const auto before = fs.snapshot();

        const OperationReport report = perform(operation, fs, debian(), {});

        if (operation.name != "machine-id") {  // a missing file would mean "first boot" to systemd
            EXPECT_THAT(report.changes, IsEmpty()) << operation.name;
            EXPECT_EQ(fs.snapshot(), before) << operation.name;
        }
    }
}

TEST(Selection, names_add_minus_removes_and_mistakes_are_told_at_once) {
    const auto names = [](const std::string& text) {
        std::set<std::string> set;
        for (const Operation& operation : select_operations(text, all_operations())) {
            set.insert(operation.name);
        }
        return set;
    };
    EXPECT_EQ(names("machine-id,logs"), (std::set<std::string>{"machine-id", "logs"}));
    EXPECT_FALSE(names("-logs").contains("logs"));
    EXPECT_TRUE(names("-logs").contains("machine-id"));
    EXPECT_EQ(names("all").size(), all_operations().size());
    try {
        names("machineid,-lgs");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), Failure::usage);
        EXPECT_THAT(error.message(), HasSubstr("did you mean 'machine-id'"));
        EXPECT_THAT(error.message(), HasSubstr("'lgs'"));
    }
}

TEST(Selection, machine_id_is_emptied_before_an_initramfs_is_rebuilt_of_it) {
    const auto order = select_operations("", all_operations());
    const auto place = [&](const std::string& name) {
        return std::find_if(order.begin(), order.end(),
                            [&](const Operation& operation) { return operation.name == name; }) -
               order.begin();
    };
    EXPECT_LT(place("machine-id"), place("initramfs"));
    EXPECT_LT(place("hostname"), place("initramfs"));
    EXPECT_LT(place("ssh-hostkeys"), place("ssh-hostkey-generator"));
}

TEST(Runner, what_a_program_of_the_guest_rebuilds_sees_no_identity_and_what_it_fills_again_is_emptied) {
    MemoryGuestFs fs(
        Files{{"/etc/machine-id", "0123456789abcdef0123456789abcdef\n"}, {"/etc/hostname", "goldenbuild\n"}});
    std::string embedded = "nothing was rebuilt";
    Operation rebuild{.name = "rebuild", .order = Operation::order_rebuild};
    rebuild.perform = [&](Cleaner& cleaner) {
        embedded = cleaner.fs().read("/etc/machine-id");
        fs.write("/etc/machine-id", "filled again\n", 0444);
    };
    Inspection os = debian();
    Needles needles;
    NullMonitor monitor;
    OfflineSession session{nullptr, fs, os, needles, monitor, {}, false};

    const auto report =
        run_operations(session, select_operations("", {rebuild, named("machine-id"), named("hostname")}), {},
                       Devices::untouched);

    EXPECT_EQ(embedded, "");
    EXPECT_EQ(fs.read("/etc/machine-id"), "");
    EXPECT_EQ(fs.read("/etc/hostname"), "localhost\n");
    EXPECT_EQ(report.change_count(), 3U) << report.to_text(true);
}

TEST(Runner, refuses_a_guest_whose_etc_leads_elsewhere) {
    MemoryGuestFs fs(Files{{"/evil/machine-id", "x"}});
    fs.symlink("/evil", "/etc");
    Inspection os = debian();
    Needles needles;
    NullMonitor monitor;
    OfflineSession session{nullptr, fs, os, needles, monitor, {}, false};
    EXPECT_THROW(run_operations(session, all_operations(), {}, Devices::untouched), Error);
    EXPECT_TRUE(fs.exists("/evil/machine-id"));
}

TEST(Needles, are_collected_in_every_spelling_and_survive_a_file) {
    MemoryGuestFs fs(Files{{"/etc/machine-id", "0123456789abcdef0123456789abcdef\n"},
                           {"/etc/shadow", "root:$6$salt$hashhash:1::::::\n"},
                           {"/etc/netplan/50-cloud-init.yaml", "macaddress: 52:54:00:ab:cd:ef\n"},
                           {"/var/lib/cloud/data/instance-id", "iid-golden-1\n"}});
    const Needles needles = collect_needles(fs, debian());
    const auto has = [&](const std::string& value) {
        return std::any_of(needles.items.begin(), needles.items.end(),
                           [&](const Needle& needle) { return needle.value == value; });
    };

    EXPECT_TRUE(has("0123456789abcdef0123456789abcdef"));
    EXPECT_TRUE(has("01234567-89ab-cdef-0123-456789abcdef"));
    EXPECT_TRUE(has("0123456789ABCDEF0123456789ABCDEF"));
    EXPECT_TRUE(has("\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef"));
    EXPECT_TRUE(has("$6$salt$hashhash"));
    EXPECT_TRUE(has("52:54:00:ab:cd:ef"));
    EXPECT_TRUE(has("525400abcdef"));
    EXPECT_TRUE(has("iid-golden-1"));
    EXPECT_TRUE(has("goldenbuild"));
    EXPECT_EQ(Needles::from_json(needles.to_json()).items.size(), needles.items.size());
}

}  // namespace
}  // namespace imgforge::sysprep
