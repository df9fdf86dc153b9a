// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/image/backing_chain.hpp"

#include <algorithm>
#include <system_error>

#include <fmt/format.h>

#include "builder/base/error.hpp"

namespace imgforge::image {

namespace {

namespace fs = std::filesystem;

fs::path canonical_file(const fs::path& file, std::string_view role) {
    std::error_code code;
    fs::path real = fs::canonical(file, code);
    if (code) {
        throw Error(Failure::integrity,
                    fmt::format("{} '{}' cannot be opened: {}", role, file.string(), code.message()));
    }
    if (!fs::is_regular_file(real, code) && !fs::is_block_file(real, code)) {
        throw Error(Failure::integrity, fmt::format("{} '{}' is not a regular file", role, real.string()));
    }
    return real;
}

bool allowed(const fs::path& real, const ChainPolicy& policy) {
    if (policy.roots.empty() && policy.files.empty()) {
        return true;
    }
    std::error_code code;
    return std::any_of(policy.roots.begin(), policy.roots.end(),
                       [&](const fs::path& root) { return lies_within(real, root); }) ||
           std::any_of(policy.files.begin(), policy.files.end(),
                       [&](const fs::path& file) { return fs::weakly_canonical(file, code) == real; });
}

/// The file behind a header's reference, or the reason why it must not be followed.
fs::path follow(const fs::path& image, const std::string& reference, const ChainPolicy& policy) {
    const auto refuse = [&](std::string_view why) {
        throw Error(
            Failure::integrity,
            fmt::format("'{}' refers to '{}' as its backing file: {}", image.string(), reference, why),
            "flatten the image where it comes from (qemu-img convert -O qcow2), or name every backing file "
            "(--backing-file; in a recipe, backing-files); a guest's raw disk needs --format raw");
    };
    if (!policy.allow_backing) {
        refuse("only backing files that are named are followed");
    }
    if (names_a_protocol(reference) || reference.find('\0') != std::string::npos) {
        refuse("only plain files are followed");
    }
    const fs::path named =
        fs::path(reference).is_absolute() ? fs::path(reference) : image.parent_path() / reference;
    const fs::path real = canonical_file(named, fmt::format("backing file of '{}'", image.string()));
    if (!allowed(real, policy)) {
        refuse("it is not among the files and directories stated for this image");
    }
    return real;
}

ByteSize raw_size(const fs::path& image) {
    std::error_code code;
    const auto size = fs::file_size(image, code);
    if (code) {
        throw system_error("read the size of", image.string(), code.value());
    }
    return ByteSize::bytes((size + 511U) / 512U * 512U);
}

ChainLink read_link(const fs::path& file, DiskFormat format) {
    ChainLink link{.file = file, .format = format};
    if (format == DiskFormat::qcow2) {
        link.header = read_qcow2_header(file);
        link.virtual_size = link.header->virtual_size;
        if (link.header->has_data_file() || link.header->data_file) {
            throw Error(Failure::integrity,
                        fmt::format("'{}' keeps its data in an external file '{}'", file.string(),
                                    link.header->data_file.value_or("?")),
                        "convert it to a plain qcow2 first: qemu-img convert -O qcow2");
        }
    } else if (format == DiskFormat::raw) {
        link.virtual_size = raw_size(file);
    }
    return link;
}

DiskFormat stated_format(const ChainLink& above) {
    const auto& stated = above.header->backing_format;
    if (!stated) {
        throw Error(Failure::integrity,
                    fmt::format("'{}' does not say the format of its backing file '{}'", above.file.string(),
                                *above.header->backing_file),
                    fmt::format("state it: qemu-img rebase -u -f qcow2 -b {} -F FORMAT {}",
                                *above.header->backing_file, above.file.string()));
    }
    const auto format = disk_format_named(*stated);
    if (!format || (*format != DiskFormat::raw && *format != DiskFormat::qcow2)) {
        throw Error(Failure::integrity,
                    fmt::format("'{}' has a backing file of format '{}'", above.file.string(), *stated),
                    "only raw and qcow2 are followed");
    }
    return *format;
}

}  // namespace

bool lies_within(const fs::path& file, const fs::path& folder) {
    std::error_code code;
    const fs::path root = fs::weakly_canonical(folder, code);
    const auto [end, rest] = std::mismatch(root.begin(), root.end(), file.begin(), file.end());
    return !code && (end == root.end() || (std::next(end) == root.end() && end->empty()));
}

bool names_a_protocol(std::string_view name) {
    const auto at = name.find_first_of(":/");
    return at != std::string_view::npos && name[at] == ':';
}

std::vector<ChainLink> read_backing_chain(const fs::path& image, DiskFormat format,
                                          const ChainPolicy& policy) {
    std::vector<ChainLink> chain;
    fs::path file = canonical_file(image, "image");
    for (;;) {
        if (std::any_of(chain.begin(), chain.end(),
                        [&](const ChainLink& link) { return link.file == file; })) {
            throw Error(Failure::integrity, fmt::format("the backing chain of '{}' runs in a circle at '{}'",
                                                        image.string(), file.string()));
        }
        if (chain.size() >= policy.depth_limit) {
            throw Error(Failure::integrity, fmt::format("the backing chain of '{}' is deeper than {} images",
                                                        image.string(), policy.depth_limit));
        }
        chain.push_back(read_link(file, format));
        const ChainLink& link = chain.back();
        if (!link.header || !link.header->backing_file) {
            return chain;
        }
        format = stated_format(link);
        file = follow(link.file, *link.header->backing_file, policy);
    }
}

ByteSize virtual_size(const fs::path& image, DiskFormat format) {
    if (format == DiskFormat::qcow2) {
        return read_qcow2_header(image).virtual_size;
    }
    if (format == DiskFormat::raw) {
        return raw_size(image);
    }
    throw Error(Failure::usage, fmt::format("the size of '{}' cannot be read from format {}", image.string(),
                                            to_string(format)));
}

}  // namespace imgforge::image
