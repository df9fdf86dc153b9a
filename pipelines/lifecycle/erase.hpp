// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "pipelines/lifecycle/lifecycle.hpp"

namespace imgforge::lifecycle {

/// Stops and undefines the domain, however it is reached, and gives back what libvirt reserved for it.
/// Missing is fine. Throws when the daemon that holds it does not answer: then it must not be forgotten.
void erase_domain(Lifecycle& lifecycle, const MachineRecord& record);

/// Everything of the machine: domain, files, references, and in the end its reservation. Missing parts are
/// fine.
void erase_machine(Lifecycle& lifecycle, const MachineRecord& record);

/// Disks, seed and domain files, on whichever host; the directory keeps instance.json and the console log
/// when `keep_record`.
void erase_files(Lifecycle& lifecycle, const MachineRecord& record, bool keep_record);

}  // namespace imgforge::lifecycle
