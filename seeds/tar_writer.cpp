// SPDX-License-Identifier: GPL-3.0-or-later
#include <archive.h>
#include <archive_entry.h>

#include "builder/base/error.hpp"
#include "builder/base/handle.hpp"
#include "seeds/archive_sink.hpp"
#include "seeds/seed.hpp"

namespace imgforge::seeds {

std::string seed_tar(const SeedFiles& files, std::int64_t epoch) {
    std::string out;
    const auto check = [](int state, struct archive* writer) {
        if (state != ARCHIVE_OK) {
            throw Error(Failure::tool, std::string("libarchive: ") + ::archive_error_string(writer));
        }
    };
    const Handle<struct archive, ::archive_write_free> writer(::archive_write_new());
    check(::archive_write_set_format_ustar(writer.get()), writer.get());
    check(::archive_write_open(writer.get(), &out, nullptr, append_to_text, nullptr), writer.get());
    for (const auto& [path, bytes] : files) {
        const Handle<struct archive_entry, ::archive_entry_free> entry(::archive_entry_new());
        ::archive_entry_set_pathname(entry.get(), path.c_str());
        ::archive_entry_set_filetype(entry.get(), AE_IFREG);
        ::archive_entry_set_perm(entry.get(), 0600);
        ::archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes.size()));
        ::archive_entry_set_mtime(entry.get(), static_cast<time_t>(epoch), 0);
        check(::archive_write_header(writer.get(), entry.get()), writer.get());
        if (::archive_write_data(writer.get(), bytes.data(), bytes.size()) !=
            static_cast<la_ssize_t>(bytes.size())) {
            check(ARCHIVE_FATAL, writer.get());
        }
    }
    check(::archive_write_close(writer.get()), writer.get());
    return out;
}

}  // namespace imgforge::seeds
