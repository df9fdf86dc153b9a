// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/deb_file.hpp"

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/handle.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/image/archive_library.hpp"

namespace imgforge::install {

namespace {

using Reader = Handle<archive, &archive_read_free>;

constexpr std::size_t chunk = 256U << 10U;

class DebReader {
public:
    explicit DebReader(const std::filesystem::path& file)
        : file_(file), outer_(archive_read_new()), buffer_(chunk, '\0') {
        archive_read_support_format_ar(outer_.get());
        if (archive_read_open_filename(outer_.get(), file.c_str(), chunk) != ARCHIVE_OK)
            damaged(outer_.get());
    }

    DebFile read(const std::function<bool(const std::string&)>& wanted) {
        DebFile deb;
        bool data = false;
        archive_entry* member = nullptr;
        for (int status = next(outer_.get(), member); status != ARCHIVE_EOF;
             status = next(outer_.get(), member)) {
            const std::string name =
                archive_entry_pathname(member) != nullptr ? archive_entry_pathname(member) : "";
            if (name.compare(0, 12, "control.tar.") == 0)
                read_tar({}, [&](CpioEntry&& entry) { deb.control[entry.path] = std::move(entry.bytes); });
            if (name.compare(0, 9, "data.tar.") == 0 || name == "data.tar") {
                data = true;
                read_tar(wanted, [&](CpioEntry&& entry) { deb.files.push_back(std::move(entry)); });
            }
        }
        if (!data || deb.control.count("control") == 0)
            throw Error(Failure::integrity, fmt::format("{} is not a Debian package", file_.string()),
                        "remove it from the cache and try again");
        return deb;
    }

private:
    [[noreturn]] void damaged(archive* handle) const {
        const char* text = archive_error_string(handle);
        throw Error(Failure::integrity,
                    fmt::format("{} cannot be read as a Debian package: {}", file_.string(),
                                text != nullptr ? text : "unknown error"),
                    "remove it from the cache and try again");
    }

    int next(archive* handle, archive_entry*& entry) const {
        const int status = archive_read_next_header(handle, &entry);
        if (status < ARCHIVE_WARN)
            damaged(handle);
        return status;
    }

    static la_ssize_t feed(archive* /*inner*/, void* self, const void** data) {
        auto& reader = *static_cast<DebReader*>(self);
        *data = reader.buffer_.data();
        return archive_read_data(reader.outer_.get(), reader.buffer_.data(), reader.buffer_.size());
    }

    std::string content(archive* inner) const {
        std::string bytes;
        const void* block = nullptr;
        std::size_t size = 0;
        la_int64_t offset = 0;
        for (;;) {
            const int status = archive_read_data_block(inner, &block, &size, &offset);
            if (status == ARCHIVE_EOF)
                return bytes;
            if (status < ARCHIVE_WARN)
                damaged(inner);
            bytes.resize(static_cast<std::size_t>(offset));
            bytes.append(static_cast<const char*>(block), size);
        }
    }

    void read_tar(const std::function<bool(const std::string&)>& wanted,
                  const std::function<void(CpioEntry&&)>& consume) {
        const Reader inner(archive_read_new());
        archive_read_support_filter_all(inner.get());
        archive_read_support_format_tar(inner.get());
        if (archive_read_open(inner.get(), this, nullptr, feed, nullptr) != ARCHIVE_OK)
            damaged(inner.get());
        archive_entry* raw = nullptr;
        std::map<std::string, std::string> linked;
        for (int status = next(inner.get(), raw); status != ARCHIVE_EOF; status = next(inner.get(), raw)) {
            interrupt::check();
            CpioEntry entry = entry_of(raw);
            if (entry.path.empty() || (wanted && !wanted(entry.path)))
                continue;
            if (const char* target = archive_entry_hardlink(raw); target != nullptr)
                entry.bytes = linked[clean(target)];
            else if (entry.kind == CpioEntry::Kind::file)
                entry.bytes = content(inner.get());
            if (entry.kind == CpioEntry::Kind::file)
                linked[entry.path] =
                    archive_entry_nlink(raw) > 1 || small(entry) ? entry.bytes : std::string{};
            consume(std::move(entry));
        }
    }

    // tar does not say which files later entries will link to; only small packages have any.
    static bool small(const CpioEntry& entry) { return entry.bytes.size() < (4U << 20U); }

    static std::string clean(const char* raw) {
        std::string path = raw != nullptr ? raw : "";
        if (path.compare(0, 2, "./") == 0)
            path.erase(0, 2);
        while (!path.empty() && path.back() == '/')
            path.pop_back();
        return path == "." ? std::string{} : path;
    }

    static CpioEntry entry_of(archive_entry* raw) {
        CpioEntry entry{.path = clean(archive_entry_pathname(raw)), .mode = archive_entry_perm(raw) & 07777U};
        const auto type = archive_entry_filetype(raw);
        if (type == AE_IFDIR) {
            entry.kind = CpioEntry::Kind::directory;
        } else if (type == AE_IFLNK) {
            entry.kind = CpioEntry::Kind::symlink;
            entry.target = archive_entry_symlink(raw) != nullptr ? archive_entry_symlink(raw) : "";
        }
        return entry;
    }

    std::filesystem::path file_;
    Reader outer_;
    std::string buffer_;
};

}  // namespace

DebFile read_deb(const std::filesystem::path& file,
                 const std::function<bool(const std::string& path)>& wanted) {
    return DebReader(file).read(wanted);
}

void write_deb(ProcessRunner& runner, const std::string& control, const std::vector<CpioEntry>& files,
               const std::filesystem::path& output) {
    const TempDir tree("udeb");
    make_directories(tree / "DEBIAN");
    write_file_atomically(tree / "DEBIAN/control", control);
    for (const CpioEntry& entry : files) {
        make_directories((tree / entry.path).parent_path());
        if (entry.kind == CpioEntry::Kind::file)
            write_file_atomically(tree / entry.path, entry.bytes, entry.mode);
        else if (entry.kind == CpioEntry::Kind::symlink)
            std::filesystem::create_symlink(entry.target, tree / entry.path);
    }
    std::filesystem::permissions(tree.path(), std::filesystem::perms(0755));
    // SOURCE_DATE_EPOCH makes the package the same for the same content.
    run_checked(runner, {.program = "dpkg-deb",
                         .args = {"--root-owner-group", "-Zxz", "-b", tree.path().string(), output.string()},
                         .env = {{"SOURCE_DATE_EPOCH", "1"}}});
}

}  // namespace imgforge::install
