// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include "builder/base/error.hpp"
#include "builder/base/process.hpp"
#include "tests/support/require.hpp"
#include "tests/support/small_file_system.hpp"
#include "tests/unit/engine/fake_stage.hpp"

namespace fs = std::filesystem;
using testing::AnyOf;
using testing::HasSubstr;

namespace imgforge::engine::test {
namespace {

TEST(BuildOnAFullDisk, fails_clearly_at_every_write_loses_nothing_and_resumes) {
    const std::string expected = [] {
        Workshop elsewhere;
        return disk_text(elsewhere.build());
    }();
    Workshop shop;
    const Places places = shop.host().places;
    make_directories(places.home);
    const imgforge::test::SmallFileSystem small(places.home, 8);
    if (!small.mounted()) {
        IMGFORGE_SKIP("tools", "a tmpfs cannot be mounted here (needs root)");
    }

    int failures = 0;
    std::size_t done = 0;
    bool built = false;
    // Every failed try keeps the stages it finished, so each write of the pipeline meets the end of the disk
    // once.
    for (std::uint64_t room = 0; !built && room < (6U << 20U); room += 16384) {
        small.leave_free(room);
        try {
            EXPECT_EQ(disk_text(shop.build()), expected);
            built = true;
        } catch (const Error& error) {
            ++failures;
            EXPECT_EQ(error.kind(), Failure::host) << room << ": " << error.describe();
            EXPECT_THAT(error.describe(), AnyOf(HasSubstr("No space left"), HasSubstr("full"))) << room;
        }
        small.empty();
        if (!built) {
            const std::size_t left = running(shop.plan()).size();
            EXPECT_GE(8 - left, done) << "a finished stage was lost with " << room << " bytes free";
            done = 8 - left;
        }
    }

    EXPECT_TRUE(built);
    EXPECT_GT(failures, 5);
    EXPECT_EQ(disk_text(shop.build()), expected);
    for (const auto& entry : fs::directory_iterator(places.stages())) {
        EXPECT_FALSE(entry.path().filename().string().starts_with(".")) << "left over: " << entry.path();
    }
}

/// As an ordinary user, in a process of its own: root reads everything.
TEST(UnreadableFolder, is_named_with_the_reason) {
    if (::getuid() != 0) {
        IMGFORGE_SKIP("tools", "needs root, to become somebody else");
    }
    Workshop shop;
    fs::permissions(shop.home.path(), fs::perms::owner_all);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        int code = 2;
        if (::setgid(65534) == 0 && ::setuid(65534) == 0) {
            try {
                shop.build();
            } catch (const Error& error) {
                const std::string text = error.describe();
                code = error.kind() == Failure::host && text.find("ermission denied") != std::string::npos &&
                               text.find(shop.home.path().string()) != std::string::npos
                           ? 0
                           : 3;
                if (code != 0) {
                    fmt::print(stderr, "{}\n", text);
                }
            }
        }
        ::_exit(code);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

}  // namespace
}  // namespace imgforge::engine::test
