// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/machine_size.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/error.hpp"

namespace imgforge::lifecycle {
namespace {

using testing::HasSubstr;

TEST(MachineSizes, settings_override_the_built_in_ones_key_by_key) {
    const Json settings = {
        {"sizes",
         {{"small", {{"memory", "512M"}}}, {"huge", {{"memory", "64G"}, {"vcpus", 16}, {"disk", "100G"}}}}}};

    EXPECT_EQ(machine_size(settings, "small"), (MachineSize{ByteSize::mib(512), 1, {}}));
    EXPECT_EQ(machine_size(settings, "huge"), (MachineSize{ByteSize::gib(64), 16, ByteSize::gib(100)}));
    EXPECT_EQ(machine_size(settings, "medium"), (MachineSize{ByteSize::gib(2), 2, {}}));
}

TEST(MachineSizes, an_unknown_size_names_the_known_ones) {
    try {
        machine_size({{"sizes", {{"huge", {{"memory", "64G"}}}}}}, "smal");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), Failure::usage);
        EXPECT_THAT(error.message(), HasSubstr("did you mean 'small'"));
        EXPECT_THAT(error.hint(), HasSubstr("huge"));
    }
}

TEST(MachineSizes, faulty_settings_say_where) {
    for (const Json& entry : {Json{{"memory", "much"}}, Json{{"vcpus", 0}}, Json{{"ram", "1G"}}, Json(3),
                              Json{{"memory", true}}}) {
        try {
            machine_size({{"sizes", {{"own", entry}}}}, "own");
            ADD_FAILURE() << entry;
        } catch (const Error& error) {
            EXPECT_THAT(error.describe(), HasSubstr("sizes.own")) << entry;
        }
    }
}

TEST(MachineSizes, default_comes_from_the_settings) {
    EXPECT_EQ(default_size(Json::object()), "small");
    EXPECT_EQ(default_size({{"defaults", {{"size", "large"}}}}), "large");
}

}  // namespace
}  // namespace imgforge::lifecycle
