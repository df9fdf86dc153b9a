// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "builder/base/byte_size.hpp"
#include "builder/base/process.hpp"
#include "builder/image/disk_format.hpp"

/// qemu-img(1): pure functions that give the command line, and parsers of its JSON (qemu 7.2 and later).
/// Formats are always stated.
namespace imgforge::image::qemu_img {

/// `looking`: -U, do not take locks; only for reading facts of an image that may be in use.
ProcessSpec info(const std::filesystem::path& image, DiskFormat format, bool backing_chain = false,
                 bool looking = false);
ProcessSpec create(const std::filesystem::path& image, DiskFormat format, ByteSize size,
                   const std::vector<std::string>& options = {});
ProcessSpec create_overlay(const std::filesystem::path& overlay, const std::string& backing_name,
                           DiskFormat backing_format, std::optional<ByteSize> size = {});
ProcessSpec resize(const std::filesystem::path& image, DiskFormat format, ByteSize size, bool shrink = false);
ProcessSpec check(const std::filesystem::path& image, DiskFormat format, bool looking = false);
/// Changes only what the header says of the backing file.
ProcessSpec rebase_unsafe(const std::filesystem::path& image, const std::string& backing_name,
                          DiskFormat backing_format);
/// Removes the backing file by copying what is missing (`consolidate`).
ProcessSpec rebase_standalone(const std::filesystem::path& image);
ProcessSpec commit(const std::filesystem::path& overlay);
ProcessSpec measure(const std::filesystem::path& image, DiskFormat format, DiskFormat target);
ProcessSpec map(const std::filesystem::path& image, DiskFormat format, bool looking = false);
ProcessSpec compare(const std::filesystem::path& a, DiskFormat a_format, const std::filesystem::path& b,
                    DiskFormat b_format);

enum class Compression { none, zlib, zstd };
std::string_view to_string(Compression compression);

struct ConvertSpec {
    std::filesystem::path from;
    DiskFormat from_format = DiskFormat::qcow2;
    std::filesystem::path to;
    DiskFormat to_format = DiskFormat::qcow2;
    Compression compression = Compression::none;  ///< clusters of a qcow2 target
    std::vector<std::string> options{};           ///< further `-o name=value` of the target
    int coroutines = 8;                           ///< 1…16
    bool progress = true;                         ///< -p
    std::chrono::milliseconds timeout{std::chrono::hours(4)};
};
/// Out of order writing (-W) only for targets that stay compact with it: raw, and compressed qcow2.
ProcessSpec convert(const ConvertSpec& spec);

/// One image as `info` reports it.
struct ImageInfo {
    std::filesystem::path file;
    std::string format;
    ByteSize virtual_size{};
    ByteSize actual_size{};
    std::optional<std::string> backing_file{};  ///< as written
    std::optional<std::filesystem::path> full_backing_file{};
    std::optional<std::string> backing_format{};
    std::uint64_t cluster_size = 0;
    std::string compression_type{};
    bool dirty = false;
    bool corrupt = false;
    bool encrypted = false;
    std::vector<std::string> snapshots{};
    std::vector<std::string> bitmaps{};
};
/// Top first; one element unless the whole chain was asked for. Throws Failure::tool on text that is not
/// qemu-img's.
std::vector<ImageInfo> parse_info(std::string_view json);

struct CheckResult {
    std::int64_t corruptions = 0;
    std::int64_t leaks = 0;
    std::int64_t errors = 0;
    std::uint64_t image_end = 0;
    std::uint64_t allocated_clusters = 0;
    std::uint64_t total_clusters = 0;
    std::uint64_t compressed_clusters = 0;
    bool clean() const { return corruptions == 0 && leaks == 0 && errors == 0; }
};
CheckResult parse_check(std::string_view json);

struct Measure {
    ByteSize required{};
    ByteSize fully_allocated{};
};
Measure parse_measure(std::string_view json);

/// A run of the virtual disk.
struct Extent {
    std::uint64_t start = 0;  ///< in the virtual disk
    std::uint64_t length = 0;
    int depth = 0;      ///< 0 = the top image
    bool data = false;  ///< false: reads as zeros
    bool zero = false;
    /// Where the bytes lie in the image file at `depth`; nothing for compressed or encrypted clusters.
    std::optional<std::uint64_t> offset{};
};
std::vector<Extent> parse_map(std::string_view json);

/// "    (12.34/100%)" of -p, as a number 0…100; nothing for other lines.
std::optional<double> parse_progress(std::string_view line);

ImageInfo read_info(ProcessRunner& runner, const std::filesystem::path& image, DiskFormat format,
                    bool looking = false);
/// Runs `check`; damaged images are a result, not an error. Formats without a check (raw) are always clean.
CheckResult run_check(ProcessRunner& runner, const std::filesystem::path& image, DiskFormat format,
                      bool looking = false);
/// Runs convert with progress 0…100; removes an unfinished target on failure.
void run_convert(ProcessRunner& runner, const ConvertSpec& spec,
                 const std::function<void(double percent)>& progress = {});

}  // namespace imgforge::image::qemu_img
