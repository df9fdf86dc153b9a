// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace imgforge::seeds {

/// Without blanks, tabs and line ends at both sides.
std::string_view trimmed(std::string_view text);

/// ASCII letters in lower case, everything else as it is.
std::string lower_case(std::string_view text);

/// The lines without their ends (LF or CR LF); no empty line after the last end.
std::vector<std::string_view> lines_of(std::string_view text);

/// True when it holds no control character (tab included).
bool is_one_line(std::string_view text);

/// `items` joined by `separator`.
std::string joined(const std::vector<std::string>& items, std::string_view separator);

/// RFC 1123 host name of one or more labels.
bool is_host_name(std::string_view name);

/// useradd(8)'s portable names: ^[a-z_][a-z0-9_-]{0,31}$
bool is_user_name(std::string_view name);

/// A name that useradd(8) of Debian, Red Hat or SUSE takes: letters, digits, "_", "." and "-", perhaps "$" at
/// the end, no "-" in front, at most 32 characters and not only digits.
bool is_login_name(std::string_view name);

}  // namespace imgforge::seeds
