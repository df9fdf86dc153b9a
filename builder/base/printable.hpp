// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace imgforge {

/// A name from elsewhere for a line of text. What could start a new line, steer a terminal or turn the order
/// of what is read comes out as its number: control characters (\x1b), those of C1 in UTF-8 (\u009b), marks
/// of direction (\u202e), line separators, and bytes that are not UTF-8 (\xff).
std::string printable(std::string_view text);

/// The same for several lines: line feeds and tabs stay.
std::string printable_lines(std::string_view text);

/// The same for JSON that was written already: such characters become \uXXXX, which a reader takes for the
/// same text.
std::string printable_json(std::string_view json);

}  // namespace imgforge
