// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/console_log.hpp"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"

namespace imgforge::lifecycle {
namespace {

using testing::HasSubstr;

TEST(ConsoleText, drops_what_a_terminal_would_obey) {
    EXPECT_EQ(clean_console("\x1b[31mred\x1b[0m\x07 \x1b]0;title\x07ok\r\n"), "red ok\n");
    EXPECT_EQ(clean_console("50%\r100%\n"), "100%\n");
    EXPECT_EQ(clean_console("a\xff\xfe"
                            "b\n"),
              "ab\n");
    EXPECT_EQ(clean_console("\x1b"), "");
}

class ConsoleLogTest : public testing::Test {
protected:
    void append(const std::string& text) const {
        std::ofstream(log_, std::ios::app | std::ios::binary) << text;
    }
    TempDir temp_{"imgforge-test"};
    std::filesystem::path log_ = temp_ / "console.log";
};

TEST_F(ConsoleLogTest, the_tail_is_the_last_lines) {
    append("one\ntwo\r\nthree\n\n");
    EXPECT_EQ(console_tail(log_, 2), "two\nthree");
    EXPECT_EQ(console_tail(log_, 9), "one\ntwo\nthree");
    EXPECT_EQ(console_tail(temp_ / "missing", 2), "");
}

TEST_F(ConsoleLogTest, a_panic_is_fatal_and_named) {
    ConsoleWatch watch(log_);
    append("[ 1.0] Kernel panic - not sync");
    watch.look();
    EXPECT_FALSE(watch.fatal());
    append("ing: VFS: Unable to mount root fs\n");
    watch.look();
    ASSERT_TRUE(watch.fatal());
    EXPECT_THAT(*watch.fatal(), HasSubstr("VFS"));
}

TEST_F(ConsoleLogTest, only_what_came_after_the_start_counts) {
    append("Kernel panic - not syncing: old\n");
    ConsoleWatch watch(log_, console_size(log_));
    append(
        "[  29.1] cloud-init[600]: Cloud-init v. 25.1.4 finished at Sat, 21 Nov 2026 08:00:00 +0000. "
        "Datasource DataSourceNoCloud.\n");
    watch.look();
    EXPECT_FALSE(watch.fatal());
    EXPECT_TRUE(watch.cloud_init_finished());
}

TEST_F(ConsoleLogTest, a_large_log_is_rotated_and_few_are_kept) {
    for (int i = 0; i < 5; ++i) {
        append(std::string(100, 'x'));
        EXPECT_TRUE(rotate_log(log_, 50, 2));
    }
    EXPECT_FALSE(std::filesystem::exists(log_));
    EXPECT_TRUE(std::filesystem::exists(temp_ / "console.log.2"));
    EXPECT_FALSE(std::filesystem::exists(temp_ / "console.log.3"));
    EXPECT_FALSE(rotate_log(log_, 50, 2));
}

}  // namespace
}  // namespace imgforge::lifecycle
