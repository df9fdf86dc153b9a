// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

#include "builder/base/json.hpp"
#include "seeds/seed.hpp"

namespace imgforge::seeds {

/// What a user-data file is, by its first bytes (cloud-init doc "User-data formats").
enum class UserDataKind {
    empty,
    cloud_config,
    jinja,
    script,
    mime,
    include,
    boothook,
    part_handler,
    archive,
    jsonp,
    unknown
};

UserDataKind user_data_kind(std::string_view bytes);
/// As cloud-init calls it: "text/cloud-config"; empty for `empty` and `unknown`.
std::string_view mime_type(UserDataKind kind);

/// Unpacked when gzip, else as it is. Throws Failure::recipe when damaged or larger than 16 MiB unpacked.
std::string gunzipped(const std::string& bytes, std::string_view name);

/// The cloud-config of what the spec asks for; an empty object when it asks for nothing.
Json cloud_config(const SeedSpec& spec);

/// The user's part first, then ours with a Merge-Type by which lists are joined and, on other keys, the
/// user's stand. The user's bytes are not changed.
std::string merged_user_data(const std::string& users, const Json& ours);

}  // namespace imgforge::seeds
