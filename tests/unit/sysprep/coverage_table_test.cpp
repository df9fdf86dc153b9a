// SPDX-License-Identifier: GPL-3.0-or-later
// docs/sysprep.md is made from the records, so that it cannot promise what no operation does.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <regex>

#include "builder/base/file.hpp"
#include "sysprep/audit/rules.hpp"
#include "sysprep/registry.hpp"

namespace imgforge::sysprep {
namespace {

struct Cells {
    std::string operations;
    std::string rules;
    std::string exception;
};

/// "A6" sorts before "A10".
struct ByNumber {
    bool operator()(const std::string& left, const std::string& right) const {
        return std::pair(left[0], std::stoi(left.substr(1))) <
               std::pair(right[0], std::stoi(right.substr(1)));
    }
};

void add(std::string& cell, const std::string& text) {
    cell += (cell.empty() ? "" : ", ") + text;
}

/// Rows named in the source of a rule: "SYSPREP.md B1 to B4, D7".
std::vector<std::string> rows_in(const std::string& source) {
    static const std::regex row("([A-F])([0-9]+)(?: to [A-F]([0-9]+))?");
    std::vector<std::string> rows;
    for (std::sregex_iterator found(source.begin(), source.end(), row), end; found != end; ++found) {
        const int first = std::stoi((*found)[2].str());
        const int last = (*found)[3].matched ? std::stoi((*found)[3].str()) : first;
        for (int number = first; number <= last; ++number) {
            rows.push_back((*found)[1].str() + std::to_string(number));
        }
    }
    return rows;
}

std::string table() {
    std::map<std::string, Cells, ByNumber> rows;
    for (const Operation& operation : all_operations()) {
        for (const std::string& row : operation.rows) {
            add(rows[row].operations, "`" + operation.name + "`");
        }
    }
    for (const RowException& exception : row_exceptions()) {
        rows[exception.row].exception = exception.reason;
    }
    for (const audit::GuestRule& rule : audit::guest_rules()) {
        for (const std::string& row : rows_in(rule.source)) {
            add(rows[row].rules, "`" + rule.name + "`");
        }
    }
    std::string text =
        "# What sysprep cleans, row by row\n\n"
        "Rows are those of the specification of sysprep: A machine identity, B network, C storage and boot, "
        "D cloud and management, E "
        "users\n"
        "and secrets, F logs and caches. `imgforge sysprep --list-operations --verbose` says why and from "
        "where each operation is known.\n"
        "What no rule names is still searched for as bytes: every needle collected before cleaning, and the "
        "patterns of secrets.\n\n"
        "An operation cleans its paths wherever they lie, whatever the distribution; homes are those of "
        "/etc/passwd, and what looks like one.\n"
        "What an administrator may have put there on purpose (TLS keys, logins to clusters and registries, "
        "passwords of services) stays: a rule `site:…`\n"
        "of the audit names each such file, with the two ways out: `imgforge sysprep --remove PATTERN`, or a "
        "waiver. For every operation that only names\n"
        "paths the audit has a rule `left:OPERATION`, which is not repeated in the table.\n\n"
        "This file is made from the records: `IMGFORGE_UPDATE_DOCS=1 unit_sysprep "
        "--gtest_filter=CoverageTable.*`.\n\n"
        "| row | cleaned by | rule of the audit | stays, because |\n|---|---|---|---|\n";
    for (const auto& [row, cells] : rows) {
        text += fmt::format("| {} | {} | {} | {} |\n", row, cells.operations, cells.rules, cells.exception);
    }
    return text;
}

TEST(CoverageTable, of_the_documentation_is_what_the_records_say) {
    const std::filesystem::path file = std::filesystem::path(IMGFORGE_SOURCE_DIR) / "docs" / "sysprep.md";
    if (std::getenv("IMGFORGE_UPDATE_DOCS") != nullptr) {
        write_file_atomically(file, table());
    }
    EXPECT_EQ(read_file(file), table()) << "run with IMGFORGE_UPDATE_DOCS=1";
}

}  // namespace
}  // namespace imgforge::sysprep
