// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/virt/acceleration.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"

namespace imgforge::virt {
namespace {

using ::testing::HasSubstr;

/// Plays a QEMU that prints the given lines and ends as asked.
class FakeQemu final : public ProcessRunner {
public:
    ProcessResult run(const ProcessSpec& /*spec*/, const LineSink& on_line) override {
        ++runs;
        for (const std::string& line : lines) {
            on_line(line, false);
        }
        return result;
    }
    int runs = 0;
    std::vector<std::string> lines;
    ProcessResult result;
};

class AccelerationTest : public ::testing::Test {
protected:
    AccelerationTest() {
        for (const char* const name : {"kvm", "boot_id", "vmlinuz"}) {
            write_file_atomically(folder_ / name, name, 0600);
        }
        probe_ = {.device = folder_ / "kvm",
                  .boot_id = folder_ / "boot_id",
                  .kernels = {folder_ / "missing", folder_ / "vmlinuz"}};
    }
    Acceleration ask(AccelerationSetting wish = AccelerationSetting::automatic) {
        return acceleration(qemu_, folder_ / "cache", wish, probe_);
    }

    TempDir folder_;
    AccelerationProbe probe_;
    FakeQemu qemu_;
};

TEST_F(AccelerationTest, takes_kvm_when_a_kernel_printed_its_first_line) {
    qemu_.lines = {"SeaBIOS (version 1.16)", "[    0.000000] Linux version 6.1.0-40-amd64"};

    const Acceleration answer = ask();

    EXPECT_EQ(answer.accelerator, Accelerator::kvm);
    EXPECT_TRUE(answer.measured);
}

TEST_F(AccelerationTest, takes_tcg_when_only_the_firmware_ran) {
    qemu_.lines = {"SeaBIOS (version 1.16)"};
    qemu_.result.outcome = ProcessResult::Outcome::timed_out;

    const Acceleration answer = ask();

    EXPECT_EQ(answer.accelerator, Accelerator::tcg);
    EXPECT_THAT(answer.detail, HasSubstr("printed nothing"));
}

TEST_F(AccelerationTest, measures_once_per_host_boot) {
    qemu_.lines = {"Linux version 6"};
    ask();
    EXPECT_EQ(ask().accelerator, Accelerator::kvm);
    EXPECT_EQ(qemu_.runs, 1);

    write_file_atomically(probe_.boot_id, "another boot");
    qemu_.lines.clear();
    EXPECT_EQ(ask().accelerator, Accelerator::tcg);
    EXPECT_EQ(qemu_.runs, 2);
}

TEST_F(AccelerationTest, measures_again_when_its_memory_is_damaged) {
    make_directories(folder_ / "cache");
    write_file_atomically(folder_ / "cache" / "acceleration.json", "{\"key\": 3");

    ask();

    EXPECT_EQ(qemu_.runs, 1);
}

TEST_F(AccelerationTest, obeys_settings_without_a_test) {
    EXPECT_EQ(ask(AccelerationSetting::kvm).accelerator, Accelerator::kvm);
    EXPECT_EQ(ask(AccelerationSetting::tcg).accelerator, Accelerator::tcg);
    EXPECT_EQ(qemu_.runs, 0);
}

TEST_F(AccelerationTest, needs_no_test_without_the_device) {
    probe_.device = folder_ / "nothing";

    EXPECT_THAT(ask().detail, HasSubstr("is missing"));
    EXPECT_EQ(qemu_.runs, 0);
}

}  // namespace
}  // namespace imgforge::virt
