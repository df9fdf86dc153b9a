// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "builder/base/json.hpp"
#include "pipelines/stages/refresh_decision.hpp"

namespace imgforge::stages {

/// Body of a URL, or nothing when it cannot be had within some seconds.
using FetchText = std::function<std::optional<std::string>(const std::string& url)>;

/// libcurl: http(s) only, at most 8 MiB, 10 s.
std::optional<std::string> fetch_text(const std::string& url);

/// The small file that changes whenever the source does: dists/SUITE/InRelease, repodata/repomd.xml, APKINDEX.
/// Nothing for a source that cannot be asked from outside of the guest.
std::optional<std::string> release_url(const Json& source);

/// Asks all sources ([{type, uri, suite}]) side by side.
MirrorState ask_mirrors(const Json& sources, const FetchText& fetch);

}  // namespace imgforge::stages
