// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "pipelines/store/store.hpp"

namespace imgforge::store {

/// Reads the headers of a generation's disk and of those it stands on, and compares the files they name with
/// what was published: a store may be another user's, and a disk replaced there must not lead QEMU to a file
/// of this host. Throws Failure::integrity naming both. A disk without a qcow2 header names nothing.
void require_own_chain(const Store& store, const Generation& generation);

}  // namespace imgforge::store
