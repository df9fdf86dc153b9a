// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "builder/base/monitor.hpp"

namespace imgforge::engine {

/// Clean-up actions that run in reverse order when the object goes, whatever ended the build; shielded from
/// interrupts. An action that fails is a warning, the others still run.
class UndoStack {
public:
    explicit UndoStack(Monitor& monitor) : monitor_(monitor) {}
    ~UndoStack() { run(); }
    UndoStack(const UndoStack&) = delete;
    UndoStack& operator=(const UndoStack&) = delete;

    void push(std::string what, std::function<void()> action) {
        actions_.push_back({std::move(what), std::move(action)});
    }
    /// Runs and forgets all. Called by the destructor; earlier when the order against something else matters.
    void run() noexcept;

private:
    struct Action {
        std::string what;
        std::function<void()> action;
    };
    Monitor& monitor_;
    std::vector<Action> actions_;
};

}  // namespace imgforge::engine
