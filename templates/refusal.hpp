// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "templates/distribution.hpp"

namespace imgforge::templates {

/// A medium that is known by name and cannot be installed from, whatever row exists.
struct Refusal {
    std::string product;            ///< "FreeBSD", as its publisher writes it
    std::string reason;             ///< one sentence, without the product's name at its start
    std::vector<Detection> detect;  ///< any of these
};

/// The rows of templates/refusals.yaml, read once per process. Throws Failure::recipe with every error.
const std::vector<Refusal>& refusals();

/// Reads one such file, its patterns compiled when `check_patterns`.
std::vector<Refusal> load_refusals(const std::string& file, bool check_patterns);

}  // namespace imgforge::templates
