// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/verify.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/error.hpp"
#include "tests/support/memory_guest_fs.hpp"

namespace imgforge::install {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* marker = "IMGFORGE-RESULT: success 1234";
const VerifyOptions verify_options{.marker = marker, .marker_file = "/var/lib/imgforge-result"};

std::string missing_in(guest::GuestFs& fs) {
    try {
        verify_system(fs, {}, verify_options);
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), Failure::integrity);
        return error.message();
    }
    return "nothing";
}

guest::MemoryGuestFs installed() {
    return guest::MemoryGuestFs({{"/boot/vmlinuz-6.12.94", "kernel"},
                                 {"/boot/grub/grub.cfg", "menu"},
                                 {"/var/lib/imgforge-result", std::string(marker) + "\n"}});
}

TEST(VerifySystem, finds_kernel_boot_loader_and_marker) {
    guest::MemoryGuestFs fs = installed();

    const InstalledSystem system = verify_system(fs, {}, verify_options);

    EXPECT_EQ(system.kernel, "/boot/vmlinuz-6.12.94");
    EXPECT_EQ(system.boot_loader, "/boot/grub/grub.cfg");
}

TEST(VerifySystem, names_everything_that_is_missing) {
    guest::MemoryGuestFs fs(std::map<std::string, std::string>{{"/etc/hostname", "x"}});

    const std::string missing = missing_in(fs);

    EXPECT_THAT(missing, HasSubstr("a kernel"));
    EXPECT_THAT(missing, HasSubstr("a boot loader"));
    EXPECT_THAT(missing, HasSubstr("/var/lib/imgforge-result"));
}

TEST(VerifySystem, the_marker_of_another_run_does_not_count) {
    guest::MemoryGuestFs fs = installed();
    fs.write("/var/lib/imgforge-result", "IMGFORGE-RESULT: success 9999\n");

    const std::string missing = missing_in(fs);

    EXPECT_THAT(missing, HasSubstr("this run's marker"));
    EXPECT_THAT(missing, Not(HasSubstr("kernel")));
}

}  // namespace
}  // namespace imgforge::install
