// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/engine/end_hooks.hpp"

#include <utility>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/interrupt.hpp"

namespace imgforge::engine {

void EndHooks::run(const BuildEnd& end, Monitor& monitor,
                   const std::function<void(const std::string&)>& before) {
    const interrupt::Shield shield;
    for (const Hook& hook : std::exchange(hooks_, {})) {
        before((end.success ? "hook " : "failure hook ") + hook.what);
        if (end.success) {
            in_context([&] { return hook.what; }, [&] { hook.action(end); });
            continue;
        }
        try {
            hook.action(end);
        } catch (const std::exception& fault) {
            monitor.warning(fmt::format("{}: {}", hook.what, fault.what()));
        }
    }
}

}  // namespace imgforge::engine
