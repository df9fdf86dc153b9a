// SPDX-License-Identifier: GPL-3.0-or-later
// What the command does with an image file: a dry run tells exactly what a run does, a second run does
// nothing, and an image that cannot be cleaned safely is refused as it is.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/guest/inspection.hpp"
#include "builder/image/image_lock.hpp"
#include "builder/image/qemu_img.hpp"
#include "sysprep/registry.hpp"
#include "sysprep/selection.hpp"
#include "sysprep/sysprep_image.hpp"
#include "tests/guest/offline/phony_guest.hpp"
#include "tests/support/require.hpp"

namespace imgforge::test {
namespace {

using sysprep::SysprepReport;
using testing::HasSubstr;
using testing::IsEmpty;

class SysprepImage : public testing::Test {
protected:
    void SetUp() override {
        std::error_code ignored;
        if (!find_program("supermin") || !find_program("qemu-img") ||
            std::filesystem::is_empty("/boot", ignored)) {
            IMGFORGE_SKIP("guest",
                          "supermin, qemu-img or a kernel in /boot is missing: no libguestfs appliance");
        }
        qemu_img({"create", "-q", "-f", "qcow2", image.string(), "512M"});
    }
    void qemu_img(std::vector<std::string> args) {
        run_checked(processes, {.program = "qemu-img", .args = std::move(args)});
    }

    /// A guest with all traces, in one launch.
    void fill() {
        guest::ApplianceOptions options;
        options.drives = {{image, "qcow2", false, true}};
        options.launch_deadline = std::chrono::seconds(300);
        guest::Appliance appliance(std::move(options), monitor);
        planted = canaries("image");
        plant(appliance, planted, make_plain(appliance, "/dev/sda"));
        appliance.finish();
    }

    SysprepReport clean(const std::filesystem::path& file, std::optional<std::filesystem::path> output,
                        bool dry_run) {
        sysprep::ImageRequest request;
        request.image = file;
        request.output = std::move(output);
        return sysprep::sysprep_image(request, sysprep::select_operations("", sysprep::all_operations()), {},
                                      dry_run, processes, monitor);
    }
    std::string fault(std::optional<std::filesystem::path> output = {}) {
        const std::string before = sha256_file(image);
        std::string message = "no error";
        try {
            clean(image, std::move(output), false);
        } catch (const Error& error) {
            message = error.message();
        }
        EXPECT_EQ(sha256_file(image), before) << "a refused image was changed";
        return message;
    }

    static std::vector<std::string> changes(const SysprepReport& report) {
        std::vector<std::string> lines;
        for (const sysprep::OperationReport& operation : report.operations) {
            for (const sysprep::Change& change : operation.changes) {
                lines.push_back(operation.name + " " + change.action + " " + change.path + " " +
                                std::to_string(change.bytes));
            }
        }
        return lines;
    }

    SystemProcessRunner processes;
    NullMonitor monitor;
    TempDir folder{"imgforge-sysprep-image"};
    std::filesystem::path image = folder / "disk.qcow2";
    std::vector<Canary> planted;
};

TEST_F(SysprepImage, a_dry_run_lists_what_a_run_changes_and_a_second_run_changes_nothing) {
    fill();
    ::chmod(image.c_str(), 0640);
    const std::string before = sha256_file(image);
    const std::filesystem::path output = folder / "clean.qcow2";

    const auto foretold = [&] {
        // As by a machine that stands on the image: a dry run only reads, so it need not wait for its end.
        const image::ImageHold machine(image);
        return changes(clean(image, std::nullopt, true));
    }();
    EXPECT_EQ(sha256_file(image), before);
    const auto done = changes(clean(image, output, false));
    EXPECT_EQ(sha256_file(image), before);
    const std::string cleaned = sha256_file(output);
    const auto again = changes(clean(output, std::nullopt, false));

    EXPECT_EQ(foretold, done);
    EXPECT_GE(done.size(), planted.size());
    EXPECT_THAT(again, IsEmpty());
    struct ::stat status {};
    EXPECT_EQ(::stat(output.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0640U);
    const auto info = image::qemu_img::read_info(processes, output, image::DiskFormat::qcow2);
    EXPECT_FALSE(info.backing_file.has_value());
    // Nothing of the work is left beside the images.
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()),
                            std::filesystem::directory_iterator()),
              2);
    const ProcessResult found = processes.run(
        {.program = "grep", .args = {"-a", "-c", "-E", "CANARYimagex[0-9]{3}zq", output.string()}});
    EXPECT_EQ(found.out, "0\n");
}

TEST_F(SysprepImage, in_use_with_snapshots_or_an_odd_backing_file_it_is_refused_with_the_reason) {
    {
        const image::ImageHold hold(image, true);
        EXPECT_THAT(fault(), HasSubstr("in use"));
    }
    EXPECT_THAT(fault(image), HasSubstr("exists already"));
    qemu_img({"snapshot", "-c", "before", image.string()});
    EXPECT_THAT(fault(), HasSubstr("internal snapshot(s) ('before')"));
    qemu_img({"snapshot", "-d", "before", image.string()});
    const TempDir elsewhere("imgforge-elsewhere");
    qemu_img({"create", "-q", "-f", "raw", (elsewhere / "base.raw").string(), "512M"});
    std::filesystem::remove(image);
    qemu_img({"create", "-q", "-f", "qcow2", "-b", (elsewhere / "base.raw").string(), "-F", "raw",
              image.string()});
    EXPECT_THAT(fault(), HasSubstr("only backing files that are named are followed"));
    std::filesystem::remove(image);
    qemu_img({"create", "-q", "-f", "vmdk", image.string(), "1M"});
    EXPECT_THAT(fault(), HasSubstr("starts like a vmdk image but is named as qcow2"));
}

}  // namespace
}  // namespace imgforge::test
