// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "builder/base/monitor.hpp"
#include "pipelines/engine/stage_data.hpp"

namespace imgforge::engine {

/// What stages want done when the build has ended well or with an error: promotion, quarantine.
class EndHooks {
public:
    struct Hook {
        std::string what;
        std::function<void(const BuildEnd& end)> action;
    };

    void push(Hook hook) { hooks_.push_back(std::move(hook)); }
    /// Runs and forgets all, shielded from interrupts; `before` is called with the name of each. A failure
    /// after a success is thrown (a failed promotion must be reported); after an error it is a warning, so
    /// that it does not hide that error.
    void run(const BuildEnd& end, Monitor& monitor, const std::function<void(const std::string&)>& before);

private:
    std::vector<Hook> hooks_;
};

}  // namespace imgforge::engine
