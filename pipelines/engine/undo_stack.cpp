// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/engine/undo_stack.hpp"

#include <fmt/format.h>

#include "builder/base/interrupt.hpp"
#include "builder/base/log.hpp"

namespace imgforge::engine {

void UndoStack::run() noexcept {
    const interrupt::Shield shield;
    while (!actions_.empty()) {
        const Action last = std::move(actions_.back());
        actions_.pop_back();
        try {
            log::debug(fmt::format("clean-up: {}", last.what));
            last.action();
        } catch (const std::exception& fault) {
            monitor_.warning(fmt::format("clean-up '{}': {}", last.what, fault.what()));
        }
    }
}

}  // namespace imgforge::engine
