// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <archive.h>

#include <cstddef>
#include <exception>
#include <string>

namespace imgforge::seeds {

/// archive_write_callback of archive_write_open(3) whose client data is a std::string: what libarchive writes
/// is appended to it. Returns how many bytes were taken, -1 when memory ran out.
inline la_ssize_t append_to_text(struct archive*, void* sink, const void* bytes, std::size_t size) {
    try {
        static_cast<std::string*>(sink)->append(static_cast<const char*>(bytes), size);
        return static_cast<la_ssize_t>(size);
    } catch (const std::exception&) {
        return -1;  // no exception may cross libarchive
    }
}

}  // namespace imgforge::seeds
