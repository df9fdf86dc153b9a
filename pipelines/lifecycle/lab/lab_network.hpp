// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "pipelines/lifecycle/connection_pool.hpp"
#include "pipelines/lifecycle/lab/lab_file.hpp"

namespace imgforge::lifecycle {

/// libvirt networks of a lab: those missing are made, those there are started; true when
/// one was made. Throws Failure::host on the embedded driver, which has none.
bool provide_network(ConnectionPool& connections, const LabNetwork& network);
/// Missing is fine: false.
bool remove_network(ConnectionPool& connections, const LabNetwork& network);

}  // namespace imgforge::lifecycle
