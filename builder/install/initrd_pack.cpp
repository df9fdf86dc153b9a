// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/initrd_pack.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/install/cpio.hpp"

namespace imgforge::install {

namespace {

// The kernel looks for "07070" only at offsets that are multiples of 4; 512 suits boot loaders that load
// whole sectors.
constexpr std::size_t alignment = 512;
// At least two words of NULs, so that decompressors that read a length see an end.
constexpr std::size_t least_padding = 8;
constexpr std::uint64_t initrd_limit = 1ULL << 30U;

std::string checked_path(const InitrdMember& member) {
    const std::string& path = member.path;
    const bool fine = path.size() > 1 && path.front() == '/' && path.back() != '/' &&
                      path.find("//") == std::string::npos && path.find("/../") == std::string::npos &&
                      path.find("/./") == std::string::npos && !path.ends_with("/..") &&
                      !path.ends_with("/.") && path.find('\0') == std::string::npos;
    if (!fine)
        throw Error(Failure::recipe, fmt::format("'{}' cannot be a path in an initrd", path),
                    "give an absolute path of plain names");
    return path.substr(1);
}

/// The original's directories and links; file contents are of no interest.
CpioTree skeleton(std::string_view initrd) {
    CpioTree tree;
    read_initrd(initrd, false,
                [&](CpioEntry&& entry) { tree.insert_or_assign(entry.path, std::move(entry)); });
    return tree;
}

void add_parents(const CpioTree& original, const std::string& path, std::set<std::string>& added,
                 std::vector<CpioEntry>& entries) {
    for (std::size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
        const std::string parent = path.substr(0, slash);
        const auto there = original.find(parent);
        // The kernel would give an existing directory the mode of ours (/tmp), so only missing ones are
        // added.
        if (there != original.end() && there->second.kind == CpioEntry::Kind::directory)
            continue;
        if (there != original.end())
            throw Error(Failure::recipe,
                        fmt::format("'{}' in the initrd is a file, not a directory", parent));
        if (added.insert(parent).second)
            entries.push_back({.path = parent, .kind = CpioEntry::Kind::directory, .mode = 0755});
    }
}

std::vector<CpioEntry> entries_for(std::string_view initrd, const std::vector<InitrdMember>& members) {
    const bool has_folders = std::any_of(members.begin(), members.end(), [](const InitrdMember& m) {
        return m.path.find('/', 1) != std::string::npos;
    });
    const CpioTree original = has_folders ? skeleton(initrd) : CpioTree{};
    std::set<std::string> added;
    std::vector<CpioEntry> entries;
    for (const InitrdMember& member : members) {
        const std::string path = resolve_folders(original, checked_path(member));
        add_parents(original, path, added, entries);
        if (!added.insert(path).second)
            throw Error(Failure::recipe, fmt::format("'/{}' is given twice for the initrd", path));
        entries.push_back({.path = path, .mode = member.mode & 07777U, .bytes = member.bytes});
    }
    return entries;
}

}  // namespace

PackedInitrd pack_initrd(const std::filesystem::path& original, const std::vector<InitrdMember>& members,
                         const std::filesystem::path& output) {
    std::string bytes = read_file(original, initrd_limit);
    return in_context(
        [&] { return fmt::format("the answers that go into {}", original.string()); },
        [&] {
            const std::vector<InitrdPart> parts = initrd_parts(bytes);
            const std::vector<CpioEntry> entries = entries_for(bytes, members);
            PackedInitrd packed{.compression = parts.back().compression};
            if (packed.compression == "lz4") {
                const std::size_t begin = parts.back().begin;
                const std::string main_part =
                    gzip(decompress(std::string_view(bytes).substr(begin), initrd_limit));
                bytes.resize(begin);
                bytes += main_part;
                packed.recompressed = true;
            }
            std::size_t padding = alignment - bytes.size() % alignment;
            if (padding < least_padding)
                padding += alignment;
            const std::string added = std::string(padding, '\0') + write_cpio(entries);
            for (const CpioEntry& entry : entries)
                packed.paths.push_back(entry.path);
            packed.size = bytes.size() + added.size();
            // The answers hold password hashes: nobody else needs to read them.
            AtomicFile file(output, 0600);
            file.write(bytes);
            file.write(added);  // not appended to `bytes`, which would copy tens of megabytes once more
            file.commit();
            return packed;
        });
}

}  // namespace imgforge::install
