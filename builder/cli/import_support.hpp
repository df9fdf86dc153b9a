// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "builder/cli/command.hpp"
#include "pipelines/exchange/import.hpp"

namespace imgforge::cli {

/// --format, of `images import` and `spawn SOURCE`.
Option source_format_option();
/// --os, --arch, --format, --sha256.
std::vector<Option> source_options();
/// --checksums, --signature, --keyring, --fingerprint.
std::vector<Option> proof_options();

/// The source named by the user, with those options. Unknown systems and formats are Failure::usage.
exchange::SourceRequest source_request(const Arguments& arguments, const std::string& source);

/// The shipped catalogue with the administrator's and the user's rows.
catalog::Catalog open_catalog();

/// Imports and tells on the monitor what is fetched, how large it is and what proves it, before it is
/// fetched.
exchange::ImportResult import_source(CommandContext& context, const exchange::ImageSource& source,
                                     const exchange::CleanDisk& clean = {});

/// For `spawn SOURCE`: the image to spawn, as NAME@GEN, after fetching what is missing. `pull` is missing,
/// always or never. Names of golden images come back unchanged. `before_fetch` runs before anything is
/// fetched and throws what is wrong with the rest of the command.
std::string pulled_image(CommandContext& context, const Arguments& arguments, const std::string& source,
                         const std::string& pull, const std::function<void()>& before_fetch);

}  // namespace imgforge::cli
