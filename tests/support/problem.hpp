// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "builder/base/error.hpp"

namespace imgforge::test {

/// What the Error that `body` throws says, all of it; "no error" when it throws none.
template <class Body>
std::string problem(Body&& body) {
    try {
        body();
    } catch (const Error& error) {
        return error.describe();
    }
    return "no error";
}

}  // namespace imgforge::test
