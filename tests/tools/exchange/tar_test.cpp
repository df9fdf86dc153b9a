// SPDX-License-Identifier: GPL-3.0-or-later
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/process.hpp"
#include "builder/base/temp_dir.hpp"
#include "pipelines/exchange/tar_file.hpp"

namespace fs = std::filesystem;

namespace imgforge::exchange {
namespace {

/// ca-certificates brings such a name into every root file system; tests run in the C locale.
TEST(TarFile, names_beyond_ascii_are_read_in_any_locale_and_a_cut_file_is_not) {
    const TempDir folder("imgforge-tar");
    fs::create_directories(folder / "tree");
    write_file_atomically(folder / "tree" / "F\u0151tan\u00fas\u00edtv\u00e1ny.crt", "a");
    write_file_atomically(folder / "tree" / "plain", "b");
    SystemProcessRunner processes;
    run_checked(processes, {.program = "tar",
                            .args = {"--format=pax", "-cf", (folder / "tree.tar").string(), "-C",
                                     (folder / "tree").string(), "."}});
    EXPECT_EQ(tar_summary(folder / "tree.tar").members, 3U);
    EXPECT_THAT(tar_digests(folder / "tree.tar"),
                testing::Contains(testing::Key("./F\u0151tan\u00fas\u00edtv\u00e1ny.crt")));

    const std::string whole = read_file(folder / "tree.tar");
    write_file_atomically(folder / "cut.tar", whole.substr(0, 3000));
    EXPECT_THROW(tar_summary(folder / "cut.tar"), Error);
}

}  // namespace
}  // namespace imgforge::exchange
