// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/guest/offline/shared_appliance.hpp"

#include "builder/base/process.hpp"

namespace imgforge::test {

SharedAppliance& SharedAppliance::get() {
    static SharedAppliance shared;
    return shared;
}

SharedAppliance::SharedAppliance() {
    SystemProcessRunner processes;
    guest::ApplianceOptions options;
    for (int index = 0; index < 4; ++index) {
        run_checked(processes,
                    {.program = "qemu-img", .args = {"create", "-q", "-f", "qcow2", "-o", "cluster_size=4k", disk(index).string(), "1G"}});
        options.drives.push_back({disk(index), "qcow2", false, true});
    }
    options.launch_deadline = std::chrono::seconds(300);
    appliance_ = std::make_unique<guest::Appliance>(std::move(options), monitor_);
}

SharedAppliance::~SharedAppliance() = default;

void SharedAppliance::finish() {
    appliance_->finish();
}

}  // namespace imgforge::test
