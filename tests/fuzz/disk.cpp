// SPDX-License-Identifier: GPL-3.0-or-later
// LIBS: imgforge_image
// FILES: builder/guest/superblock.cpp
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/guest/superblock.hpp"
#include "builder/image/partition_table.hpp"
#include "builder/image/qcow2_header.hpp"

/// A disk from a stranger, read as a qcow2 file, as a partitioned disk and as a file system.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const imgforge::Fd file(::memfd_create("disk", MFD_CLOEXEC));
    imgforge::write_all(file.get(), bytes, "disk");
    try {
        const auto header = imgforge::image::read_qcow2_header("/proc/self/fd/" + std::to_string(file.get()));
        if (header.version != 2 && header.version != 3) {
            std::abort();
        }
    } catch (const imgforge::Error&) {
        // refused with a reason
    }
    const auto read = [&](std::uint64_t offset, std::size_t length, std::string& out) {
        out = std::string(offset < bytes.size() ? bytes.substr(offset, length) : std::string_view());
    };
    for (const auto& partition : imgforge::image::read_partitions(read, size)) {
        if (partition.start > size || partition.length > size - partition.start) {
            std::abort();  // entries that leave the disk are dropped
        }
    }
    static_cast<void>(imgforge::image::file_system_at(read, 0));
    static_cast<void>(imgforge::guest::probe_superblock(bytes));
    return 0;
}
