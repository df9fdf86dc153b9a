// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/virt/network_subnet.hpp"

#include <gmock/gmock.h>

namespace imgforge::virt {
namespace {

using testing::HasSubstr;

constexpr const char* two_subnets =
    "<network><name>n</name><ip address='192.168.122.1' netmask='255.255.255.0'/>"
    "<ip family='ipv6' address='fd00::1' prefix='64'/><ip address='10.9.0.1' prefix='30'/></network>";

TEST(NetworkSubnet, addresses_of_each_of_its_subnets_can_be_given) {
    EXPECT_EQ(address_problem(two_subnets, "192.168.122.2"), "");
    EXPECT_EQ(address_problem(two_subnets, "192.168.122.254"), "");
    EXPECT_EQ(address_problem(two_subnets, "10.9.0.2"), "");
}

TEST(NetworkSubnet, others_are_refused_with_the_subnets) {
    EXPECT_THAT(address_problem(two_subnets, "192.168.123.2"),
                HasSubstr("outside its subnet 192.168.122.0/24, 10.9.0.0/30"));
    EXPECT_THAT(address_problem(two_subnets, "10.9.0.5"), HasSubstr("outside"));
}

TEST(NetworkSubnet, so_are_those_that_are_taken_by_their_nature) {
    EXPECT_THAT(address_problem(two_subnets, "192.168.122.1"), HasSubstr("host's own"));
    EXPECT_THAT(address_problem(two_subnets, "192.168.122.0"), HasSubstr("network or broadcast"));
    EXPECT_THAT(address_problem(two_subnets, "192.168.122.255"), HasSubstr("network or broadcast"));
}

TEST(NetworkSubnet, a_network_without_addresses_gives_none) {
    EXPECT_THAT(address_problem("<network><forward mode='bridge'/></network>", "10.0.0.2"),
                HasSubstr("no IPv4 addresses"));
    EXPECT_THAT(address_problem(two_subnets, "fd00::2"), HasSubstr("not an IPv4 address"));
}

}  // namespace
}  // namespace imgforge::virt
