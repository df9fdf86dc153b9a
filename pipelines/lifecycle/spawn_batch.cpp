// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/spawn_batch.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/interrupt.hpp"
#include "pipelines/lifecycle/erase.hpp"

namespace imgforge::lifecycle {

void SpawnBatch::take(std::vector<Reserved> machines) {
    machines_ = std::move(machines);
    steps_.resize(machines_.size());
    troubles_.resize(machines_.size());
}

void SpawnBatch::record_all() {
    std::vector<MachineRecord> records;
    for (auto& machine : machines_) {
        machine.record.state = RecordState::ready;
        records.push_back(machine.record);
    }
    lifecycle_.save_all(records);
}

Error SpawnBatch::settled(const Error& error) {
    if (rollback_ || machines_.empty()) {
        undo();
        return error;
    }
    keep(error.message());
    return with_advice(error);
}

void SpawnBatch::keep(const std::string& why) noexcept {
    const interrupt::Shield shield;
    try {
        mark(why);
        record_all();
    } catch (const std::exception& error) {
        lifecycle_.monitor().warning(fmt::format("the machines could not be recorded: {}", error.what()));
    }
}

void SpawnBatch::mark(const std::string& why) {
    const SpawnStep complete = waits_ ? SpawnStep::arrived : SpawnStep::started;
    for (std::size_t i = 0; i < machines_.size(); ++i) {
        if (steps_[i] >= complete) {
            continue;
        }
        const std::string& reason = troubles_[i].empty() ? why : troubles_[i];
        machines_[i].record.not_ready = reason.substr(0, reason.find('\n'));
        lifecycle_.monitor().warning(fmt::format(
            "machine '{0}' is kept and marked \"not ready\"; `imgforge start {0} --wait ssh` tries again",
            machines_[i].record.name));
    }
}

void SpawnBatch::undo() noexcept {
    for (const auto& machine : machines_) {
        undo(machine);
    }
}

void SpawnBatch::undo(const Reserved& machine) noexcept {
    const interrupt::Shield shield;
    try {
        erase_machine(lifecycle_, machine.record);
    } catch (const std::exception& error) {
        lifecycle_.monitor().warning(
            fmt::format("machine '{}' could not be removed again ({}); `imgforge cleanup` tries once more",
                        machine.record.name, error.what()));
    }
}

void SpawnBatch::undo_undefined() noexcept {
    for (std::size_t i = machines_.size(); i-- > 0;) {
        if (steps_[i] == SpawnStep::reserved) {
            undo(machines_[i]);
            const auto at = static_cast<std::ptrdiff_t>(i);
            machines_.erase(machines_.begin() + at);
            steps_.erase(steps_.begin() + at);
            troubles_.erase(troubles_.begin() + at);
        }
    }
}

Error SpawnBatch::with_advice(const Error& error) const {
    const auto marked = std::find_if(machines_.begin(), machines_.end(), [](const Reserved& machine) {
        return !machine.record.not_ready.empty();
    });
    if (marked == machines_.end()) {
        return error;
    }
    Error advised(
        error.kind(), error.message(),
        fmt::format("{1}the machine stays, marked \"not ready\": imgforge logs {0} shows its console, "
                    "imgforge start {0} --wait ssh tries again, imgforge destroy {0} removes it; with "
                    "--rollback spawn removes it itself",
                    marked->record.name, error.hint().empty() ? "" : error.hint() + "; "));
    for (const auto& line : error.context()) {
        advised.add_context(line);
    }
    return advised;
}

}  // namespace imgforge::lifecycle
