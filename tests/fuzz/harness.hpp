// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "builder/base/error.hpp"

namespace imgforge::fuzz {

/// Runs `body`, which may end in an Error; anything else it throws is a finding.
template <class Body>
void may_fail(const Body& body) {
    try {
        body();
    } catch (const Error&) {
    }
}

}  // namespace imgforge::fuzz
