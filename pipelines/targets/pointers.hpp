// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "builder/base/settings.hpp"
#include "pipelines/targets/target.hpp"

namespace imgforge::targets {

enum class PointerOutcome {
    moved,
    absent,   ///< does not hold that generation and keeps its own
    pending,  ///< tried again by the next command about targets
};

std::string_view to_string(PointerOutcome outcome);

/// One target's pointer after a promotion.
struct PointerMove {
    std::string target;
    std::string image;
    PointerOutcome outcome = PointerOutcome::pending;
    std::string error{};  ///< of a pending one
};

struct Promotion {
    store::Generation generation;
    std::vector<PointerMove> moves{};
};

/// Makes the generation current here and in all targets that the image was pushed to. First all of them are
/// asked whether they could; when one cannot be reached nothing is changed and its error is thrown, unless
/// `later` (its pointer then stays pending). What shall move is journalled before anything moves, so that a
/// killed promotion is finished by retry_pointers().
Promotion promote_everywhere(const Settings& settings, const TargetServices& services,
                             const std::string& image, int generation, bool later);

/// Tries the pending pointers again: each goes to what is current in the store now. Failures stay pending and
/// are returned, nothing is thrown.
std::vector<PointerMove> retry_pointers(const Settings& settings, const TargetServices& services);

/// Pushes and records it. The error names target and generation.
TargetPush push_and_record(const NamedTarget& target, const TargetServices& services,
                           const store::Generation& generation);

}  // namespace imgforge::targets
