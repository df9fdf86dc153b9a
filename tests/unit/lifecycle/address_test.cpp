// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/address.hpp"

#include <gmock/gmock.h>

namespace imgforge::lifecycle {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(AddressSearch, of_several_nics_the_first_ipv4_address_is_taken) {
    const AddressSearch search{{{}, {"fd00::5", "192.0.2.5"}, {"192.0.2.6"}}, ""};
    EXPECT_EQ(search.best(), "192.0.2.5");
}

TEST(AddressSearch, a_guest_with_ipv6_only_is_reached_by_it) {
    const AddressSearch search{{{}, {"fd00::5"}, {"fd00::6"}}, ""};
    EXPECT_EQ(search.best(), "fd00::5");
    EXPECT_EQ((AddressSearch{{{}, {}}, ""}).best(), "");
}

TEST(OldLeases, are_no_address_until_the_guest_has_asked_again) {
    NicAddresses addresses = {{"192.0.2.5", "fd00::5"}, {"192.0.2.6"}};
    drop_old_leases(addresses, {{"192.0.2.5", 100}, {"192.0.2.6", 100}},
                    {{"192.0.2.5", 100}, {"192.0.2.6", 160}});
    EXPECT_THAT(addresses, ElementsAre(ElementsAre("fd00::5"), ElementsAre("192.0.2.6")))
        << "the first is as it was before the boot, the last was renewed";
}

TEST(OldLeases, that_never_end_tell_nothing) {
    NicAddresses addresses = {{"192.0.2.5"}};
    drop_old_leases(addresses, {{"192.0.2.5", 0}}, {{"192.0.2.5", 0}});
    EXPECT_THAT(addresses, ElementsAre(ElementsAre("192.0.2.5")));
    drop_old_leases(addresses, {{"192.0.2.5", 7}}, {{"192.0.2.5", 7}});
    EXPECT_THAT(addresses, ElementsAre(IsEmpty()));
}

}  // namespace
}  // namespace imgforge::lifecycle
