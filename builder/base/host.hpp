// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>

#include "builder/base/clock.hpp"
#include "builder/base/monitor.hpp"
#include "builder/base/places.hpp"
#include "builder/base/process.hpp"
#include "builder/base/settings.hpp"

namespace imgforge {

/// The host as a program sees it: where things are, what the user has set, and the three interfaces through
/// which everything outside is reached. Commands, builds and machines get the same one. The pointers are set
/// by main (or a test's fixture), outlive every copy, and are never null while something runs.
struct Host {
    Places places;
    Settings settings{};
    ProcessRunner* processes = nullptr;
    Clock* clock = nullptr;
    Monitor* monitor = nullptr;
    std::optional<std::string> connection{};  ///< --connect: a libvirt URI
};

}  // namespace imgforge
