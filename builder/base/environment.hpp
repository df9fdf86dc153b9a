// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdlib>
#include <string>

namespace imgforge {

/// An environment variable's value; empty when it is not set.
inline std::string environment(const char* name) {
    const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing here calls setenv
    return value == nullptr ? "" : value;
}

}  // namespace imgforge
