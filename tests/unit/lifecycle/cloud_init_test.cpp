// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/cloud_init.hpp"

#include <gmock/gmock.h>

#include "builder/base/error.hpp"

namespace imgforge::lifecycle {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> warnings(const RecordingMonitor& monitor) {
    std::vector<std::string> texts;
    for (const auto& event : monitor.events()) {
        if (event.kind == MonitorEvent::Kind::warning) {
            texts.push_back(event.detail);
        }
    }
    return texts;
}

TEST(CloudInit, a_failed_module_is_named_and_ends_with_the_code_of_a_failed_verification) {
    RecordingMonitor monitor;
    const Json status = {
        {"status", "error"},
        {"errors",
         {"('scripts_user', RuntimeError('Runparts: 1 failures (part-001) in 1 attempted commands'))",
          "('package_update_upgrade_install', ProcessExecutionError('apt'))"}}};
    try {
        static_cast<void>(cloud_init_is_done(monitor, "web-1", status));
        FAIL() << "it failed";
    } catch (const Error& error) {
        EXPECT_EQ(exit_code(error.kind()), ExitCode::verification_failed);
        EXPECT_THAT(error.message(), AllOf(HasSubstr("web-1"), HasSubstr("module scripts_user: RuntimeError"),
                                           HasSubstr("module package_update_upgrade_install")));
        EXPECT_THAT(error.hint(), HasSubstr("cloud-init-output.log"));
    }
}

TEST(CloudInit, errors_of_a_guest_that_calls_itself_done_count) {
    RecordingMonitor monitor;
    EXPECT_THROW(static_cast<void>(cloud_init_is_done(monitor, "web-1",
                                                      {{"status", "done"}, {"errors", {"('ntp', X())"}}})),
                 Error);
}

TEST(CloudInit, recoverable_errors_are_warnings_with_their_level) {
    RecordingMonitor monitor;
    EXPECT_TRUE(
        cloud_init_is_done(monitor, "web-1",
                           {{"status", "done"},
                            {"errors", Json::array()},
                            {"recoverable_errors", {{"DEPRECATED", {"Config key 'lists' is deprecated"}}}}}));
    ASSERT_EQ(warnings(monitor).size(), 1U);
    EXPECT_THAT(warnings(monitor)[0], AllOf(HasSubstr("DEPRECATED"), HasSubstr("Config key 'lists'")));
}

TEST(CloudInit, a_guest_that_still_works_is_waited_for) {
    RecordingMonitor monitor;
    for (const char* const state : {"running", "not started", ""}) {
        EXPECT_FALSE(cloud_init_is_done(monitor, "web-1", {{"status", state}})) << state;
    }
    EXPECT_THAT(warnings(monitor), IsEmpty());
}

TEST(CloudInit, what_a_guest_records_reaches_no_terminal_as_it_is) {
    EXPECT_THAT(cloud_init_error("('a\x1b[2Jb', X())").find('\x1b'), std::string::npos);
    EXPECT_EQ(cloud_init_error("no tuple"), "no tuple");
}

}  // namespace
}  // namespace imgforge::lifecycle
