// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <functional>

namespace imgforge::lifecycle {

/// Runs body(0) … body(count - 1) on at most `width` threads and waits for all. The first exception ends the
/// handing out of further numbers and is thrown again here; those already running are waited for.
void in_parallel(std::size_t count, std::size_t width, const std::function<void(std::size_t)>& body);

}  // namespace imgforge::lifecycle
