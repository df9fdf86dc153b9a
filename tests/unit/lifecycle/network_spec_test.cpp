// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/network_spec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/error.hpp"

namespace imgforge::lifecycle {
namespace {

using testing::HasSubstr;

std::string refusal_text(std::string_view text) {
    try {
        static_cast<void>(parse_network(text));
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), Failure::usage) << text;
        return error.message();
    }
    ADD_FAILURE() << "accepted: " << text;
    return {};
}

TEST(NetworkSpec, reads_all_kinds_with_their_options) {
    EXPECT_EQ(parse_network("nat").kind, NetworkSpec::Kind::nat);
    EXPECT_EQ(parse_network("user").kind, NetworkSpec::Kind::user);
    EXPECT_EQ(parse_network("isolated").kind, NetworkSpec::Kind::isolated);

    const NetworkSpec bridge = parse_network("bridge=br0,vlan=12,mac=52-54-00-AB-CD-EF,model=e1000e");

    EXPECT_EQ(bridge.kind, NetworkSpec::Kind::bridge);
    EXPECT_EQ(bridge.name, "br0");
    EXPECT_EQ(bridge.vlan, 12U);
    EXPECT_EQ(bridge.mac, "52:54:00:ab:cd:ef");
    EXPECT_EQ(parse_network("network=lab,ip=10.1.2.3").ip, "10.1.2.3");
}

TEST(NetworkSpec, its_text_reads_back_as_the_same_network) {
    for (const char* text :
         {"nat", "user", "isolated", "bridge=br0,vlan=12", "network=lab", "nat,model=e1000"}) {
        EXPECT_EQ(parse_network(text).text(), text);
    }
}

TEST(NetworkSpec, names_the_part_that_is_wrong) {
    EXPECT_THAT(refusal_text("natt"), HasSubstr("did you mean 'nat'"));
    EXPECT_THAT(refusal_text("bridge"), HasSubstr("needs a name"));
    EXPECT_THAT(refusal_text("bridge=a/b"), HasSubstr("'a/b'"));
    EXPECT_THAT(refusal_text("bridge=averyverylongname"), HasSubstr("longer"));
    EXPECT_THAT(refusal_text("bridge=br0,vlan=4095"), HasSubstr("4095"));
    EXPECT_THAT(refusal_text("bridge=br0,vlan=1x"), HasSubstr("1x"));
    EXPECT_THAT(refusal_text("nat,vlan=3"), HasSubstr("bridge"));
    EXPECT_THAT(refusal_text("user,ip=10.0.2.15"), HasSubstr("DHCP"));
    EXPECT_THAT(refusal_text("nat,ip=10.0.2"), HasSubstr("10.0.2"));
    EXPECT_THAT(refusal_text("nat=x"), HasSubstr("takes no name"));
    EXPECT_THAT(refusal_text("nat,colour=red"), HasSubstr("colour"));
    EXPECT_THAT(refusal_text(""), HasSubstr("unknown kind"));
}

TEST(Mac, refuses_multicast_zero_and_garbage) {
    for (const char* mac : {"01:00:5e:00:00:01", "00:00:00:00:00:00", "52:54:00:12:34", "52:54:00:12:34:5g",
                            "5254:00:12:34:56:", ""}) {
        EXPECT_THROW(normal_mac(mac), Error) << mac;
    }
}

}  // namespace
}  // namespace imgforge::lifecycle
