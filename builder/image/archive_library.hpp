// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include "builder/base/lazy_library.hpp"

namespace imgforge {

/// Include this in place of libarchive's headers: the library is loaded by the first call (LazyFunction),
/// because it brings libxml2, ICU and nine more along. Only seeds/, which writes small archives, links it.
inline constinit const LazyLibrary archive_library{"libarchive.so.13", "libarchive13", "Reading an archive"};

IMGFORGE_LAZY(archive_library, archive_entry_filetype);
IMGFORGE_LAZY(archive_library, archive_entry_free);
IMGFORGE_LAZY(archive_library, archive_entry_gid);
IMGFORGE_LAZY(archive_library, archive_entry_hardlink);
IMGFORGE_LAZY(archive_library, archive_entry_mtime);
IMGFORGE_LAZY(archive_library, archive_entry_new);
IMGFORGE_LAZY(archive_library, archive_entry_nlink);
IMGFORGE_LAZY(archive_library, archive_entry_pathname);
IMGFORGE_LAZY(archive_library, archive_entry_pathname_utf8);
IMGFORGE_LAZY(archive_library, archive_entry_perm);
IMGFORGE_LAZY(archive_library, archive_entry_rdevmajor);
IMGFORGE_LAZY(archive_library, archive_entry_rdevminor);
IMGFORGE_LAZY(archive_library, archive_entry_set_filetype);
IMGFORGE_LAZY(archive_library, archive_entry_set_gid);
IMGFORGE_LAZY(archive_library, archive_entry_set_ino64);
IMGFORGE_LAZY(archive_library, archive_entry_set_mtime);
IMGFORGE_LAZY(archive_library, archive_entry_set_nlink);
IMGFORGE_LAZY(archive_library, archive_entry_set_pathname);
IMGFORGE_LAZY(archive_library, archive_entry_set_perm);
IMGFORGE_LAZY(archive_library, archive_entry_set_rdevmajor);
IMGFORGE_LAZY(archive_library, archive_entry_set_rdevminor);
IMGFORGE_LAZY(archive_library, archive_entry_set_size);
IMGFORGE_LAZY(archive_library, archive_entry_set_symlink);
IMGFORGE_LAZY(archive_library, archive_entry_set_uid);
IMGFORGE_LAZY(archive_library, archive_entry_size);
IMGFORGE_LAZY(archive_library, archive_entry_size_is_set);
IMGFORGE_LAZY(archive_library, archive_entry_symlink);
IMGFORGE_LAZY(archive_library, archive_entry_uid);
IMGFORGE_LAZY(archive_library, archive_entry_xattr_next);
IMGFORGE_LAZY(archive_library, archive_entry_xattr_reset);
IMGFORGE_LAZY(archive_library, archive_errno);
IMGFORGE_LAZY(archive_library, archive_error_string);
IMGFORGE_LAZY(archive_library, archive_filter_bytes);
IMGFORGE_LAZY(archive_library, archive_filter_code);
IMGFORGE_LAZY(archive_library, archive_filter_count);
IMGFORGE_LAZY(archive_library, archive_format);
IMGFORGE_LAZY(archive_library, archive_read_data);
IMGFORGE_LAZY(archive_library, archive_read_data_block);
IMGFORGE_LAZY(archive_library, archive_read_data_into_fd);
IMGFORGE_LAZY(archive_library, archive_read_free);
IMGFORGE_LAZY(archive_library, archive_read_new);
IMGFORGE_LAZY(archive_library, archive_read_next_header);
IMGFORGE_LAZY(archive_library, archive_read_open);
IMGFORGE_LAZY(archive_library, archive_read_open_fd);
IMGFORGE_LAZY(archive_library, archive_read_open_filename);
IMGFORGE_LAZY(archive_library, archive_read_open_memory);
IMGFORGE_LAZY(archive_library, archive_read_support_filter_all);
IMGFORGE_LAZY(archive_library, archive_read_support_filter_bzip2);
IMGFORGE_LAZY(archive_library, archive_read_support_filter_gzip);
IMGFORGE_LAZY(archive_library, archive_read_support_filter_xz);
IMGFORGE_LAZY(archive_library, archive_read_support_filter_zstd);
IMGFORGE_LAZY(archive_library, archive_read_support_format_all);
IMGFORGE_LAZY(archive_library, archive_read_support_format_ar);
IMGFORGE_LAZY(archive_library, archive_read_support_format_cpio);
IMGFORGE_LAZY(archive_library, archive_read_support_format_raw);
IMGFORGE_LAZY(archive_library, archive_read_support_format_tar);
IMGFORGE_LAZY(archive_library, archive_write_add_filter_gzip);
IMGFORGE_LAZY(archive_library, archive_write_add_filter_none);
IMGFORGE_LAZY(archive_library, archive_write_close);
IMGFORGE_LAZY(archive_library, archive_write_data);
IMGFORGE_LAZY(archive_library, archive_write_free);
IMGFORGE_LAZY(archive_library, archive_write_header);
IMGFORGE_LAZY(archive_library, archive_write_new);
IMGFORGE_LAZY(archive_library, archive_write_open);
IMGFORGE_LAZY(archive_library, archive_write_open_filename);
IMGFORGE_LAZY(archive_library, archive_write_set_bytes_in_last_block);
IMGFORGE_LAZY(archive_library, archive_write_set_bytes_per_block);
IMGFORGE_LAZY(archive_library, archive_write_set_filter_option);
IMGFORGE_LAZY(archive_library, archive_write_set_format_cpio_newc);
IMGFORGE_LAZY(archive_library, archive_write_set_format_pax_restricted);
IMGFORGE_LAZY(archive_library, archive_write_set_format_raw);

}  // namespace imgforge
