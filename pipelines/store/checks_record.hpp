// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string_view>

#include "builder/base/json.hpp"
#include "pipelines/store/store.hpp"

namespace imgforge::store {

/// Puts what was checked into the manifest of a candidate, as its key `verify`, with a new signature by
/// `signing_key` (empty: unsigned stays unsigned). Nothing of a generation changes any more once it is
/// current, retired or quarantined: then nothing happens and false is returned. Throws Failure::integrity
/// when the manifest is not the one that was published. A process that dies in between leaves a candidate
/// whose manifest `images verify` objects to; the same build resumes with its checks and puts that right.
bool record_checks(Store& store, std::string_view image, int generation, const Json& verify,
                   const std::filesystem::path& signing_key);

}  // namespace imgforge::store
