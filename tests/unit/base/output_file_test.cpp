// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/output_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/sharing.hpp"
#include "builder/base/temp_dir.hpp"

namespace imgforge {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
constexpr auto replace = OutputFile::Existing::replace;
constexpr auto refuse = OutputFile::Existing::refuse;

class Output : public testing::Test {
protected:
    static struct stat status(const fs::path& file) {
        struct stat found {};
        EXPECT_EQ(::stat(file.c_str(), &found), 0) << file;
        return found;
    }
    static std::string refusal(const fs::path& file, OutputFile::Existing existing) {
        try {
            write_output(file, "new", existing);
        } catch (const Error& error) {
            return error.message();
        }
        return "written";
    }
    std::size_t files() const {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()));
    }
    TempDir folder_{"unit"};
};

TEST_F(Output, a_new_file_appears_whole_with_its_mode) {
    write_output(folder_ / "a", "new", refuse, 0640);
    EXPECT_EQ(read_file(folder_ / "a"), "new");
    EXPECT_EQ(status(folder_ / "a").st_mode & 0777U, 0640U);
    EXPECT_EQ(files(), 1U);
}

TEST_F(Output, an_existing_file_is_replaced_only_when_asked_for_and_keeps_mode_and_owner) {
    write_file_atomically(folder_ / "a", "old", 0600);
    if (::geteuid() == 0) {
        ASSERT_EQ(::chown((folder_ / "a").c_str(), 1234, 2345), 0);
    }
    const struct stat before = status(folder_ / "a");

    EXPECT_THAT(refusal(folder_ / "a", refuse), HasSubstr("exists already"));
    EXPECT_EQ(read_file(folder_ / "a"), "old");
    write_output(folder_ / "a", "new", replace, 0644);

    const struct stat after = status(folder_ / "a");
    EXPECT_EQ(read_file(folder_ / "a"), "new");
    EXPECT_EQ(after.st_mode, before.st_mode);
    EXPECT_EQ(after.st_uid, before.st_uid);
    EXPECT_EQ(after.st_gid, before.st_gid);
}

TEST_F(Output, a_link_stays_a_link_and_its_file_is_written) {
    fs::create_directory(folder_ / "there");
    write_file_atomically(folder_ / "there/file", "old");
    fs::create_symlink("there/file", folder_ / "link");
    fs::create_symlink("there/absent", folder_ / "dangling");

    write_output(folder_ / "link", "new", replace);
    write_output(folder_ / "dangling", "new", refuse);

    EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
    EXPECT_EQ(read_file(folder_ / "there/file"), "new");
    EXPECT_EQ(read_file(folder_ / "there/absent"), "new");
}

TEST_F(Output, devices_pipes_and_directories_are_never_replaced) {
    fs::create_directory(folder_ / "d");
    ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
    fs::create_symlink("/dev/null", folder_ / "null");

    EXPECT_THAT(refusal("/dev/null", replace), HasSubstr("character device"));
    EXPECT_THAT(refusal(folder_ / "null", replace), HasSubstr("character device"));
    EXPECT_THAT(refusal(folder_ / "pipe", replace), HasSubstr("a pipe"));
    EXPECT_THAT(refusal(folder_ / "d", replace), HasSubstr("a directory"));
    EXPECT_TRUE(S_ISCHR(status("/dev/null").st_mode));
}

TEST_F(Output, what_is_not_committed_leaves_nothing) {
    write_file_atomically(folder_ / "a", "old");
    {
        OutputFile file(folder_ / "a", replace);
        file.write("half");
    }
    EXPECT_EQ(read_file(folder_ / "a"), "old");
    EXPECT_EQ(files(), 1U);
    EXPECT_THAT(refusal(folder_ / "no/such/place", refuse), HasSubstr("does not exist"));
}

TEST_F(Output, in_a_folder_of_a_group_the_group_may_do_what_the_owner_may) {
    fs::create_directory(folder_ / "shared");
    ASSERT_EQ(::chmod((folder_ / "shared").c_str(), 02770), 0);
    const mode_t before = ::umask(077);
    make_directories(folder_ / "shared/images/a");
    write_file_atomically(folder_ / "shared/images/a/file", "x", 0644);
    write_file_atomically(folder_ / "shared/images/a/key", "x", 0600);
    make_directories(folder_ / "private", 0700);
    write_file_atomically(folder_ / "private/file", "x", 0600);
    ::umask(before);

    EXPECT_TRUE(is_group_folder(folder_ / "shared/images/a"));
    EXPECT_EQ(status(folder_ / "shared/images/a/file").st_mode & 0777U, 0664U);
    EXPECT_EQ(status(folder_ / "shared/images/a/key").st_mode & 0777U, 0600U);
    EXPECT_FALSE(is_group_folder(folder_ / "private"));
    EXPECT_EQ(status(folder_ / "private/file").st_mode & 0777U, 0600U);
}

}  // namespace
}  // namespace imgforge
