// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace imgforge::virt {

/// What stands before the memory in a file written by virDomainSave: a header of 92 bytes (magic
/// "LibvirtQemudSave", then version, data length, was-running, compression, cookie offset and 14 unused
/// words, all in the byte order of the host), `data length` bytes holding the NUL-terminated domain XML and
/// libvirt's cookie, then QEMU's migration stream (libvirt's src/qemu/qemu_saveimage.h).
struct SaveImageHead {
    std::string xml;
    std::string cookie{};             ///< empty: none
    bool was_running = true;          ///< the domain runs as soon as it is restored
    std::uint32_t compression = 0;    ///< 0: raw, the only kind that is restored without another program
    std::uint64_t stream_offset = 0;  ///< where the memory begins
};

/// Reads the head at the start of `bytes`, which may end anywhere after it. Throws Failure::integrity saying
/// what is wrong; nothing of the file is trusted.
SaveImageHead read_save_image_head(std::string_view bytes);

/// The bytes of a head that is exactly `head.stream_offset` long, filled up with zeros. Throws Failure::tool
/// when XML and cookie do not fit in it.
std::string save_image_head_bytes(const SaveImageHead& head);

/// The head of a file.
SaveImageHead read_save_image_head_of(const std::filesystem::path& file);

/// Copies a memory image and gives the copy another head. Where `head.stream_offset` is the source's own, a
/// file system with reflinks copies no memory. The copy is for use at once: it is not flushed. Mode 0600;
/// replaces `to`. On failure `to` may be left half made.
void copy_save_image(const std::filesystem::path& from, const std::filesystem::path& to,
                     const SaveImageHead& head);

}  // namespace imgforge::virt
