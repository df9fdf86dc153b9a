// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/image/iso_reader.hpp"

#include <algorithm>
#include <cstdlib>

#include <cdio/iso9660.h>
#include <cdio/logging.h>
#include <fmt/format.h>

#include "builder/base/byte_size.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/handle.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/log.hpp"

namespace imgforge::image {

namespace {

constexpr int link_limit = 16;
constexpr std::uint64_t chunk_blocks = 256;

// libcdio's own handler ends the process on an error (exit) and on a failed assertion (abort). Errors are
// reported by return values as well; after a failed assertion its caller must not go on, so that one leaves
// by an exception.
void on_cdio_message(cdio_log_level_t level, const char* message) {
    log::debug(fmt::format("libcdio: {}", message));
    if (level == CDIO_LOG_ASSERT)
        throw Error(Failure::integrity,
                    fmt::format("the ISO image cannot be read: libcdio gave up: {}", message));
}

using Iso = Handle<iso9660_t, &iso9660_close>;
using Stat = Handle<iso9660_stat_t, &iso9660_stat_free>;
using StatList = Handle<CdioISO9660FileList_t, &iso9660_filelist_free>;

Iso open_iso(const std::filesystem::path& file, const IsoVolume& volume) {
    cdio_log_set_handler(on_cdio_message);
    // Rock Ridge keeps names and links; Joliet cuts names at 64 characters, so it comes second.
    const iso_extension_mask_t mask = volume.rock_ridge ? ISO_EXTENSION_ROCK_RIDGE
                                      : volume.joliet   ? ISO_EXTENSION_JOLIET
                                                        : ISO_EXTENSION_NONE;
    Iso iso(iso9660_open_ext(file.c_str(), mask));
    if (!iso)
        throw Error(Failure::integrity, fmt::format("libiso9660 cannot read the ISO image {}", file.string()),
                    "compare its checksum with the publisher's");
    return iso;
}

std::vector<std::string> components(std::string_view path) {
    std::vector<std::string> parts;
    std::size_t from = 0;
    while (from <= path.size()) {
        const std::size_t slash = std::min(path.find('/', from), path.size());
        const std::string part(path.substr(from, slash - from));
        if (part == "..")
            throw Error(Failure::usage, fmt::format("'{}' leads out of the ISO image", path));
        if (!part.empty() && part != ".")
            parts.push_back(part);
        from = slash + 1;
    }
    return parts;
}

std::string joined(const std::vector<std::string>& parts) {
    return fmt::format("{}", fmt::join(parts, "/"));
}

/// The path a relative link leads to; nothing when it leaves the image or is absolute (absolute to what?).
std::optional<std::string> link_path(const std::string& from, const std::string& target) {
    if (target.empty() || target.front() == '/')
        return std::nullopt;
    std::vector<std::string> parts = components(from);
    parts.pop_back();
    std::size_t at = 0;
    while (at <= target.size()) {
        const std::size_t slash = std::min(target.find('/', at), target.size());
        const std::string part = target.substr(at, slash - at);
        at = slash + 1;
        if (part.empty() || part == ".")
            continue;
        if (part != "..") {
            parts.push_back(part);
        } else if (parts.empty()) {
            return std::nullopt;
        } else {
            parts.pop_back();
        }
    }
    return joined(parts);
}

}  // namespace

struct IsoReader::State {
    std::filesystem::path file;
    IsoVolume volume;
    Iso iso;

    std::string name_of(const iso9660_stat_t& stat) const;
    IsoEntry entry(const iso9660_stat_t& stat, std::string path) const;
    Stat lookup(const std::string& path) const;
    Stat lookup_file(std::string_view path, std::string& final_path) const;
    std::string without_folder_links(const std::string& path) const;
    void copy(const iso9660_stat_t& stat, const std::string& path,
              const std::function<void(std::string_view)>& sink) const;
    [[noreturn]] void damaged(const std::string& what) const;
};

void IsoReader::State::damaged(const std::string& what) const {
    throw Error(Failure::integrity, fmt::format("the ISO image {} is damaged: {}", file.string(), what),
                "compare its checksum with the publisher's and fetch it again");
}

std::string IsoReader::State::name_of(const iso9660_stat_t& stat) const {
    std::string name = stat.filename;
    if (stat.rr.b3_rock != yep && name != "." && name != "..") {
        std::string translated(name.size() + 1, '\0');
        const int length = iso9660_name_translate_ext(name.c_str(), translated.data(),
                                                      iso9660_ifs_get_joliet_level(iso.get()));
        name = translated.substr(0, static_cast<std::size_t>(std::max(length, 0)));
    }
    if (name.empty() || name.find('/') != std::string::npos)
        damaged(fmt::format("a file is called '{}'", name));
    return name;
}

IsoEntry IsoReader::State::entry(const iso9660_stat_t& stat, std::string path) const {
    IsoEntry result{.path = std::move(path)};
    if (stat.rr.b3_rock == yep && stat.rr.psz_symlink != nullptr && stat.rr.i_symlink > 0) {
        result.kind = IsoEntry::Kind::symlink;
        result.target.assign(stat.rr.psz_symlink, static_cast<std::size_t>(stat.rr.i_symlink));
        result.target = result.target.c_str();  // the library counts its closing NUL
    } else if (stat.type == iso9660_stat_t::_STAT_DIR) {
        result.kind = IsoEntry::Kind::directory;
    } else {
        result.size = stat.size;
    }
    return result;
}

Stat IsoReader::State::lookup(const std::string& path) const {
    const std::string absolute = "/" + path;
    Stat stat(iso9660_ifs_stat(iso.get(), absolute.c_str()));
    // Plain ISO 9660 stores INSTALL.AMD and VMLINUZ.;1; people write them in lower case without version.
    if (!stat)
        stat.reset(iso9660_ifs_stat_translate(iso.get(), absolute.c_str()));
    return stat;
}

/// The path with links among its directories followed ("dists/stable/Release"); unchanged where there are
/// none.
std::string IsoReader::State::without_folder_links(const std::string& path) const {
    std::string current = path;
    for (int hop = 0; hop < link_limit; ++hop) {
        std::optional<std::string> next;
        for (std::size_t slash = current.find('/'); slash != std::string::npos && !next;
             slash = current.find('/', slash + 1)) {
            const std::string folder = current.substr(0, slash);
            const Stat stat = lookup(folder);
            if (!stat)
                return current;
            const IsoEntry found = entry(*stat, folder);
            if (found.kind != IsoEntry::Kind::symlink)
                continue;
            next = link_path(folder, found.target);
            if (!next)
                return current;
            *next = next->empty() ? current.substr(slash + 1) : *next + current.substr(slash);
        }
        if (!next)
            return current;
        current = *next;
    }
    damaged(fmt::format("the directories of {} are links in circles", path));
}

Stat IsoReader::State::lookup_file(std::string_view path, std::string& final_path) const {
    final_path = joined(components(path));
    for (int hop = 0; hop < link_limit; ++hop) {
        Stat stat = lookup(final_path);
        if (!stat) {
            final_path = without_folder_links(final_path);
            stat = lookup(final_path);
        }
        if (!stat)
            return {};
        const IsoEntry found = entry(*stat, final_path);
        if (found.kind == IsoEntry::Kind::file)
            return stat;
        if (found.kind == IsoEntry::Kind::directory)
            return {};
        const std::optional<std::string> next = link_path(final_path, found.target);
        if (!next)
            return {};
        final_path = *next;
    }
    damaged(fmt::format("the symbolic link {} leads in circles", path));
}

void IsoReader::State::copy(const iso9660_stat_t& stat, const std::string& path,
                            const std::function<void(std::string_view)>& sink) const {
    const std::uint64_t size = stat.size;
    const std::uint64_t begin =
        static_cast<std::uint64_t>(static_cast<std::uint32_t>(stat.lsn)) * ISO_BLOCKSIZE;
    if (begin > volume.file_bytes || size > volume.file_bytes - begin)
        damaged(fmt::format("{} would lie at byte {} with {} bytes, beyond the end at {}", path, begin, size,
                            volume.file_bytes));
    const std::uint64_t size_in_blocks = (size + ISO_BLOCKSIZE - 1) / ISO_BLOCKSIZE;
    std::string buffer(std::min(size_in_blocks, chunk_blocks) * ISO_BLOCKSIZE, '\0');
    for (std::uint64_t done = 0; done < size;) {
        interrupt::check();
        const std::uint64_t wanted = std::min<std::uint64_t>(size - done, buffer.size());
        const auto blocks = static_cast<long>((wanted + ISO_BLOCKSIZE - 1) / ISO_BLOCKSIZE);
        const auto block = static_cast<lsn_t>((begin + done) / ISO_BLOCKSIZE);
        const long got = iso9660_iso_seek_read(iso.get(), buffer.data(), block, blocks);
        // The last block of the file may be the last, cut one of the image.
        if (got < static_cast<long>(wanted))
            damaged(fmt::format("{} cannot be read beyond byte {}", path, done));
        sink(std::string_view(buffer.data(), wanted));
        done += wanted;
    }
}

IsoReader::IsoReader(const std::filesystem::path& file) : state_(std::make_unique<State>()) {
    state_->file = file;
    state_->volume = check_iso_structure(file);
    state_->iso = open_iso(file, state_->volume);
}

IsoReader::~IsoReader() = default;
IsoReader::IsoReader(IsoReader&&) noexcept = default;

const std::filesystem::path& IsoReader::file() const {
    return state_->file;
}

const IsoVolume& IsoReader::volume() const {
    return state_->volume;
}

std::optional<IsoEntry> IsoReader::stat(std::string_view path) const {
    const std::string wanted = joined(components(path));
    const Stat stat = state_->lookup(wanted);
    if (!stat)
        return std::nullopt;
    return state_->entry(*stat, wanted);
}

std::vector<IsoEntry> IsoReader::list(std::string_view path) const {
    const std::string wanted = joined(components(path));
    const StatList found(iso9660_ifs_readdir(state_->iso.get(), ("/" + wanted).c_str()));
    if (!found)
        throw Error(Failure::recipe, fmt::format("no directory '{}' in {}", path, state_->file.string()));
    std::vector<IsoEntry> entries;
    for (const CdioListNode_t* node = _cdio_list_begin(found.get()); node != nullptr;
         node = _cdio_list_node_next(const_cast<CdioListNode_t*>(node))) {
        const auto& stat =
            *static_cast<const iso9660_stat_t*>(_cdio_list_node_data(const_cast<CdioListNode_t*>(node)));
        const std::string name = state_->name_of(stat);
        if (name == "." || name == "..")
            continue;
        entries.push_back(state_->entry(stat, wanted.empty() ? name : wanted + "/" + name));
    }
    std::sort(entries.begin(), entries.end(),
              [](const IsoEntry& a, const IsoEntry& b) { return a.path < b.path; });
    return entries;
}

std::vector<IsoEntry> IsoReader::walk(std::string_view path, std::size_t limit) const {
    std::vector<IsoEntry> all;
    std::vector<std::string> open{std::string(path)};
    while (!open.empty()) {
        interrupt::check();
        const std::string folder = open.back();
        open.pop_back();
        std::vector<std::string> inner;
        for (IsoEntry& entry : list(folder)) {
            if (entry.kind == IsoEntry::Kind::directory)
                inner.push_back(entry.path);
            all.push_back(std::move(entry));
            if (all.size() > limit)
                state_->damaged(fmt::format("more than {} files", limit));
        }
        open.insert(open.end(), inner.rbegin(), inner.rend());
    }
    return all;
}

std::optional<std::string> IsoReader::read_if_file(std::string_view path, std::uint64_t limit) const {
    std::string final_path;
    const Stat stat = state_->lookup_file(path, final_path);
    if (!stat)
        return std::nullopt;
    if (stat->size > limit)
        throw Error(Failure::integrity,
                    fmt::format("{} in {} has {} where at most {} make sense", path, state_->file.string(),
                                ByteSize::bytes(stat->size).text(), ByteSize::bytes(limit).text()));
    std::string bytes;
    bytes.reserve(stat->size);
    state_->copy(*stat, final_path, [&](std::string_view part) { bytes += part; });
    return bytes;
}

std::string IsoReader::read(std::string_view path, std::uint64_t limit) const {
    if (std::optional<std::string> bytes = read_if_file(path, limit))
        return *std::move(bytes);
    throw Error(Failure::recipe, fmt::format("no file '{}' in {}", path, state_->file.string()));
}

void IsoReader::extract(std::string_view path, const std::filesystem::path& destination, std::uint64_t limit,
                        const std::function<void(std::uint64_t)>& progress) const {
    std::string final_path;
    const Stat stat = state_->lookup_file(path, final_path);
    if (!stat)
        throw Error(Failure::recipe, fmt::format("no file '{}' in {}", path, state_->file.string()));
    if (stat->size > limit)
        throw Error(Failure::integrity,
                    fmt::format("{} in {} has {} where at most {} make sense", path, state_->file.string(),
                                ByteSize::bytes(stat->size).text(), ByteSize::bytes(limit).text()));
    AtomicFile out(destination);
    std::uint64_t written = 0;
    state_->copy(*stat, final_path, [&](std::string_view part) {
        out.write(part);
        written += part.size();
        if (progress)
            progress(written);
    });
    out.commit();
}

}  // namespace imgforge::image
