// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace imgforge::store {

/// The few header fields of a qcow2 file that the store checks without starting a program (qemu docs/interop/qcow2.txt).
struct Qcow2Header {
    int version = 0;
    std::uint64_t virtual_size = 0;  ///< bytes
    int snapshots = 0;               ///< internal snapshots; a generation has none
    std::string backing_name;        ///< as written in the file, empty if none
    std::string backing_format;      ///< header extension 0xE2792ACA; empty if not stated
};

/// Nothing when the file is missing or is no qcow2. Never follows the backing name.
std::optional<Qcow2Header> read_qcow2_header(const std::filesystem::path& file);

/// Backing file of `file` as a normal absolute path; nothing when it has none or is no qcow2.
std::optional<std::filesystem::path> backing_file(const std::filesystem::path& file);

}  // namespace imgforge::store
