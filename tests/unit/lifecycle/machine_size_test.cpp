// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/machine_size.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/error.hpp"

namespace imgforge::lifecycle {
namespace {

using testing::HasSubstr;

TEST(MachineSizes, settings_override_the_built_in_ones_key_by_key) {
    const Settings settings{
        .sizes = {{"small", {.memory = ByteSize::mib(512)}},
                  {"huge", {.memory = ByteSize::gib(64), .vcpus = 16, .disk = ByteSize::gib(100)}}}};

    EXPECT_EQ(machine_size(settings, "small"), (MachineSize{ByteSize::mib(512), 1, {}}));
    EXPECT_EQ(machine_size(settings, "huge"), (MachineSize{ByteSize::gib(64), 16, ByteSize::gib(100)}));
    EXPECT_EQ(machine_size(settings, "medium"), (MachineSize{ByteSize::gib(2), 2, {}}));
}

TEST(MachineSizes, an_unknown_size_names_the_known_ones) {
    try {
        machine_size({.sizes = {{"huge", {.memory = ByteSize::gib(64)}}}}, "smal");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), Failure::usage);
        EXPECT_THAT(error.message(), HasSubstr("did you mean 'small'"));
        EXPECT_THAT(error.hint(), HasSubstr("huge"));
    }
}

}  // namespace
}  // namespace imgforge::lifecycle
