// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/audit/block_locator.hpp"

#include <charconv>
#include <set>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/log.hpp"
#include "builder/guest/appliance_tool.hpp"
#include "builder/guest/guestfs_library.hpp"
#include "builder/image/partition_table.hpp"
#include "sysprep/audit/guest_tree.hpp"

namespace imgforge::sysprep::audit {

namespace {

constexpr std::size_t batch = 200;  // numbers per debugfs command line

template <class Value, class Convert>
std::map<std::uint64_t, Value> parse_table(const std::string& text, Convert convert) {
    std::map<std::uint64_t, Value> out;
    for (const std::string_view line : lines_of(text)) {
        const auto tab = line.find('\t');
        std::uint64_t key = 0;
        const auto [end, fault] = std::from_chars(line.data(), line.data() + line.size(), key);
        if (tab == std::string_view::npos || fault != std::errc() || end != line.data() + tab) {
            continue;  // headings and "<block not found>"
        }
        if (auto value = convert(line.substr(tab + 1))) {
            out.try_emplace(key, std::move(*value));
        }
    }
    return out;
}

/// Block size of an ext file system: s_log_block_size at byte 24 of the superblock (ext4 documentation,
/// "Super Block").
std::uint64_t block_size(const image::DiskView& view, std::uint64_t start) {
    std::string bytes;
    view.read(start + 1024 + 24, 1, bytes);
    const unsigned shift = bytes.empty() ? 99U : static_cast<unsigned char>(bytes[0]);
    return shift > 6 ? 0 : std::uint64_t{1024} << shift;
}

/// Only numbers and a device name of ours get into the line.
std::string debugfs(OfflineSession& session, std::string_view request, const std::set<std::uint64_t>& numbers,
                    const std::string& device) {
    std::string out;
    auto at = numbers.begin();
    while (at != numbers.end()) {
        std::string list;
        for (std::size_t i = 0; i < batch && at != numbers.end(); ++i, ++at) {
            list += fmt::format(" {}", *at);
        }
        const auto answer = guest::run_tool(
            *session.appliance,
            fmt::format("debugfs -R '{}{}' {} 2>/dev/null", request, list, guest::device_node(device)));
        if (!answer) {
            log::warn(fmt::format("blocks cannot be looked up in the appliance: {}",
                                  session.appliance->last_error()));
            return out;
        }
        out += *answer;
    }
    return out;
}

std::string mount_point_of(const OfflineSession& session, const std::string& device) {
    for (const auto& [mount_point, mounted] : session.os.mountpoints) {
        if (mounted == device) {
            return mount_point;
        }
    }
    return {};
}

}  // namespace

std::map<std::uint64_t, std::uint64_t> parse_icheck(const std::string& text) {
    return parse_table<std::uint64_t>(text, [](std::string_view value) -> std::optional<std::uint64_t> {
        std::uint64_t inode = 0;
        const auto [end, fault] = std::from_chars(value.data(), value.data() + value.size(), inode);
        return fault == std::errc() && end == value.data() + value.size() ? std::optional(inode)
                                                                          : std::nullopt;
    });
}

std::map<std::uint64_t, std::string> parse_ncheck(const std::string& text) {
    return parse_table<std::string>(text,
                                    [](std::string_view value) { return std::optional(std::string(value)); });
}

std::map<std::uint64_t, std::string> locate_files(OfflineSession& session, const image::DiskView& view,
                                                  const std::vector<std::uint64_t>& offsets) {
    std::map<std::uint64_t, std::string> out;
    if (offsets.empty()) {
        return out;
    }
    session.appliance->call("sync", [](guestfs_h* g) { return guestfs_sync(g); });
    const auto partitions = image::read_partitions(
        [&](std::uint64_t at, std::size_t size, std::string& bytes) { view.read(at, size, bytes); },
        view.size());
    for (const image::Partition& partition : partitions) {
        const std::uint64_t size = partition.file_system == "ext4" ? block_size(view, partition.start) : 0;
        const std::string device =
            partition.number == 0 ? "/dev/sda" : fmt::format("/dev/sda{}", partition.number);
        const std::string mount_point = mount_point_of(session, device);
        if (size == 0 || mount_point.empty()) {
            continue;
        }
        std::set<std::uint64_t> blocks;
        for (const std::uint64_t offset : offsets) {
            if (partition.contains(offset)) {
                blocks.insert((offset - partition.start) / size);
            }
        }
        const auto inodes = parse_icheck(debugfs(session, "icheck", blocks, device));
        std::set<std::uint64_t> wanted;
        for (const auto& [block, inode] : inodes) {
            wanted.insert(inode);
        }
        const auto names = parse_ncheck(debugfs(session, "ncheck", wanted, device));
        for (const std::uint64_t offset : offsets) {
            const auto inode =
                partition.contains(offset) ? inodes.find((offset - partition.start) / size) : inodes.end();
            const auto name = inode == inodes.end() ? names.end() : names.find(inode->second);
            if (name != names.end()) {
                out[offset] = mount_point == "/" ? name->second : mount_point + name->second;
            }
        }
    }
    return out;
}

}  // namespace imgforge::sysprep::audit
