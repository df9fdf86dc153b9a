// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/machine_name.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/error.hpp"

namespace imgforge::lifecycle {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Error refusal(std::string_view name) {
    try {
        check_machine_name(name);
    } catch (const Error& error) {
        return error;
    }
    ADD_FAILURE() << "accepted: " << name;
    return {Failure::tool, ""};
}

TEST(MachineName, accepts_host_names) {
    for (const char* name : {"a", "web-1", "WEB", "0", "x--y", "web-1.lab.example"}) {
        EXPECT_NO_THROW(check_machine_name(name)) << name;
    }
    EXPECT_NO_THROW(check_machine_name(std::string(63, 'a')));
}

TEST(MachineName, refuses_what_could_leave_its_folder_or_reach_a_shell) {
    for (const char* name : {"../x", "a/b", "/",  ".",  "..", ".a",   "a.",  "a..b", "a.-b", "a-.b", "$(id)",
                             "a b",  "a;b", "-a", "a-", "*",  "a\nb", "näh", "a_b",  "{n}",  "|",    "'"}) {
        EXPECT_EQ(refusal(name).kind(), Failure::usage) << name;
    }
    EXPECT_THROW(check_machine_name(std::string_view("a\0b", 3)), Error);
}

TEST(MachineName, names_the_character_and_a_name_that_would_do) {
    const Error error = refusal("web/1.example");
    EXPECT_THAT(error.message(), HasSubstr("'/'"));
    EXPECT_THAT(error.hint(), HasSubstr("'web-1-example' would do"));
}

TEST(MachineName, says_how_long_a_name_is_without_repeating_all_of_it) {
    const Error error = refusal(std::string(300, 'a'));
    EXPECT_THAT(error.message(), HasSubstr("300 characters"));
    EXPECT_LT(error.message().size(), 200U);
}

TEST(NamePattern, counts_and_pads) {
    EXPECT_EQ(NamePattern("web-{n}", false).name(7), "web-7");
    EXPECT_EQ(NamePattern("{n:03}-web", false).name(7), "007-web");
    EXPECT_EQ(NamePattern("web", true).name(2), "web-2");
    EXPECT_EQ(NamePattern("web", false).name(2), "web");
}

TEST(NamePattern, refuses_other_placeholders) {
    for (const char* pattern : {"web-{m}", "{n", "{n}{n}", "{n:3}", "{n:00}", "}{"}) {
        EXPECT_THROW(NamePattern(pattern, false), Error) << pattern;
    }
}

TEST(NamePattern, skips_taken_numbers) {
    const auto names =
        NamePattern("web-{n}", false).choose(3, [](const std::string& name) { return name != "web-2"; });

    EXPECT_THAT(names, ElementsAre("web-1", "web-3", "web-4"));
}

TEST(NamePattern, one_taken_name_is_an_error_that_says_how_to_free_it) {
    try {
        NamePattern("web", false).choose(1, [](const std::string&) { return false; });
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), Failure::domain);
        EXPECT_THAT(error.hint(), HasSubstr("imgforge cleanup"));
    }
}

TEST(NamePattern, several_machines_need_a_number) {
    EXPECT_THROW(NamePattern("web", false).choose(2, [](const std::string&) { return true; }), Error);
}

}  // namespace
}  // namespace imgforge::lifecycle
