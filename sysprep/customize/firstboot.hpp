// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "sysprep/cleaner.hpp"

namespace imgforge::sysprep {

/// Scripts that every clone runs once, in order, at its first boot, after those that an earlier
/// call installed; a text that begins with "#!" is a script of its own, any other one shell lines; each is
/// removed when it has ended with 0. Their output goes to the journal (systemd) or /var/log/firstboot.log
/// (OpenRC). Throws Failure::guest for other init systems.
void install_firstboot(Cleaner& cleaner, const std::vector<std::string>& commands);

}  // namespace imgforge::sysprep
