// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string_view>

#include "builder/install/watcher.hpp"
#include "templates/distribution.hpp"

namespace imgforge::install {

/// A watcher whose clock only the test moves.
class WatcherTest : public ::testing::Test {
protected:
    Watcher& watch(WatchOptions options = {.marker = "IMGFORGE-RESULT: success 1234"}) {
        watcher_.emplace(templates::distribution("debian13"), options, now_);
        return *watcher_;
    }
    void console(std::string_view bytes) { watcher_->console(bytes, now_); }
    void log(std::string_view bytes) { watcher_->log(bytes, now_); }
    /// Time passes second by second; nothing else happens.
    void wait(int count) {
        for (int i = 0; i < count; ++i) {
            now_ += std::chrono::seconds(1);
            watcher_->tick(now_);
        }
    }
    const Outcome& outcome() {
        EXPECT_TRUE(watcher_->outcome().has_value());
        static const Outcome none{};
        return watcher_->outcome() ? *watcher_->outcome() : none;
    }

    Clock::Instant now_{std::chrono::hours(1)};
    std::optional<Watcher> watcher_;
};

}  // namespace imgforge::install
