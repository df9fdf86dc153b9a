// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "pipelines/lifecycle/spool_protocol.hpp"

namespace imgforge::lifecycle {

/// How several hosts share one spool directory: each leaves a file in hosts/, and one that has more machines
/// than another that is alive leaves new ones to it.

/// Says that this host serves the directory now.
void announce_host(const SpoolFolder& folder, const std::string& host);

/// True when another host, seen in the last two minutes, has fewer machines than this one: it gets two
/// minutes from the time of the request (`file`) to take it. `now` in seconds since 1970.
bool is_others_turn(const SpoolFolder& folder, const std::string& host, const std::filesystem::path& file,
                    std::int64_t now);

/// The host that destroyed the machine, from its DESTROYED mark; empty: nobody.
std::string destroyed_by(const SpoolFolder& folder, const std::string& name);

}  // namespace imgforge::lifecycle
