// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "builder/base/error.hpp"
#include "pipelines/lifecycle/lifecycle.hpp"

namespace imgforge::lifecycle {

/// How far a machine of a spawn has come. One that is defined is its user's: it stays whatever fails
/// afterwards, unless all of the spawn is to be undone.
enum class SpawnStep : char { reserved, defined, started, arrived };

/// The machines of one spawn, and what becomes of them when something fails.
class SpawnBatch {
public:
    /// `waits`: a machine is complete when its signal has come, else when it has started.
    SpawnBatch(Lifecycle& lifecycle, bool rollback, bool waits)
        : lifecycle_(lifecycle), rollback_(rollback), waits_(waits) {}

    void take(std::vector<Reserved> machines);
    std::vector<Reserved>& machines() { return machines_; }
    /// Of different machines these may be written by different threads.
    SpawnStep& step(std::size_t i) { return steps_[i]; }
    /// What failed for it; empty: nothing.
    std::string& trouble(std::size_t i) { return troubles_[i]; }

    /// Writes their records as machines that are made.
    void record_all();
    /// Removes all (rollback) or keeps what is a machine by now; the error to end with.
    Error settled(const Error& error);
    /// Records them; those that are not complete are marked with what failed for them, else with `why`.
    void keep(const std::string& why) noexcept;
    void undo() noexcept;
    /// Removes what has no domain yet.
    void undo_undefined() noexcept;

private:
    void undo(const Reserved& machine) noexcept;
    void mark(const std::string& why);
    /// The same error with what can be done about the machine that is still there.
    Error with_advice(const Error& error) const;

    Lifecycle& lifecycle_;
    bool rollback_;
    bool waits_;
    std::vector<Reserved> machines_;
    std::vector<SpawnStep> steps_;
    std::vector<std::string> troubles_;
};

}  // namespace imgforge::lifecycle
