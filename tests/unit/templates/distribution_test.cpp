// SPDX-License-Identifier: GPL-3.0-or-later
#include "templates/distribution.hpp"

#include <algorithm>
#include <regex>
#include <set>
#include <stdexcept>

#include <gmock/gmock.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/places.hpp"
#include "builder/base/temp_dir.hpp"

namespace imgforge::templates {
namespace {

using testing::Contains;
using testing::HasSubstr;

const std::string shipped = data_path("templates").string();

/// The shipped rows, all patterns compiled.
const std::vector<Distribution>& shipped_rows() {
    static const std::vector<Distribution> rows = load_distributions(shipped);
    return rows;
}

const Distribution& shipped_row(const std::string& name) {
    for (const Distribution& row : shipped_rows()) {
        if (row.name == name)
            return row;
    }
    throw std::runtime_error("no row " + name);
}

/// The answer of the first question rule that fits, as the watcher picks it.
const QuestionRule* rule_for(const Distribution& row, const std::string& text) {
    for (const QuestionRule& rule : row.questions) {
        if (std::regex_search(text, std::regex(rule.pattern)))
            return &rule;
    }
    return nullptr;
}

std::string error_of_loading(const std::filesystem::path& folder) {
    try {
        static_cast<void>(load_distributions(folder.string()));
        return "no error";
    } catch (const Error& error) {
        return error.describe();
    }
}

struct Folder {
    TempDir dir{"rows"};
    explicit Folder(const std::string& row) {
        make_directories(dir / "families");
        make_directories(dir / "distributions");
        write_file_atomically(dir / "families/generic.yaml", "failures: []\n");
        write_file_atomically(dir / "distributions/tiny.yaml", row);
    }
};

constexpr const char* tiny_row = R"(name: tiny
family: debian
product: Tiny
installer: d-i
answers: preseed
login-user: tiny
detect: [{label: '^Tiny'}]
boot: {amd64: [{kernel: k, initrd: i}]}
kernel-line: 'console=ttyS0 root={label} {more}'
memory: {minimum: 512M, recommended: 1G}
disk-minimum: 1G
delivery: {method: initrd, path: /preseed.cfg}
stages: [{name: all, title: All, pattern: 'x', weight: 1}]
)";

TEST(Distributions, shipped_rows_load_without_a_fault) {
    const auto& rows = shipped_rows();

    std::set<std::string> names;
    for (const Distribution& row : rows)
        names.insert(row.name);
    EXPECT_THAT(names, Contains("debian13"));
    EXPECT_THAT(names, Contains("debian12"));
    EXPECT_EQ(names.size(), rows.size());
}

TEST(Distributions, every_row_ends_with_the_generic_failures) {
    for (const Distribution& row : shipped_rows()) {
        const bool panic = std::any_of(row.failures.begin(), row.failures.end(), [](const FailureRule& rule) {
            return std::regex_search(
                std::string("[    1.3] Kernel panic - not syncing: Attempted to kill init!"),
                std::regex(rule.pattern));
        });
        EXPECT_TRUE(panic) << row.name;
    }
}

TEST(Distributions, name_the_processor_level_they_are_compiled_for) {
    for (const auto& [name, level] :
         std::vector<std::pair<const char*, ProcessorLevel>>{{"debian13", ProcessorLevel::v1},
                                                             {"ubuntu2404", ProcessorLevel::v1},
                                                             {"alpine", ProcessorLevel::v1},
                                                             {"arch", ProcessorLevel::v1},
                                                             {"sles15", ProcessorLevel::v1},
                                                             {"rocky8", ProcessorLevel::v1},
                                                             {"fedora", ProcessorLevel::v1},
                                                             {"rocky9", ProcessorLevel::v2},
                                                             {"tumbleweed", ProcessorLevel::v2},
                                                             {"sles16", ProcessorLevel::v2},
                                                             {"rocky10", ProcessorLevel::v3},
                                                             {"rhel10", ProcessorLevel::v3}}) {
        EXPECT_EQ(distribution(name).processor, level) << name;
    }
}

TEST(DebianRow, names_the_answer_line_for_a_missing_partition_confirmation) {
    const Distribution& debian = shipped_row("debian13");

    const QuestionRule* rule = rule_for(debian,
                                        "Partition disks\n---------------\n\nIf you continue, the changes "
                                        "listed below will be written to the "
                                        "disks.\n\nWrite the changes to disks?\n  1: Yes    2: No [*]  "
                                        "\n\nPrompt: '?' for help, default=2> ");

    ASSERT_NE(rule, nullptr);
    EXPECT_EQ(rule->answer, "d-i partman/confirm boolean true");
}

TEST(DebianRow, recognises_the_recorded_mirror_question) {
    const Distribution& row = shipped_row("debian12");
    const std::string question =
        "Download installer components\n-----------------------------\n\nThe installer failed to download a "
        "file from the mirror. "
        "This may be a problem \n\nDownloading a file failed:\n  1: Retry [*],  2: Change mirror,      3: "
        "Cancel,    \n\n"
        "Prompt: '?' for help, default=1> ";

    const QuestionRule* rule = rule_for(row, question);
    const bool asks = std::regex_search(question, std::regex(row.prompts.at(0)));

    ASSERT_NE(rule, nullptr);
    EXPECT_TRUE(asks);
    EXPECT_THAT(rule->meaning, HasSubstr("mirror"));
}

TEST(DebianRow, names_the_failing_step) {
    const Distribution& row = shipped_row("debian12");
    const std::string text =
        "!! ERROR: Installation step failed\n\nAn installation step failed. You can try to run the failing "
        "item again from the menu, or "
        "skip it and choose something else. The failing step is: Select and install software\n";

    const QuestionRule* rule = rule_for(row, text);

    ASSERT_NE(rule, nullptr);
    std::smatch found;
    ASSERT_TRUE(std::regex_search(text, found, std::regex(rule->pattern)));
    EXPECT_EQ(found[1].str(), "Select and install software");
}

TEST(LoadDistributions, reports_all_faults_with_line_and_suggestion) {
    const Folder folder(std::string(tiny_row) + "login-usr: x\ntimeouts: {silence: soon}\nprogress: '(['\n");

    const std::string text = error_of_loading(folder.dir.path());

    EXPECT_THAT(text, HasSubstr("tiny.yaml:14:1: unknown key 'login-usr' (did you mean 'login-user'?)"));
    EXPECT_THAT(text, HasSubstr("tiny.yaml:15:"));
    EXPECT_THAT(text, HasSubstr("invalid regular expression"));
}

TEST(LoadDistributions, refuses_a_row_without_its_needed_keys) {
    const Folder folder("name: tiny\nfamily: debian\n");

    const std::string text = error_of_loading(folder.dir.path());

    EXPECT_THAT(text, HasSubstr("'kernel-line' is missing"));
    EXPECT_THAT(text, HasSubstr("'stages' is missing"));
}

TEST(RenderKernelLine, encodes_blanks_of_a_label_for_dracut) {
    const Folder folder(tiny_row);
    const auto rows = load_distributions(folder.dir.path().string());

    EXPECT_EQ(render_kernel_line(rows.at(0), {{"label", "RHEL 9 x"}, {"more", "a b"}}),
              "console=ttyS0 root=RHEL\\x209\\x20x a b");
}

TEST(RenderKernelLine, refuses_a_placeholder_without_a_fact) {
    const Folder folder(tiny_row);
    const auto rows = load_distributions(folder.dir.path().string());

    EXPECT_THROW(static_cast<void>(render_kernel_line(rows.at(0), {{"label", "x"}})), Error);
}

}  // namespace
}  // namespace imgforge::templates
