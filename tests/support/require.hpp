// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <string_view>

namespace imgforge::test {

/// True when $IMGFORGE_REQUIRE (comma separated tiers, or "all") names this tier: a skip is then a failure.
inline bool required(std::string_view tier) {
    const char* const value = std::getenv("IMGFORGE_REQUIRE");
    const std::string list = std::string(",") + (value != nullptr ? value : "") + ",";
    return list.find("," + std::string(tier) + ",") != std::string::npos ||
           list.find(",all,") != std::string::npos;
}

}  // namespace imgforge::test

/// Leaves the test because something this machine lacks; the reason is shown. Fails where the tier is
/// required.
#define IMGFORGE_SKIP(tier, reason)                                            \
    do {                                                                       \
        if (::imgforge::test::required(tier)) {                                \
            FAIL() << "IMGFORGE_REQUIRE names '" << (tier) << "': " << reason; \
        }                                                                      \
        GTEST_SKIP() << reason;                                                \
    } while (false)
