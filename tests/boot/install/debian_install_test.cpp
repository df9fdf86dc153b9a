// SPDX-License-Identifier: GPL-3.0-or-later
// Real installations of Debian from a medium under software emulation, through libvirt's embedded driver. The medium is
// $IMGFORGE_TEST_MEDIUM. The broken answers end within minutes; the complete ones take a quarter of an hour each and run
// only with $IMGFORGE_LONG_TESTS set.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "builder/base/file.hpp"
#include "builder/base/process.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/image/iso_reader.hpp"
#include "builder/image/overlay.hpp"
#include "builder/install/initrd_pack.hpp"
#include "builder/install/install_machine.hpp"
#include "builder/install/media_probe.hpp"
#include "tests/support/require.hpp"

namespace imgforge::install {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr const char* marker = "IMGFORGE-RESULT: success 5up3rn0nc3";

/// Plain answers for d-i; the tests leave a line out or change one.
const char* const good_preseed =
    R"(d-i preseed/early_command string tail -f /var/log/syslog >/dev/ttyS1 2>/dev/null </dev/null 3>&- 4>&- 5>&- 6>&- & anna-install eatmydata-udeb || true
d-i debian-installer/locale string en_US.UTF-8
d-i keyboard-configuration/xkb-keymap select us
d-i netcfg/enable boolean false
d-i netcfg/get_hostname string localhost
d-i netcfg/get_domain string
d-i hw-detect/load_firmware boolean false
d-i hw-detect/firmware-lookup string never
d-i passwd/make-user boolean false
d-i passwd/root-password-crypted password *
d-i clock-setup/utc boolean true
d-i clock-setup/ntp boolean false
d-i time/zone string UTC
d-i partman-auto/disk string /dev/vda
d-i partman-auto/method string regular
d-i partman-auto/expert_recipe string one :: 1000 10000 -1 ext4 $primary{ } $bootable{ } method{ format } format{ } use_filesystem{ } filesystem{ ext4 } mountpoint{ / } .
d-i partman-auto/choose_recipe select one
d-i partman-basicfilesystems/no_swap boolean false
d-i partman-partitioning/confirm_write_new_label boolean true
d-i partman/choose_partition select finish
d-i partman/confirm boolean true
d-i partman/confirm_nooverwrite boolean true
d-i base-installer/install-recommends boolean false
d-i base-installer/kernel/image string linux-image-cloud-amd64
d-i apt-setup/use_mirror boolean false
d-i apt-setup/no_mirror boolean true
d-i apt-setup/cdrom/set-first boolean false
d-i apt-setup/cdrom/set-next boolean false
d-i apt-setup/cdrom/set-failed boolean false
d-i apt-setup/services-select multiselect
d-i apt-setup/disable-cdrom-entries boolean true
tasksel tasksel/first multiselect
d-i pkgsel/run_tasksel boolean false
d-i pkgsel/include string openssh-server cloud-init qemu-guest-agent sudo
d-i pkgsel/upgrade select none
d-i pkgsel/update-policy select none
d-i grub-installer/only_debian boolean true
d-i grub-installer/bootdev string /dev/vda
d-i grub-installer/force-efi-extra-removable boolean true
d-i partman-efi/non_efi_system boolean true
d-i finish-install/reboot_in_progress note
d-i cdrom-detect/eject boolean false
d-i debian-installer/exit/poweroff boolean true
d-i preseed/late_command string echo 'IMGFORGE-RESULT: success 5up3rn0nc3' >/target/var/lib/imgforge-result && echo 'IMGFORGE-RESULT: success 5up3rn0nc3' >/dev/ttyS0
)";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
}

/// Prints progress, so that a quarter of an hour is not silent.
class PrintingMonitor final : public Monitor {
public:
    void event(const MonitorEvent& event) noexcept override {
        if (event.kind == MonitorEvent::Kind::activity_progress && event.detail != last_) {
            last_ = event.detail;
            std::cerr << static_cast<int>(event.done) << "% " << event.detail << '\n';
        } else if (event.kind == MonitorEvent::Kind::warning) {
            std::cerr << "warning: " << event.detail << '\n';
        }
    }

private:
    std::string last_;
};

class DebianInstall : public ::testing::Test {
protected:
    void SetUp() override {
        const char* const medium = std::getenv("IMGFORGE_TEST_MEDIUM");
        if (medium == nullptr || !fs::exists(medium)) {
            IMGFORGE_SKIP("boot", "IMGFORGE_TEST_MEDIUM names no Debian installer ISO");
        }
        if (!find_program("qemu-system-x86_64")) {
            IMGFORGE_SKIP("boot", "qemu-system-x86_64 is not installed");
        }
        medium_ = medium;
        info_ = probe_media(medium_);
        image::IsoReader iso(medium_);
        iso.extract(info_.kernel, folder_ / "vmlinuz", 1U << 28U);
        iso.extract(info_.initrd, folder_ / "initrd.orig", 1U << 30U);
    }

    InstallPlan plan(const std::string& preseed) {
        pack_initrd(folder_ / "initrd.orig", {{.path = "/preseed.cfg", .bytes = preseed}}, folder_ / "initrd");
        image::create_empty_qcow2(folder_ / "disk.qcow2", ByteSize::gib(6));
        const auto& row = templates::distribution(info_.distribution);
        InstallPlan plan{.row = &row, .name = "install-test"};
        plan.kernel = folder_ / "vmlinuz";
        plan.initrd = folder_ / "initrd";
        plan.kernel_line = templates::render_kernel_line(row, info_.facts);
        plan.medium = medium_;
        plan.disk = folder_ / "disk.qcow2";
        plan.marker = marker;
        plan.folder = folder_ / "run";
        plan.texts = {{"preseed.cfg", preseed}};
        return plan;
    }

    InstallReport run(const InstallPlan& plan) {
        SystemClock clock;
        PrintingMonitor monitor;
        Activity activity(monitor, "install");
        InstallReport report = run_install(plan, clock, activity, monitor);
        std::cerr << to_string(report.outcome.kind) << " after " << report.seconds << " s: " << report.outcome.message
                  << "\n  remedy: " << report.outcome.remedy << "\n  answer: " << report.outcome.answer << '\n';
        if (const char* const keep = std::getenv("IMGFORGE_KEEP_RUN"); keep != nullptr) {
            fs::copy(plan.folder, keep, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
            if (report.outcome.worth_verifying()) {
                fs::copy(plan.disk, fs::path(keep) / "disk.qcow2");
            }
        }
        return report;
    }

    static void require_long() {
        if (std::getenv("IMGFORGE_LONG_TESTS") == nullptr) {
            IMGFORGE_SKIP("long", "a quarter of an hour; set IMGFORGE_LONG_TESTS");
        }
    }

    TempDir folder_;
    fs::path medium_;
    MediaInfo info_;
};

TEST_F(DebianInstall, names_the_missing_partition_confirmation_and_the_line_to_add) {
    const std::string one_less = replaced(good_preseed, "d-i partman/confirm boolean true\n", "");
    const InstallPlan without = plan(replaced(one_less, "d-i partman/confirm_nooverwrite boolean true\n", ""));

    const InstallReport report = run(without);

    EXPECT_EQ(report.outcome.kind, Outcome::Kind::question);
    EXPECT_EQ(report.outcome.step, "partman");
    EXPECT_THAT(report.outcome.message, HasSubstr("Write the changes to disks?"));
    EXPECT_THAT(report.outcome.answer, HasSubstr("partman/confirm"));
    EXPECT_TRUE(fs::exists(without.folder / "screen.png"));
    EXPECT_THAT(read_file(without.folder / "console.txt"), HasSubstr("Write the changes to disks?"));
    EXPECT_TRUE(fs::exists(without.folder / "domain.xml"));
    EXPECT_FALSE(fs::exists(without.folder / "libvirt"));
}

TEST_F(DebianInstall, succeeds) {
    require_long();

    const InstallReport report = run(plan(good_preseed));

    EXPECT_EQ(report.outcome.kind, Outcome::Kind::finished) << report.outcome.message;
}

TEST_F(DebianInstall, names_the_package_that_does_not_exist) {
    require_long();

    const InstallReport report = run(plan(replaced(good_preseed, "qemu-guest-agent sudo", "qemu-guest-agnet sudo")));

    EXPECT_THAT(report.outcome.message, HasSubstr("qemu-guest-agnet"));
    EXPECT_EQ(report.outcome.step, "pkgsel");
}

TEST_F(DebianInstall, names_the_late_command_that_fails) {
    require_long();

    const InstallReport report =
        run(plan(replaced(good_preseed, "late_command string ", "late_command string in-target /no/such/program && ")));

    EXPECT_EQ(report.outcome.step, "finish-install");
    EXPECT_THAT(report.outcome.message, HasSubstr("late_command"));
}

}  // namespace
}  // namespace imgforge::install
