// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "builder/base/monitor.hpp"
#include "builder/base/process.hpp"
#include "builder/image/disk_view.hpp"
#include "pipelines/store/generation.hpp"
#include "pipelines/targets/folder_format.hpp"

namespace imgforge::targets {

/// A disk of the store, read window by window from any thread.
class WindowedDisk {
public:
    /// `work_folder` takes unpacked clusters of compressed disks.
    WindowedDisk(ProcessRunner& runner, const std::filesystem::path& disk,
                 const std::filesystem::path& work_folder);

    ByteSize virtual_size() const { return ByteSize::bytes(view_.size()); }
    /// Numbers of the windows that hold data; some of them may still be all zeros.
    const std::vector<std::uint64_t>& numbers() const { return numbers_; }
    /// The plain bytes; the last window of a disk may be short.
    std::string read(std::uint64_t number) const;

private:
    image::DiskView view_;
    std::vector<std::uint64_t> numbers_;
};

bool is_all_zero(std::string_view bytes);

/// Digest of each window with data; windows of zeros are left out. `stored` stays 0.
std::vector<Window> hashed_windows(const WindowedDisk& disk, Activity& activity);

std::string compressed(std::string_view bytes);
/// Throws Failure::integrity, with `name`, for what is damaged or larger than a window.
std::string uncompressed(std::string_view bytes, std::string_view name);

/// Calls `body(worker, i)` for 0…count-1 from `workers` threads; the first exception is thrown at the end and
/// stops the others early.
void in_parallel(std::size_t workers, std::size_t count,
                 const std::function<void(std::size_t worker, std::size_t i)>& body);

}  // namespace imgforge::targets
