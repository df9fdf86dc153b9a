// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "builder/base/byte_size.hpp"

namespace imgforge::image {

/// What a qcow2 file says of itself, read from its header without starting qemu (QEMU's
/// docs/interop/qcow2.txt). Every string comes from the file and is untrusted.
struct Qcow2Header {
    std::uint32_t version = 3;
    std::uint32_t cluster_bits = 16;
    ByteSize virtual_size{};
    std::uint32_t crypt_method = 0;  ///< 0 none, 1 AES, 2 LUKS
    std::uint32_t snapshot_count = 0;
    std::uint64_t incompatible_features = 0;
    std::optional<std::string> backing_file{};    ///< as written in the header
    std::optional<std::string> backing_format{};  ///< as written; nothing when the header does not say
    std::optional<std::string> data_file{};       ///< name of the external data file, if it has one
    std::uint32_t bitmap_count = 0;

    bool dirty() const { return (incompatible_features & 1U) != 0; }
    bool corrupt() const { return (incompatible_features & 2U) != 0; }
    bool has_data_file() const { return (incompatible_features & 4U) != 0; }
};

/// Reads and checks it. Throws Failure::integrity naming the file when it is not a qcow2 version 2 or 3 or
/// contradicts itself.
Qcow2Header read_qcow2_header(const std::filesystem::path& file);

}  // namespace imgforge::image
