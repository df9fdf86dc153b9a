// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace imgforge::report {

/// `text` with the characters that HTML gives a meaning replaced, for element content and quoted attributes.
std::string escape(std::string_view text);

/// "13m20s".
std::string seconds_text(double seconds);

/// The start of every page, up to its first heading: page_start, title and style. The style follows the
/// reader's choice of light or dark and fits a phone; nothing is fetched.
std::string page_head(std::string_view title);

}  // namespace imgforge::report
