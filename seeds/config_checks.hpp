// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "builder/base/diagnostics.hpp"
#include "builder/base/guest_yaml.hpp"
#include "seeds/guest.hpp"

namespace imgforge::seeds {

/// A cloud-config text as cloud-init's modules take it. Errors: what it drops or refuses. Warnings: what it
/// takes but nobody means.
Diagnostics check_cloud_config(const std::string& text, const std::string& name, const Guest& guest);

/// What no schema says of values: keys, hashes, times, zones, names. For check_cloud_config().
void check_config_values(const GuestYaml& yaml, Diagnostics& diagnostics);

/// The part of it that concerns logins: `users`, `chpasswd`, SSH keys.
void check_config_logins(const GuestYaml& yaml, Diagnostics& diagnostics);

}  // namespace imgforge::seeds
