// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace imgforge {

/// ASCII letters in lower case, all else as it is; no locale.
std::string lower_case(std::string_view text);

/// Every `what`, from left to right, is replaced by `with`, in which it is not searched again. An empty
/// `what` changes nothing.
void replace_all(std::string& text, std::string_view what, std::string_view with);

}  // namespace imgforge
