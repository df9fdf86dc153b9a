// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/base/byte_size.hpp"
#include "builder/base/json.hpp"
#include "builder/base/monitor.hpp"
#include "builder/base/process.hpp"

namespace imgforge::exchange {

/// What leaves the store.
enum class ExportFormat { qcow2, raw, vmdk, vhdx, vpc, vdi, ova, containerdisk, rootfs };

std::string_view to_string(ExportFormat format);
/// Throws Failure::usage listing the formats.
ExportFormat parse_export_format(std::string_view name);
const std::vector<std::string_view>& export_format_names();

/// A disk to export: a generation, or the disk a recipe has built.
struct ExportDisk {
    std::filesystem::path disk;  ///< qcow2, with a chain of stated formats or standalone; only read
    std::string name;            ///< "debian12"; a safe file name
    std::string tag;             ///< number of the generation, or "latest"
    std::string arch;            ///< empty: that of this host
    ByteSize virtual_size{};
    bool standalone = false;  ///< no backing file
};

/// Writes the guest's root file system as a tar to the file. From above, since it needs the appliance.
using WriteRootfs = std::function<void(const std::filesystem::path& disk, const std::filesystem::path& tar)>;

struct ExportServices {
    ProcessRunner& processes;
    Monitor& monitor;
    std::filesystem::path work_folder;  ///< for parts of archives; on a disk with room for the image
    WriteRootfs write_rootfs{};
    std::uint64_t activity = 0;
};

struct ExportOptions {
    bool compat = false;  ///< qcow2 with zlib clusters for QEMU before 5.1 and other readers
    bool force = false;   ///< replace an existing regular file
};

/// One finished file.
struct ExportFile {
    std::filesystem::path path;
    ExportFormat format = ExportFormat::qcow2;
    std::string sha256;
    std::uint64_t size = 0;
};

/// "debian12-7.qcow2", "debian12-7.oci.tar" …
std::string export_file_name(const ExportDisk& disk, ExportFormat format);

/// Writes one standalone file, reads it back and compares it with the disk, and only then lets it appear
/// under its name. Throws Failure::usage when the file exists without `force` or is not a regular file,
/// Failure::integrity when what was written reads differently.
ExportFile export_disk(const ExportDisk& disk, ExportFormat format, const std::filesystem::path& output,
                       const ExportOptions& options, const ExportServices& services);

/// {files: [{path, format, sha256, size}]}
Json export_record(const std::vector<ExportFile>& files);

}  // namespace imgforge::exchange
