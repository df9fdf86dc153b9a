// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/doctor/networks.hpp"

#include <gmock/gmock.h>

namespace imgforge::doctor {
namespace {

using testing::HasSubstr;
using testing::Not;

const virt::NetworkInfo nat{.name = "default", .active = true, .autostart = true, .forward = "nat"};

TEST(Networks, all_are_named_with_what_a_machine_can_expect_of_them) {
    const Check check =
        describe({.networks = {nat, {.name = "inner"}}, .bridges = {{"br7", {"eth0"}}, {"docker0"}}});

    EXPECT_TRUE(check.ok);
    EXPECT_THAT(check.detail, HasSubstr("default (nat, active, starts with the host)"));
    EXPECT_THAT(check.detail, HasSubstr("inner (isolated, not active)"));
    EXPECT_THAT(check.detail, HasSubstr("--network bridge=br7 (eth0)"));
    EXPECT_THAT(check.detail, Not(HasSubstr("docker0"))) << "it leads nowhere";
}

TEST(Networks, a_host_without_a_bridge_is_given_the_command_that_makes_one_of_its_own_interface) {
    const Check check = describe({.networks = {nat}, .default_interface = "enp3s0"});

    EXPECT_TRUE(check.ok) << "nat is enough";
    EXPECT_THAT(check.detail, HasSubstr("ifname enp3s0 con-name br0-enp3s0 master br0"));
    EXPECT_EQ(check.command, "") << "nothing that may cut an SSH connection is run by --fix";
}

TEST(Networks, a_missing_or_sleeping_default_network_comes_with_its_command) {
    const Check missing = describe({});
    EXPECT_FALSE(missing.ok);
    EXPECT_THAT(missing.command, HasSubstr("net-define /usr/share/libvirt/networks/default.xml"));
    EXPECT_THAT(missing.command, HasSubstr("net-autostart default"));

    virt::NetworkInfo asleep = nat;
    asleep.active = false;
    const Check sleeping = describe({.networks = {asleep}});
    EXPECT_FALSE(sleeping.ok);
    EXPECT_THAT(sleeping.command, Not(HasSubstr("net-define")));
    EXPECT_THAT(sleeping.command, HasSubstr("net-start default"));
}

}  // namespace
}  // namespace imgforge::doctor
