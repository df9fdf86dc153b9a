// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

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
/// The same without looking for a MIME header: what a part is by its own beginning. As cloud-init does,
/// blanks before it and its case do not count (handlers/__init__.py type_from_starts_with).
UserDataKind kind_by_prefix(std::string_view bytes);
/// The kind a MIME type stands for; `unknown` for one that cloud-init has no handler for.
UserDataKind kind_of_type(std::string_view type);
/// The first line of a kind: "#cloud-config".
std::string_view header_of(UserDataKind kind);
/// True when the text begins with its header as it is documented, without blanks before it, in its case.
bool begins_exactly(std::string_view bytes);
/// As cloud-init calls it: "text/cloud-config"; empty for `empty` and `unknown`.
std::string_view mime_type(UserDataKind kind);

/// Unpacked when gzip, else as it is. Throws Failure::recipe when damaged or larger than 16 MiB unpacked.
std::string gunzipped(const std::string& bytes, std::string_view name);

/// The cloud-config of what the spec asks for; an empty object when it asks for nothing.
Json cloud_config(const SeedSpec& spec);

/// The user's parts in their order, then ours with a Merge-Type by which lists are joined and, on other keys,
/// the user's stand. The user's bytes are not changed.
std::string merged_user_data(const std::vector<SeedPart>& users, const Json& ours);

}  // namespace imgforge::seeds
