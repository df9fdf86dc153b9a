// SPDX-License-Identifier: GPL-3.0-or-later
// What the shipped stages' results depend on: all that shapes them, and neither names of host files nor what
// merely watches.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "pipelines/engine/fingerprint.hpp"
#include "pipelines/stages/registry.hpp"
#include "tests/support/installer_iso.hpp"

namespace imgforge::stages {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;

const std::string accounts = "d-i passwd/root-login boolean false\nd-i passwd/make-user boolean false\n";

/// The identity of the last stage of a recipe in a directory of its own.
class Ingredients : public testing::Test {
protected:
    Ingredients() { test::make_debian_iso(folder_ / "medium.iso"); }
    engine::StageIdentity of(const std::string& stages) const {
        const engine::LoadedRecipe loaded = engine::parse_recipe(
            "name: x\nos: debian13\ninstaller: {iso: medium.iso}\nstages: [" + stages + "]\n",
            folder_ / "x.recipe", {.types = all_stage_types()});
        EXPECT_FALSE(loaded.diagnostics.has_errors()) << loaded.diagnostics.text();
        return engine::identify(loaded.recipe.value()).back();
    }
    /// The same by its fingerprint.
    std::string print(const std::string& stages) const { return of(stages).fingerprint; }
    void file(const std::string& name, const std::string& text) const {
        write_file_atomically(folder_ / name, text, 0644);
    }
    void rename(const std::string& from, const std::string& to) const {
        fs::rename(folder_ / from, folder_ / to);
    }

    TempDir folder_{"imgforge-ingredients"};
};

TEST_F(Ingredients, the_name_of_a_preseed_file_does_not_count_and_its_lines_do) {
    file("a.cfg", "d-i partman/confirm boolean true\n" + accounts);
    const engine::StageIdentity before = of("{install: {preseed: a.cfg}}");
    rename("a.cfg", "b.cfg");
    EXPECT_EQ(before.fingerprint, print("{install: {preseed: b.cfg}}"));
    file("b.cfg", "d-i partman/confirm boolean false\n" + accounts);
    const engine::StageIdentity after = of("{install: {preseed: b.cfg}}");
    EXPECT_NE(before.fingerprint, after.fingerprint);
    file("a.cfg", "d-i partman/confirm boolean false\n" + accounts);
    const std::vector<engine::Difference> found =
        engine::differences(before.ingredients, of("{install: {preseed: a.cfg}}").ingredients);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].text, "a.cfg line 1 changed");
}

TEST_F(Ingredients, the_familys_kernel_line_counts_and_its_rules_do_not) {
    std::vector<std::string> names;
    for (const engine::Ingredient& one : of("{install: {}}").ingredients) {
        names.push_back(one.name);
        EXPECT_EQ(one.value.find("Kernel panic"), std::string::npos) << one.name;
    }
    for (const char* const name :
         {"template kernel-line", "template boot", "template facts", "template answers"}) {
        EXPECT_THAT(names, Contains(name));
    }
}

TEST_F(Ingredients, a_deadline_does_not_count) {
    EXPECT_EQ(print("{install: {}}"), print("{install: {timeout: 3h}}"));
    EXPECT_EQ(print("{customize: {run: [a]}}"), print("{customize: {run: [a], timeout: 5m}}"));
    EXPECT_NE(print("{customize: {run: [a]}}"), print("{customize: {run: [b], timeout: 5m}}"));
}

TEST_F(Ingredients, an_uploaded_folder_counts_by_places_modes_and_links_in_the_guest) {
    fs::create_directory(folder_ / "conf");
    file("conf/a", "same\n");
    const auto upload = [&](const std::string& host) {
        return print("{customize: {upload: {" + host + ": /etc/conf}}}");
    };
    const std::string first = upload("conf");
    rename("conf", "other");
    EXPECT_EQ(first, upload("other")) << "where it lies on the host";
    rename("other/a", "other/b");
    const std::string second = upload("other");
    EXPECT_NE(first, second) << "another name in the guest";
    ASSERT_EQ(::chmod((folder_ / "other/b").c_str(), 0755), 0);
    const std::string third = upload("other");
    EXPECT_NE(second, third) << "another mode in the guest";
    fs::create_symlink("b", folder_ / "other/link");
    const std::string fourth = upload("other");
    EXPECT_NE(third, fourth) << "a link more";
    fs::remove(folder_ / "other/link");
    fs::create_directory(folder_ / "other/empty");
    EXPECT_NE(third, upload("other")) << "an empty directory more";
    EXPECT_NE(third, print("{customize: {upload: {other: /etc/elsewhere}}}")) << "another place in the guest";
}

TEST_F(Ingredients, a_map_of_uploads_can_be_set_on_the_command_line) {
    file("motd", "hello\n");
    const engine::LoadedRecipe loaded = engine::parse_recipe(
        "name: x\nos: debian13\ninstaller: {iso: medium.iso}\nstages: [{customize: {}}]\n",
        folder_ / "x.recipe", {.types = all_stage_types()},
        {engine::parse_override("stages.customize.upload={motd: /etc/motd}")});
    EXPECT_FALSE(loaded.diagnostics.has_errors()) << loaded.diagnostics.text();
    EXPECT_EQ(loaded.recipe.value().stages.front().options.at("upload").at("motd"), "/etc/motd");
}

TEST_F(Ingredients, the_name_of_a_script_does_not_count) {
    file("one.sh", "true\n");
    const std::string before = print("{customize: {scripts: [one.sh]}}");
    rename("one.sh", "two.sh");
    EXPECT_EQ(before, print("{customize: {scripts: [two.sh]}}"));
    file("two.sh", "false\n");
    EXPECT_NE(before, print("{customize: {scripts: [two.sh]}}"));
}

}  // namespace
}  // namespace imgforge::stages
