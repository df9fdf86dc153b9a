// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

#include "builder/base/json.hpp"
#include "seeds/seed.hpp"

namespace imgforge::seeds {

/// A foreign text that may go to a terminal: control characters (C0 but line feed and tab, DEL, C1), the
/// marks that turn the direction of writing, and what is not UTF-8 become '?'.
std::string terminal_safe(std::string_view text);

/// User-data as a person reads it: gzip unpacked, the parts of a MIME message decoded, each below a line that
/// names it. Other bytes as they are.
std::string readable(const std::string& bytes, const std::string& name);

/// `text` without its secrets: what redact() finds, every password, hash and key of a cloud-config however it
/// is written (`chpasswd.list`, base64 of a private key), and values a YAML reader sees but a text search
/// would not.
std::string without_secrets(const std::string& text);

/// The cloud-config that cloud-init will have when it has merged user-data's parts as their Merge-Type says.
/// `others` gets a line for each part that is not a cloud-config.
Json merged_config(const std::string& user_data, const std::string& name, std::vector<std::string>& others);

}  // namespace imgforge::seeds
