// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/exchange/tar_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/handle.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/image/archive_library.hpp"

namespace fs = std::filesystem;

namespace imgforge::exchange {
namespace {

constexpr std::size_t tar_block = 1U << 20U;

std::string words_of(archive* handle) {
    const char* const words = archive_error_string(handle);
    return words != nullptr ? words : "unknown reason";
}

}  // namespace

struct TarWriter::State {
    std::string name;
    Handle<archive, &archive_write_free> writer{archive_write_new()};

    [[noreturn]] void fail() const {
        const int code = archive_errno(writer.get());
        if (code > 0) {
            throw system_error("write", name, code);
        }
        throw Error(Failure::tool, fmt::format("cannot write {}: {}", name, words_of(writer.get())));
    }
};

TarWriter::TarWriter(const fs::path& file) : state_(std::make_unique<State>()) {
    state_->name = file.string();
    archive* const writer = state_->writer.get();
    if (archive_write_set_format_pax_restricted(writer) != ARCHIVE_OK ||
        archive_write_set_bytes_per_block(writer, 512) != ARCHIVE_OK ||
        archive_write_open_filename(writer, file.c_str()) != ARCHIVE_OK) {
        state_->fail();
    }
}

TarWriter::~TarWriter() = default;

void TarWriter::begin(const TarMember& member, std::uint64_t size, bool folder) {
    const Handle<archive_entry, &archive_entry_free> entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), member.name.c_str());
    archive_entry_set_filetype(entry.get(), folder ? AE_IFDIR : AE_IFREG);
    archive_entry_set_perm(entry.get(), member.mode);
    archive_entry_set_uid(entry.get(), member.owner);
    archive_entry_set_gid(entry.get(), member.owner);
    archive_entry_set_mtime(entry.get(), 0, 0);
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(size));
    if (archive_write_header(state_->writer.get(), entry.get()) != ARCHIVE_OK) {
        state_->fail();
    }
}

void TarWriter::data(std::string_view bytes) {
    while (!bytes.empty()) {
        const la_ssize_t put = archive_write_data(state_->writer.get(), bytes.data(), bytes.size());
        if (put <= 0) {
            state_->fail();
        }
        bytes.remove_prefix(static_cast<std::size_t>(put));
    }
}

void TarWriter::add_folder(const TarMember& member) {
    begin(member, 0, true);
}

void TarWriter::add_bytes(const TarMember& member, std::string_view bytes) {
    begin(member, bytes.size(), false);
    data(bytes);
}

void TarWriter::add_file(const TarMember& member, const fs::path& source,
                         const std::function<void(std::uint64_t)>& progress) {
    const Fd fd = open_fd(source, O_RDONLY);
    const std::uint64_t size = fs::file_size(source);
    begin(member, size, false);
    std::string buffer(tar_block, '\0');
    for (std::uint64_t done = 0; done < size;) {
        interrupt::check();
        const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            throw system_error("read", source.string(), got < 0 ? errno : EIO);
        }
        data(std::string_view(buffer.data(), static_cast<std::size_t>(got)));
        done += static_cast<std::uint64_t>(got);
        if (progress) {
            progress(done);
        }
    }
}

void TarWriter::finish() {
    if (archive_write_close(state_->writer.get()) != ARCHIVE_OK) {
        state_->fail();
    }
}

namespace {

/// Names beyond ASCII (ca-certificates has some) cannot be converted in the C locale; libarchive warns and
/// has them as UTF-8.
std::string name_of(archive_entry* entry) {
    const char* name = archive_entry_pathname(entry);
    name = name != nullptr ? name : archive_entry_pathname_utf8(entry);
    return name != nullptr ? name : "";
}

/// Calls `visit` for every member of a whole tar.
void walk_tar(const fs::path& file, const std::function<void(archive*, archive_entry*)>& visit) {
    const Handle<archive, &archive_read_free> reader(archive_read_new());
    archive_read_support_format_tar(reader.get());
    archive_entry* entry = nullptr;
    int answer = archive_read_open_filename(reader.get(), file.c_str(), tar_block);
    while (answer == ARCHIVE_OK || answer == ARCHIVE_WARN) {
        answer = archive_read_next_header(reader.get(), &entry);
        if (answer == ARCHIVE_OK || answer == ARCHIVE_WARN) {
            interrupt::check();
            visit(reader.get(), entry);
        }
    }
    if (answer != ARCHIVE_EOF) {
        throw Error(Failure::integrity,
                    fmt::format("{} is not a whole tar: {}", file.string(), words_of(reader.get())));
    }
}

}  // namespace

std::map<std::string, std::string> tar_digests(const fs::path& file) {
    std::map<std::string, std::string> digests;
    std::string buffer(tar_block, '\0');
    walk_tar(file, [&](archive* reader, archive_entry* entry) {
        if (archive_entry_filetype(entry) != AE_IFREG) {
            return;
        }
        const std::string name = name_of(entry);
        Hasher hasher;
        la_ssize_t got = 0;
        while ((got = archive_read_data(reader, buffer.data(), buffer.size())) > 0) {
            interrupt::check();
            hasher.add(std::string_view(buffer.data(), static_cast<std::size_t>(got)));
        }
        if (got < 0) {
            throw Error(Failure::integrity,
                        fmt::format("{} in {} cannot be read: {}", name, file.string(), words_of(reader)));
        }
        digests[name] = hasher.hex();
    });
    return digests;
}

TarSummary tar_summary(const fs::path& file) {
    TarSummary summary;
    walk_tar(file, [&](archive*, archive_entry* entry) {
        const auto kind = archive_entry_filetype(entry);
        summary.members += 1;
        summary.devices += kind == AE_IFCHR || kind == AE_IFBLK ? 1 : 0;
    });
    return summary;
}

}  // namespace imgforge::exchange
