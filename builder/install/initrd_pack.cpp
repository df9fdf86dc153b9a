// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/initrd_pack.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/file.hpp"
#include "builder/base/random.hpp"
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

/// The original's bytes as a mapping of its file: of tens of megabytes only some are looked at here.
class MappedFile {
public:
    explicit MappedFile(const std::filesystem::path& file) {
        const Fd fd = open_fd(file, O_RDONLY);
        struct stat info {};
        if (::fstat(fd.get(), &info) != 0)
            throw system_error("read", file.string(), errno);
        size_ = static_cast<std::size_t>(info.st_size);
        if (size_ > initrd_limit)
            throw Error(Failure::integrity, fmt::format("{} has {} bytes where at most {} make sense",
                                                        file.string(), size_, initrd_limit));
        if (size_ == 0)
            return;
        void* const start = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd.get(), 0);
        if (start == MAP_FAILED)
            throw system_error("read", file.string(), errno);
        start_ = start;
    }
    ~MappedFile() {
        if (start_ != nullptr)
            ::munmap(start_, size_);
    }
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    std::string_view bytes() const { return {static_cast<const char*>(start_), size_}; }

private:
    void* start_ = nullptr;
    std::size_t size_ = 0;
};

/// All parts into one file that appears complete or not at all. It is not flushed to the disk: only the
/// machine that is started next reads it, and what a stage keeps is flushed when the stage ends.
void write_parts(const std::filesystem::path& output, std::initializer_list<std::string_view> parts) {
    const std::filesystem::path temporary =
        output.parent_path() / fmt::format(".{}.{}.tmp", output.filename().string(), random_hex(8));
    // The answers hold password hashes: nobody else needs to read them.
    const Fd file = open_fd(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    try {
        for (const std::string_view part : parts)
            write_all(file.get(), part, output.string());
        if (::rename(temporary.c_str(), output.c_str()) != 0)
            throw system_error("rename a new file to", output.string(), errno);
    } catch (...) {
        ::unlink(temporary.c_str());
        throw;
    }
}

std::string cpio_after(std::size_t size, const std::vector<CpioEntry>& entries) {
    std::size_t padding = alignment - size % alignment;
    if (padding < least_padding)
        padding += alignment;
    return std::string(padding, '\0') + write_cpio(entries);
}

}  // namespace

PackedInitrd pack_initrd(const std::filesystem::path& original, const std::vector<InitrdMember>& members,
                         const std::filesystem::path& output) {
    const MappedFile file(original);
    return in_context([&] { return fmt::format("the answers that go into {}", original.string()); },
                      [&] {
                          std::string_view main_part = file.bytes();
                          const std::vector<InitrdPart> parts = initrd_parts(main_part);
                          const std::vector<CpioEntry> entries = entries_for(main_part, members);
                          PackedInitrd packed{.compression = parts.back().compression};
                          std::string rewritten;
                          if (packed.compression == "lz4") {
                              const std::size_t begin = parts.back().begin;
                              rewritten = main_part.substr(0, begin);
                              rewritten += gzip(decompress(main_part.substr(begin), initrd_limit));
                              main_part = rewritten;
                              packed.recompressed = true;
                          }
                          const std::string added = cpio_after(main_part.size(), entries);
                          for (const CpioEntry& entry : entries)
                              packed.paths.push_back(entry.path);
                          packed.size = main_part.size() + added.size();
                          write_parts(output, {main_part, added});
                          return packed;
                      });
}

}  // namespace imgforge::install
