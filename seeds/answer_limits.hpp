// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "builder/base/diagnostics.hpp"
#include "seeds/answers.hpp"

namespace imgforge::seeds {

/// Adds an error for each answer that the format, or the release that reads it, cannot say: nothing is left
/// out in silence. JSON pointers are below `pointer`, which is where the `answers:` block stands.
void check_limits(AnswerFormat format, const Answers& answers, const AnswerFacts& facts, Diagnostics& faults,
                  const std::string& pointer);

}  // namespace imgforge::seeds
