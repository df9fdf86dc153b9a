// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/image/open_image.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/error.hpp"
#include "builder/image/disk_probe.hpp"
#include "builder/image/image_lock.hpp"
#include "builder/image/qemu_img.hpp"

namespace imgforge::image {

namespace {

namespace fs = std::filesystem;

Error not_a_disk(const fs::path& file, std::string_view why) {
    return {
        Failure::recipe, fmt::format("'{}' is not a disk image: {}", file.string(), why),
        "name a qcow2 or raw disk image; a raw disk of an unusual kind is accepted with its format stated "
        "as raw"};
}

/// A directory, a pipe or a missing file ends here, before anything could wait for it.
fs::path regular_or_block(const fs::path& file) {
    std::error_code code;
    fs::path real = fs::canonical(file, code);
    if (code) {
        throw Error(Failure::recipe,
                    fmt::format("image '{}' cannot be opened: {}", file.string(), code.message()));
    }
    if (!fs::is_regular_file(real, code) && !fs::is_block_file(real, code)) {
        throw not_a_disk(file,
                         fs::is_directory(real, code) ? "it is a directory" : "it is not a regular file");
    }
    return real;
}

Error ambiguous(const fs::path& file, DiskFormat found, std::string_view but) {
    return {Failure::integrity,
            fmt::format("'{}' starts like a {} image but {}: a guest may have written that header",
                        file.string(), to_string(found), but),
            "state the format; a disk that a machine wrote to as raw stays raw"};
}

/// The format that the header shows, when the file's name does not contradict it: a guest can write any
/// header into the first sector of its raw disk, but it does not choose the name of the file.
DiskFormat format_by_header(const fs::path& file) {
    const DiskFormat found = sniff_disk_format(file);
    const std::string extension = file.extension().string();
    const auto named = extension.empty() ? std::nullopt : disk_format_named(extension.substr(1));
    if (named && *named != found && found != DiskFormat::raw) {
        throw ambiguous(file, found, fmt::format("is named as {}", to_string(*named)));
    }
    if (found != DiskFormat::raw && carries_partition_table(file)) {
        throw ambiguous(file, found, "also has a partition table");
    }
    return named ? *named : found;
}

/// The directories whose files the image may refer to: only an image of a store may refer to the stores.
std::vector<fs::path> roots_for(const fs::path& file, const std::vector<fs::path>& stores) {
    const bool ours = std::any_of(stores.begin(), stores.end(),
                                  [&](const fs::path& folder) { return lies_within(file, folder); });
    return ours ? stores : std::vector<fs::path>{};
}

void refuse_encrypted(const ChainLink& link) {
    if (link.header && link.header->crypt_method != 0) {
        throw Error(
            Failure::recipe,
            fmt::format("'{}' is encrypted (qcow2 method {})", link.file.string(), link.header->crypt_method),
            "decrypt it first: qemu-img convert with the secret that it was made with");
    }
}

void refuse_damaged(const ChainLink& link) {
    if (link.header && link.header->corrupt()) {
        throw Error(Failure::integrity, fmt::format("'{}' is marked as corrupt", link.file.string()),
                    "take it from where it came from again, or look at it with qemu-img check");
    }
}

void check_metadata(ProcessRunner& runner, const ChainLink& link) {
    qemu_img::CheckResult found;
    try {
        found = qemu_img::run_check(runner, link.file, link.format, true);
    } catch (const Error& error) {
        if (error.kind() != Failure::tool) {
            throw;
        }
        require_unused(link.file);  // one that a machine writes to is not damaged
        throw Error(Failure::integrity,
                    fmt::format("'{}' cannot be read as {}: {}", link.file.string(), to_string(link.format),
                                error.message()),
                    "take the image from where it came from again");
    }
    // Leaked clusters waste space and harm nothing.
    if (found.corruptions != 0 || found.errors != 0) {
        throw Error(Failure::integrity,
                    fmt::format("'{}' is damaged or truncated: {} corruptions and {} errors in its metadata",
                                link.file.string(), found.corruptions, found.errors),
                    "take the image from where it came from again; nothing was written");
    }
}

}  // namespace

ChainPolicy OpenedImage::policy() const {
    ChainPolicy policy{.allow_backing = chain.size() > 1};
    for (const ChainLink& link : chain) {
        policy.files.push_back(link.file);
    }
    return policy;
}

OpenedImage open_image(ProcessRunner& runner, const ImageSource& source) {
    OpenedImage opened{.file = regular_or_block(source.file)};
    opened.format = source.format ? *source.format : format_by_header(opened.file);
    if (const std::string why = why_not_a_disk(opened.file, opened.format, source.format.has_value());
        !why.empty()) {
        throw not_a_disk(source.file, why);
    }
    if (std::find(source.formats.begin(), source.formats.end(), opened.format) == source.formats.end()) {
        throw Error(
            Failure::usage,
            fmt::format("'{}' is a {} image; {} is needed here", source.file.string(),
                        to_string(opened.format), fmt::join(names_of(source.formats), " or ")),
            fmt::format("convert it first: qemu-img convert -f {} -O qcow2", to_string(opened.format)));
    }
    ChainPolicy policy{.roots = roots_for(opened.file, source.stores), .files = source.backing_files};
    policy.allow_backing = !policy.roots.empty() || !policy.files.empty();
    opened.chain = read_backing_chain(opened.file, opened.format, policy);
    refuse_foreign_parts(opened.file, opened.format);
    for (const ChainLink& link : opened.chain) {
        refuse_encrypted(link);
        refuse_damaged(link);
    }
    if (source.check_metadata) {
        for (auto link = opened.chain.rbegin(); link != opened.chain.rend(); ++link) {
            check_metadata(runner, *link);
        }
    }
    const bool sized = opened.format == DiskFormat::raw || opened.format == DiskFormat::qcow2;
    opened.virtual_size = sized ? opened.chain.front().virtual_size
                                : qemu_img::read_info(runner, opened.file, opened.format, true).virtual_size;
    return opened;
}

}  // namespace imgforge::image
