// SPDX-License-Identifier: GPL-3.0-or-later
// What a recipe's check says of its medium and machine before anything runs or is downloaded.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "pipelines/engine/recipe.hpp"
#include "pipelines/stages/registry.hpp"
#include "tests/support/installer_iso.hpp"

namespace imgforge::stages {
namespace {

using testing::HasSubstr;

class MediumCheck : public testing::Test {
protected:
    MediumCheck() { test::make_debian_iso(folder_ / "debian.iso"); }
    /// The diagnostics of a recipe with these two blocks, a line each.
    std::string of(const std::string& os, const std::string& installer,
                   const std::string& machine = "{}") const {
        const engine::LoadedRecipe loaded = engine::parse_recipe(
            "name: x\nos: " + os + "\ninstaller: " + installer + "\nmachine: " + machine +
                "\nstages: [install: {answers: {packages: [sudo]}}]\n",
            folder_ / "x.recipe", {.types = all_stage_types()});
        return loaded.diagnostics.text();
    }
    TempDir folder_{"imgforge-medium-check"};
};

TEST_F(MediumCheck, a_local_iso_of_the_recipes_system_is_taken) {
    EXPECT_EQ(of("debian13", "{iso: debian.iso}"), "");
}

TEST_F(MediumCheck, a_local_iso_of_another_system_is_an_error_where_it_is_named) {
    const std::string text = of("debian12", "{iso: debian.iso}");
    EXPECT_THAT(text,
                HasSubstr("x.recipe:3:18: the ISO holds debian13 (DEBIAN_13), the recipe is for debian12"));
}

TEST_F(MediumCheck, a_local_file_that_is_not_an_iso_is_an_error) {
    write_file_atomically(folder_ / "disk.iso", "QFI\xfb", 0644);
    EXPECT_THAT(of("debian13", "{iso: disk.iso}"), HasSubstr("is not an ISO 9660 image"));
}

TEST_F(MediumCheck, an_iso_to_be_downloaded_is_not_looked_at) {
    EXPECT_EQ(of("debian13", "{iso: 'https://example.org/other.iso', sha256: " + std::string(64, 'a') + "}"),
              "");
}

TEST_F(MediumCheck, a_machine_too_small_for_the_installer_is_an_error_with_the_least_that_works) {
    const std::string text = of("debian13", "{iso: debian.iso}", "{memory: 256M, disk: 1G}");
    EXPECT_THAT(
        text,
        HasSubstr("x.recipe:4:19: machine.memory is 256 MiB, the installer of debian13 needs at least"));
    EXPECT_THAT(text, HasSubstr("machine.disk is 1 GiB, debian13 needs at least 2 GiB"));
}

}  // namespace
}  // namespace imgforge::stages
