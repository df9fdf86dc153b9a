// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <regex>

#include "templates/distribution.hpp"

namespace imgforge::templates {
namespace {

/// True when some failure rule of Debian 13 takes this line of the installer's log for a failure.
bool fails(const std::string& line) {
    for (const FailureRule& rule : distribution("debian13").failures) {
        if (std::regex_search(line, std::regex(rule.pattern))) {
            return true;
        }
    }
    return false;
}

TEST(DebianFailureRules, packages_the_installer_does_without_are_no_failure) {
    for (const char* name : {"laptop-detect", "installation-report", "popularity-contest"}) {
        EXPECT_FALSE(fails(std::string("in-target: E: Unable to locate package ") + name)) << name;
    }
    EXPECT_TRUE(fails("in-target: E: Unable to locate package openssh-servre"));
}

}  // namespace
}  // namespace imgforge::templates
