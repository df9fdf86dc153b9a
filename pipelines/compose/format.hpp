// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

namespace imgforge::compose {

/// The text as recipes are written: two blanks per level, lists below their key, one blank after ':' and '-',
/// no blanks at the end of a line, at most one empty line, one line break at the end. Comments, quotes, the
/// order of keys and the inside of block texts stay. The result reads as the same tree (it is parsed again);
/// where re-indenting would change that, only blanks at line ends are taken away. Formatting twice changes
/// nothing. Throws Failure::recipe with every error when the text cannot be read.
std::string formatted(const std::string& text, const std::string& file);

}  // namespace imgforge::compose
