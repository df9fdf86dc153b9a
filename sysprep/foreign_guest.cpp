// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/foreign_guest.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/image/qemu_img.hpp"

namespace imgforge::sysprep {

namespace {

using namespace std::string_view_literals;

bool is_linux(const image::Partition& partition) {
    static constexpr std::array<std::string_view, 6> systems{"ext4", "xfs", "btrfs", "swap", "LVM2", "LUKS"};
    // Linux, LVM, RAID; and of GPT: Linux data, root of x86-64, LVM, RAID.
    static constexpr std::array<std::string_view, 7> types{"0x83",
                                                           "0x8e",
                                                           "0xfd",
                                                           "0fc63daf-8483-4772-8e79-3d69d8477de4",
                                                           "4f68bce3-e8cd-4db1-96e7-fbcaf984b709",
                                                           "e6d6d379-f507-44c2-a23c-238f2a3df928",
                                                           "a19d880f-05fc-4d3b-a006-743f0f84911e"};
    return std::find(systems.begin(), systems.end(), partition.file_system) != systems.end() ||
           std::find(types.begin(), types.end(), partition.type) != types.end();
}

std::string bytes_at(const image::DiskReader& read, std::uint64_t offset, std::size_t length) {
    std::string out;
    read(offset, length, out);
    return out;
}

/// Pieces of the virtual disk, each read once.
class Head {
public:
    Head(std::filesystem::path image, image::DiskFormat format, const std::filesystem::path& folder,
         ProcessRunner& processes)
        : image_(std::move(image)), format_(format), work_("imgforge-head", folder), processes_(processes) {}

    void read(std::uint64_t offset, std::size_t length, std::string& out) {
        out.clear();
        while (out.size() < length) {
            const std::uint64_t at = offset + out.size();
            const std::string& piece = piece_at(at / piece_bytes);
            const std::size_t start = at % piece_bytes;
            if (start >= piece.size()) {
                return;
            }
            out += piece.substr(start, length - out.size());
        }
    }

private:
    static constexpr std::size_t piece_bytes = 128U << 10U;

    const std::string& piece_at(std::uint64_t number) {
        const auto known = pieces_.find(number);
        if (known != pieces_.end()) {
            return known->second;
        }
        const std::filesystem::path file = work_ / "piece";
        std::filesystem::remove(file);
        run_checked(processes_,
                    {.program = "qemu-img",
                     .args = {"dd", "-U", "-f", std::string(image::to_string(format_)), "-O", "raw",
                              fmt::format("bs={}", piece_bytes), "count=1", fmt::format("skip={}", number),
                              "if=" + image_.string(), "of=" + file.string()}});
        return pieces_[number] = read_file(file, piece_bytes);
    }

    std::filesystem::path image_;
    image::DiskFormat format_;
    TempDir work_;
    ProcessRunner& processes_;
    std::map<std::uint64_t, std::string> pieces_{};
};

}  // namespace

std::string foreign_guest(const image::DiskReader& read, std::uint64_t disk_size) {
    const std::vector<image::Partition> partitions = image::read_partitions(read, disk_size);
    bool ntfs = false;
    for (const image::Partition& partition : partitions) {
        constexpr std::uint64_t label = 1024 + 120;  // s_volume_name of ext4's superblock
        if (partition.file_system == "ext4" && bytes_at(read, partition.start + label, 4) == "USR-"sv) {
            return "CoreOS and Container Linux guests are not supported: their system is a read-only image";
        }
        const std::string head = bytes_at(read, partition.start + 3, 8);
        ntfs = ntfs || head == "NTFS    "sv || head == "-FVE-FS-"sv;
    }
    return ntfs && std::none_of(partitions.begin(), partitions.end(), is_linux)
               ? "Windows guests are not supported"
               : "";
}

void refuse_foreign_guest(const std::filesystem::path& image, image::DiskFormat format,
                          const std::filesystem::path& work_folder, ProcessRunner& processes) {
    std::string sentence;
    try {
        const std::uint64_t size =
            image::qemu_img::read_info(processes, image, format, true).virtual_size.in_bytes();
        Head head(std::filesystem::absolute(image), format, work_folder, processes);
        sentence = foreign_guest([&](std::uint64_t offset, std::size_t length,
                                     std::string& out) { head.read(offset, length, out); },
                                 size);
    } catch (const Error&) {
        return;
    }
    if (!sentence.empty()) {
        throw Error(Failure::guest, sentence);
    }
}

}  // namespace imgforge::sysprep
