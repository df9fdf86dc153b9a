// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>

#include "builder/base/monitor.hpp"
#include "pipelines/exchange/export.hpp"

namespace imgforge::exchange {

/// The OVF 1.0 descriptor of a machine with this one disk (2 processors, 2 GiB, one network card), which the
/// importing product may change. `disk_file` is its name in the package, `disk_size` its size in bytes.
std::string ovf_descriptor(const ExportDisk& disk, const std::string& disk_file, std::uint64_t disk_size);

/// Writes an OVA: descriptor, SHA-256 manifest, streamOptimized disk, in the order that DSP0243 demands, and
/// checks what can be read from it against the disk.
void write_ova(const ExportDisk& disk, const std::filesystem::path& target, const ExportServices& services,
               Activity& activity);

}  // namespace imgforge::exchange
