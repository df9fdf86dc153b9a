// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "sysprep/operation.hpp"

namespace imgforge::sysprep {

/// All operations, in the order of the manual (the runner sorts by `order`).
std::vector<Operation> all_operations();

/// A row of the specification that no operation covers, with the reason.
struct RowException {
    std::string row;
    std::string reason;
};
const std::vector<RowException>& row_exceptions();

}  // namespace imgforge::sysprep
