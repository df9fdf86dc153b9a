// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/image/disk_format.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"

namespace imgforge::image {

namespace {

constexpr std::array<std::pair<DiskFormat, std::string_view>, 5> format_names{{
    {DiskFormat::raw, "raw"},
    {DiskFormat::qcow2, "qcow2"},
    {DiskFormat::vmdk, "vmdk"},
    {DiskFormat::vhdx, "vhdx"},
    {DiskFormat::vdi, "vdi"},
}};

}  // namespace

std::string_view to_string(DiskFormat format) {
    for (const auto& [value, name] : format_names) {
        if (value == format) {
            return name;
        }
    }
    return "raw";
}

std::optional<DiskFormat> disk_format_named(std::string_view name) {
    for (const auto& [value, known] : format_names) {
        if (known == name) {
            return value;
        }
    }
    return std::nullopt;
}

DiskFormat parse_disk_format(std::string_view name) {
    if (const auto format = disk_format_named(name)) {
        return *format;
    }
    throw Error(Failure::usage, fmt::format("unknown disk format '{}'", name),
                "one of raw, qcow2, vmdk, vhdx, vdi");
}

std::string_view file_extension(DiskFormat format) {
    switch (format) {
        case DiskFormat::raw: return ".raw";
        case DiskFormat::qcow2: return ".qcow2";
        case DiskFormat::vmdk: return ".vmdk";
        case DiskFormat::vhdx: return ".vhdx";
        case DiskFormat::vdi: return ".vdi";
    }
    return "";
}

const std::vector<std::string_view>& disk_format_names() {
    static const std::vector<std::string_view> all{"raw", "qcow2", "vmdk", "vhdx", "vdi"};
    return all;
}

DiskFormat sniff_disk_format(const std::filesystem::path& file) {
    const Fd fd = open_fd(file, O_RDONLY);
    std::array<char, 128> head{};
    const ssize_t got = ::pread(fd.get(), head.data(), head.size(), 0);
    if (got < 0) {
        throw system_error("read", file.string(), errno);
    }
    const std::string_view bytes(head.data(), static_cast<std::size_t>(got));
    using namespace std::string_view_literals;
    if (bytes.starts_with("QFI\xfb"sv)) {
        return DiskFormat::qcow2;
    }
    if (bytes.starts_with("KDMV"sv) || bytes.starts_with("COWD"sv) ||
        bytes.starts_with("# Disk DescriptorFile"sv)) {
        return DiskFormat::vmdk;
    }
    if (bytes.starts_with("vhdxfile"sv)) {
        return DiskFormat::vhdx;
    }
    // VDI: 64 bytes of free text, then the signature 0xbeda107f little endian (qemu block/vdi.c).
    if (bytes.size() > 68 && bytes.substr(64, 4) == "\x7f\x10\xda\xbe"sv) {
        return DiskFormat::vdi;
    }
    return DiskFormat::raw;
}

}  // namespace imgforge::image
