// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/guest/offline/shared_appliance.hpp"

#include <gtest/gtest.h>

#include "builder/base/error.hpp"
#include "builder/base/process.hpp"
#include "tests/support/require.hpp"

namespace imgforge::test {

namespace {

/// libguestfs builds its appliance with supermin from a kernel of this host.
class NeedsAppliance final : public testing::Environment {
public:
    void SetUp() override {
        std::error_code ignored;
        bool kernel = false;
        for (const auto& entry : std::filesystem::directory_iterator("/boot", ignored)) {
            kernel = kernel || entry.path().filename().string().starts_with("vmlinuz");
        }
        if (!find_program("supermin") || !find_program("qemu-img") || !kernel) {
            IMGFORGE_SKIP("guest",
                          "supermin, qemu-img or a kernel in /boot is missing: no libguestfs appliance");
        }
    }
};

const auto* const needs_appliance = testing::AddGlobalTestEnvironment(new NeedsAppliance);

}  // namespace

SharedAppliance& SharedAppliance::get() {
    static SharedAppliance shared;
    return shared;
}

SharedAppliance::SharedAppliance() {
    SystemProcessRunner processes;
    guest::ApplianceOptions options;
    for (int index = 0; index < 5; ++index) {
        run_checked(processes,
                    {.program = "qemu-img",
                     .args = {"create", "-q", "-f", "qcow2", "-o", "cluster_size=4k", disk(index).string(),
                              index == 3   ? "96M"
                              : index == 4 ? "256M"
                                           : "1G"}});
        options.drives.push_back({disk(index), "qcow2", false, true});
    }
    options.launch_deadline = std::chrono::seconds(300);
    appliance_ = std::make_unique<guest::Appliance>(std::move(options), monitor_);
}

SharedAppliance::~SharedAppliance() = default;

void SharedAppliance::finish() {
    appliance_->finish();
}

std::string fault_of_opening(const guest::OpenOptions& options) {
    guest::Appliance& appliance = SharedAppliance::get().appliance();
    std::string message = "no error";
    try {
        guest::open_guest(appliance, options);
    } catch (const Error& error) {
        message = error.message();
    }
    guest::unmount_guest(appliance);
    return message;
}

}  // namespace imgforge::test
