// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/virt/resumed_memory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/error.hpp"

namespace imgforge::virt {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ResumedMemory, snapshot_of_a_machine_that_maps_a_file_starts_without_it) {
    const auto changed = restartable_snapshot_xml(
        "<domainsnapshot><name>s1</name>"
        "<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><qemu:commandline>"
        "<qemu:arg value='-netdev'/><qemu:arg value='user,id=imgforge-net0'/>"
        "<qemu:arg value='-object'/><qemu:arg value='{\"qom-type\":\"memory-backend-file\","
        "\"id\":\"imgforge-ram\",\"size\":1048576,\"mem-path\":\"/gone\",\"share\":false}'/>"
        "<qemu:arg value='-machine'/><qemu:arg value='memory-backend=imgforge-ram'/>"
        "<qemu:arg value='-incoming'/><qemu:arg value='defer'/>"
        "<qemu:arg value='-global'/><qemu:arg value='a.b=1'/>"
        "</qemu:commandline></domain></domainsnapshot>");

    ASSERT_TRUE(changed);
    EXPECT_THAT(*changed, Not(HasSubstr("-incoming")));
    EXPECT_THAT(*changed, Not(HasSubstr("\"defer\"")));
    EXPECT_THAT(*changed, Not(HasSubstr("/gone")));
    EXPECT_THAT(*changed, HasSubstr("memory-backend-ram"));
    EXPECT_THAT(*changed, HasSubstr("memory-backend=imgforge-ram"));
    EXPECT_THAT(*changed, HasSubstr("user,id=imgforge-net0"));
    EXPECT_THAT(*changed, HasSubstr("a.b=1"));
}

TEST(ResumedMemory, other_snapshots_stay_as_they_are) {
    EXPECT_FALSE(restartable_snapshot_xml("<domainsnapshot><name>s1</name><domain/></domainsnapshot>"));
    EXPECT_THROW(restartable_snapshot_xml("no XML"), Error);
}

}  // namespace
}  // namespace imgforge::virt
