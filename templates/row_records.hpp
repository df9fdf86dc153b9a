// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "templates/distribution.hpp"
#include "templates/row_reader.hpp"

namespace imgforge::templates {

Detection read_detection(RowReader& row);

/// Lays one file's keys over `out`: texts and numbers replace, questions, failures and stalls go before what
/// is there. Errors are added to the reader's diagnostics.
void read_row(RowReader& row, Distribution& out);

}  // namespace imgforge::templates
