// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>

#include "pipelines/report/report.hpp"

namespace imgforge::report {

/// What the directory of a finished run tells (`runs/ID`: record.json, what the installer left), with the
/// audit and the packages of the generation it published, if that is still there. Throws Failure::recipe when
/// the directory holds no record of a run.
RunReport read_run(const std::filesystem::path& folder);

/// The newest run below `runs`; throws Failure::usage when there is none.
std::filesystem::path newest_run(const std::filesystem::path& runs);

/// `{added, removed, changed}` of two `packages.json`, lines for people.
Json package_changes(const Json& before, const Json& after);

}  // namespace imgforge::report
