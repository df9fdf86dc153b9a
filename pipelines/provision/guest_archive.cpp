// SPDX-License-Identifier: GPL-3.0-or-later

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/handle.hpp"
#include "builder/image/archive_library.hpp"
#include "pipelines/provision/guest_shell.hpp"
#include "seeds/archive_sink.hpp"

namespace fs = std::filesystem;

namespace imgforge::provision {
namespace {

constexpr std::uintmax_t largest_upload = std::uintmax_t{1} << 30U;

using Writer = Handle<archive, &archive_write_free>;
using Entry = Handle<archive_entry, &archive_entry_free>;

void check(archive* writer, int code, const fs::path& host) {
    if (code != ARCHIVE_OK) {
        throw Error(Failure::tool,
                    fmt::format("cannot pack {}: {}", host.string(), archive_error_string(writer)));
    }
}

class Packing {
public:
    Packing() : writer_(archive_write_new()) {
        archive_write_set_format_pax_restricted(writer_.get());
        archive_write_set_bytes_in_last_block(writer_.get(), 1);
        archive_write_open(writer_.get(), &bytes_, nullptr, seeds::append_to_text, nullptr);
    }

    /// A directory with all below it; links as links.
    void add(const fs::path& host, const std::string& name) {
        const fs::file_status status = fs::symlink_status(host);
        const Entry entry(archive_entry_new());
        archive_entry_set_pathname(entry.get(), name.c_str());
        archive_entry_set_perm(entry.get(), static_cast<unsigned>(status.permissions()) & 07777U);
        std::string content;
        if (fs::is_symlink(status)) {
            archive_entry_set_filetype(entry.get(), AE_IFLNK);
            archive_entry_set_symlink(entry.get(), fs::read_symlink(host).c_str());
        } else if (fs::is_directory(status)) {
            archive_entry_set_filetype(entry.get(), AE_IFDIR);
        } else if (fs::is_regular_file(status)) {
            if (bytes_.size() + fs::file_size(host) > largest_upload) {
                throw Error(Failure::recipe,
                            fmt::format("{} is too large to upload (1 GiB at most)", host.string()),
                            "put large data on a data disk, or fetch it in the guest");
            }
            content = read_file(host, largest_upload);
            archive_entry_set_filetype(entry.get(), AE_IFREG);
            archive_entry_set_size(entry.get(), static_cast<la_int64_t>(content.size()));
        } else {
            throw Error(Failure::recipe,
                        fmt::format("{} is neither a file, a directory nor a link", host.string()));
        }
        check(writer_.get(), archive_write_header(writer_.get(), entry.get()), host);
        if (!content.empty() && archive_write_data(writer_.get(), content.data(), content.size()) < 0) {
            check(writer_.get(), ARCHIVE_FATAL, host);
        }
        if (fs::is_directory(status)) {
            add_children(host, name);
        }
    }

    std::string finish(const fs::path& host) {
        check(writer_.get(), archive_write_close(writer_.get()), host);
        return std::move(bytes_);
    }

private:
    void add_children(const fs::path& host, const std::string& name) {
        std::vector<fs::path> children;
        for (const auto& child : fs::directory_iterator(host)) {
            children.push_back(child.path());
        }
        std::sort(children.begin(), children.end());
        for (const fs::path& child : children) {
            add(child, name + "/" + child.filename().string());
        }
    }

    std::string bytes_;
    Writer writer_;
};

}  // namespace

std::string archive_of(const fs::path& host, const std::string& guest_path) {
    Packing packing;
    std::string name = guest_path.substr(std::min(guest_path.find_first_not_of('/'), guest_path.size()));
    while (name.ends_with('/')) {  // "/srv/" is the directory /srv
        name.pop_back();
    }
    packing.add(host, name);
    return packing.finish(host);
}

}  // namespace imgforge::provision
