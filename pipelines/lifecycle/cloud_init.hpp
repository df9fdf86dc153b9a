// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>

#include "builder/base/clock.hpp"
#include "builder/base/json.hpp"
#include "builder/base/monitor.hpp"
#include "builder/virt/domain.hpp"

namespace imgforge::lifecycle {

/// Judges what `cloud-init status --format json` says of a machine: true when it is done, false while it
/// works. Throws Failure::integrity naming the failed modules; recoverable errors (deprecated keys and the
/// like) of a guest that is done become warnings.
bool cloud_init_is_done(Monitor& monitor, const std::string& machine, const Json& status);

/// An error as cloud-init records it, "('scripts_user', RuntimeError('…'))", with its module in front:
/// "module scripts_user: RuntimeError('…')". Other text as it is; control characters are made visible.
std::string cloud_init_error(const std::string& recorded);

/// What cloud-init says, asked through the guest agent; nothing without an agent that runs programs
/// and without cloud-init.
std::optional<Json> cloud_init_status_by_agent(Clock& clock, const virt::Domain& domain);

}  // namespace imgforge::lifecycle
