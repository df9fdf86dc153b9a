// SPDX-License-Identifier: GPL-3.0-or-later
// The one function that libarchive's ustar writer takes out of archive_write_set_format.c. That file names
// the writers of all formats, so linking it statically would bring libxml2, nettle, liblzma and bzip2 into a
// program that writes a tar of four small files.
#include <archive.h>
#include <archive_entry.h>

#include <cerrno>

// NOLINTNEXTLINE(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): libarchive's own name
extern "C" void __archive_write_entry_filetype_unsupported(struct archive* archive,
                                                           struct archive_entry* entry, const char* format);

// NOLINTNEXTLINE(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
extern "C" void __archive_write_entry_filetype_unsupported(struct archive* archive,
                                                           struct archive_entry* entry, const char* format) {
    archive_set_error(archive, EILSEQ, "%s: file type %o is not supported", format,
                      static_cast<unsigned>(archive_entry_filetype(entry)));
}
