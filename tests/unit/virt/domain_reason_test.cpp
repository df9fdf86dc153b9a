// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/virt/domain_reason.hpp"

#include <gmock/gmock.h>
#include <libvirt/libvirt.h>

namespace imgforge::virt {
namespace {

struct ReasonRow {
    int state;
    int number;
    DomainReason reason;
    std::string_view word;
};

class Reasons : public testing::TestWithParam<ReasonRow> {};

TEST_P(Reasons, of_libvirt_have_one_meaning_and_one_word_whatever_the_state) {
    const DomainReason reason = domain_reason(GetParam().state, GetParam().number);
    EXPECT_EQ(reason, GetParam().reason);
    EXPECT_EQ(to_string(reason), GetParam().word);
    EXPECT_EQ(domain_reason(static_cast<int>(reason)), reason) << "as it goes from worker to client";
}

INSTANTIATE_TEST_SUITE_P(
    Domain, Reasons,
    testing::Values(
        ReasonRow{VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED, DomainReason::booted, "booted"},
        ReasonRow{VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_POSTCOPY, DomainReason::post_copy, "post-copy"},
        ReasonRow{VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_IOERROR, DomainReason::io_error, "I/O error"},
        ReasonRow{VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_CRASHED, DomainReason::crashed, "crashed"},
        ReasonRow{VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_STARTING_UP, DomainReason::starting_up, "starting up"},
        ReasonRow{VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_SNAPSHOT, DomainReason::snapshot, "snapshot"},
        ReasonRow{VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_SHUTDOWN, DomainReason::shutdown, "shutdown"},
        ReasonRow{VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_CRASHED, DomainReason::crashed, "crashed"},
        ReasonRow{VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_DAEMON, DomainReason::daemon, "daemon"},
        ReasonRow{VIR_DOMAIN_CRASHED, VIR_DOMAIN_CRASHED_PANICKED, DomainReason::panicked, "panicked"}));

TEST(StopReason, follows_the_detail_of_libvirts_event) {
    EXPECT_EQ(stop_reason(VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN), DomainReason::shutdown);
    EXPECT_EQ(stop_reason(VIR_DOMAIN_EVENT_STOPPED_CRASHED), DomainReason::crashed);
    EXPECT_EQ(stop_reason(VIR_DOMAIN_EVENT_STOPPED_FROM_SNAPSHOT), DomainReason::from_snapshot);
}

TEST(DomainReason, numbers_that_a_newer_libvirt_may_have_are_unknown) {
    EXPECT_EQ(domain_reason(VIR_DOMAIN_PAUSED, 99), DomainReason::unknown);
    EXPECT_EQ(domain_reason(VIR_DOMAIN_PAUSED, -1), DomainReason::unknown);
    EXPECT_EQ(domain_reason(99, 1), DomainReason::unknown);
    EXPECT_EQ(stop_reason(99), DomainReason::unknown);
    EXPECT_EQ(domain_reason(99), DomainReason::unknown);
}

}  // namespace
}  // namespace imgforge::virt
