// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/targets/windows.hpp"

#include <zstd.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/image/backing_chain.hpp"

namespace imgforge::targets {
namespace {

constexpr int compression_level = 3;

}  // namespace

WindowedDisk::WindowedDisk(ProcessRunner& runner, const std::filesystem::path& disk,
                           const std::filesystem::path& work_folder)
    : view_(runner, image::read_backing_chain(disk, image::DiskFormat::qcow2), work_folder) {
    for (const image::ByteRange& range : view_.data()) {
        std::uint64_t number = range.start / window_size;
        if (!numbers_.empty()) {
            number = std::max(number, numbers_.back() + 1);
        }
        for (; number * window_size < range.end(); ++number) {
            numbers_.push_back(number);
        }
    }
}

std::string WindowedDisk::read(std::uint64_t number) const {
    std::string bytes;
    view_.read(number * window_size, window_size, bytes);
    return bytes;
}

bool is_all_zero(std::string_view bytes) {
    return bytes.find_first_not_of('\0') == std::string_view::npos;
}

std::vector<Window> hashed_windows(const WindowedDisk& disk, Activity& activity) {
    const std::vector<std::uint64_t>& numbers = disk.numbers();
    std::vector<Window> windows(numbers.size());
    std::atomic<std::size_t> done{0};
    std::mutex mutex;
    in_parallel(std::min(4U, std::max(1U, std::thread::hardware_concurrency())), numbers.size(),
                [&](std::size_t, std::size_t i) {
                    const std::string bytes = disk.read(numbers[i]);
                    windows[i].number = numbers[i];
                    windows[i].sha256 = is_all_zero(bytes) ? std::string() : sha256_hex(bytes);
                    const std::lock_guard lock(mutex);
                    activity.progress(static_cast<double>(++done), static_cast<double>(numbers.size()),
                                      "items");
                });
    std::erase_if(windows, [](const Window& window) { return window.sha256.empty(); });
    return windows;
}

std::string compressed(std::string_view bytes) {
    std::string out(ZSTD_compressBound(bytes.size()), '\0');
    const std::size_t size =
        ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), compression_level);
    if (ZSTD_isError(size) != 0) {
        throw Error(Failure::tool, fmt::format("zstd: {}", ZSTD_getErrorName(size)));
    }
    out.resize(size);
    return out;
}

std::string uncompressed(std::string_view bytes, std::string_view name) {
    std::string out(window_size, '\0');
    const std::size_t size = ZSTD_decompress(out.data(), out.size(), bytes.data(), bytes.size());
    if (ZSTD_isError(size) != 0) {
        throw Error(Failure::integrity,
                    fmt::format("window {} is damaged: {}", name, ZSTD_getErrorName(size)),
                    "nothing of it was used");
    }
    out.resize(size);
    return out;
}

void in_parallel(std::size_t workers, std::size_t count,
                 const std::function<void(std::size_t, std::size_t)>& body) {
    std::atomic<std::size_t> next{0};
    std::atomic<bool> stop{false};
    std::mutex mutex;
    std::exception_ptr first;
    const auto work = [&](std::size_t worker) {
        try {
            for (std::size_t i = next++; i < count && !stop; i = next++) {
                interrupt::check();
                body(worker, i);
            }
        } catch (...) {
            const std::lock_guard lock(mutex);
            first = first ? first : std::current_exception();
            stop = true;
        }
    };
    std::vector<std::thread> threads;
    for (std::size_t worker = 1; worker < std::min(workers, count); ++worker) {
        threads.emplace_back(work, worker);
    }
    work(0);
    for (std::thread& thread : threads) {
        thread.join();
    }
    if (first) {
        std::rethrow_exception(first);
    }
}

}  // namespace imgforge::targets
