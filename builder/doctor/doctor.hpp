// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "builder/base/json.hpp"
#include "builder/base/monitor.hpp"
#include "builder/base/places.hpp"
#include "builder/base/process.hpp"
#include "builder/base/settings.hpp"

namespace imgforge::doctor {

/// What one look at the host found.
struct Check {
    std::string name;  ///< "acceleration", "libguestfs", …
    bool ok = false;
    std::string detail;  ///< what was seen, with figures
    std::string fix{};   ///< what fixes it, for a person; empty when ok
    /// The same as a line for sh(1), run as root; empty when no command can do it. Stands for `fix` when that
    /// is empty.
    std::string command{};
    /// Without it the main job (build and spawn) cannot work here; others are limits one can live with.
    bool required = false;
};

struct DoctorContext {
    const Places& places;
    const Settings& settings;
    ProcessRunner& processes;
    Monitor& monitor;
    bool quick = false;  ///< leave out what starts a virtual machine (kernel boot test, appliance launch)
};

/// A named check; each lives in its own function and never throws: an Error becomes a failed check with its
/// hint as fix.
struct CheckType {
    std::string name;
    bool slow = false;
    std::function<Check(DoctorContext&)> run;
    std::string fix;        ///< of a check that failed in a way it has no better one for
    std::string command{};  ///< the same, see Check::command
};

/// All checks in the order they are shown.
std::vector<CheckType> all_checks();

/// Runs them; with `quick` without the slow ones. A check that is not ok always has a fix.
std::vector<Check> examine(DoctorContext& context, const std::vector<CheckType>& types = all_checks());

/// The `doctor` record: `{checks:[{name, ok, required, detail, fix, command}]}`.
Json to_json(const std::vector<Check>& checks);

/// For people: a line per check, the fix below those that failed.
std::string to_text(const std::vector<Check>& checks);

}  // namespace imgforge::doctor
