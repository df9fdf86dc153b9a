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

/// Digest of the small file that changes whenever the source does: dists/SUITE/InRelease (else Release),
/// repodata/repomd.xml (by its own digest where a metalink names it, from a mirror of a mirror list),
/// APKINDEX. Empty for a source that cannot be asked from outside of the guest or does not answer.
std::string source_state(const Json& source, const FetchText& fetch);

/// Asks all sources ([{type, uri, suite}]) in parallel.
MirrorState ask_mirrors(const Json& sources, const FetchText& fetch);

}  // namespace imgforge::stages
