// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace imgforge::sysprep {

// Traces that are known by their names, at any depth: the tables name the programs that we know, these names
// are what programs that we do not know use as well. Sysprep removes such files and the audit looks for them.

/// "node-id", "agent_uuid", "host.key" below directories of state and settings: who this machine is to a
/// server or to its peers. False for what packages bring, for images of containers, and for what has an
/// operation of its own (/etc/machine-id).
bool names_identity(std::string_view path);

/// Histories, sessions, cookies, tokens and logins in hidden directories of a home; `below` is the path below
/// the home (".config/app/token"). False for programs and their parts, and for .ssh, which has operations of
/// its own.
bool names_personal_state(std::string_view below);

/// False for a directory that holds programs, repositories or keys that belong to other operations: nothing
/// below it is looked at. `below` as above, without "/" at its end.
bool may_hold_personal_state(std::string_view below);

/// Glob patterns that find every path for which names_identity() holds, and some more: names in some
/// directories, hidden directories left out.
std::vector<std::string> identity_candidates();

}  // namespace imgforge::sysprep
