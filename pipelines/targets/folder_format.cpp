// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/targets/folder_format.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "pipelines/store/generation.hpp"

namespace imgforge::targets {
namespace {

constexpr int format_version = 1;
constexpr std::uint64_t largest_disk = 16ULL << 40U;

bool is_digest(const std::string& text) {
    return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

[[noreturn]] void refuse(const std::string& source, const std::string& why) {
    throw Error(Failure::integrity, fmt::format("{} cannot be used: {}", source, why),
                "it was damaged, or written by something else");
}

/// Members of a record of a stranger: a wrong type is a refusal, not an exception of the JSON library.
template <class Body>
auto guarded(const std::string& source, Body&& body) {
    try {
        return body();
    } catch (const Json::exception& fault) {
        refuse(source, fault.what());
    }
}

void check_windows(const DiskManifest& manifest, const std::string& source) {
    const std::uint64_t count = (manifest.virtual_size.in_bytes() + window_size - 1) / window_size;
    std::uint64_t next = 0;
    for (const Window& window : manifest.windows) {
        if (window.number < next || window.number >= count || !is_digest(window.sha256)) {
            refuse(source, fmt::format("window {}", window.number));
        }
        next = window.number + 1;
    }
}

}  // namespace

std::string to_text(const DiskManifest& manifest) {
    Json windows = Json::array();
    for (const Window& window : manifest.windows) {
        windows.push_back(Json::array({window.number, window.sha256, window.stored}));
    }
    return pretty({{"format", format_version},
                   {"image", manifest.image},
                   {"generation", manifest.generation},
                   {"virtual_size", manifest.virtual_size.in_bytes()},
                   {"window_size", window_size},
                   {"records", manifest.records},
                   {"windows", windows}});
}

DiskManifest parse_manifest(std::string_view text, const std::string& source) {
    const Json root = parse_json(text, source);
    DiskManifest manifest = guarded(source, [&] {
        DiskManifest read;
        if (root.at("format").get<int>() != format_version ||
            root.at("window_size").get<std::uint64_t>() != window_size) {
            refuse(source, "it has another format");
        }
        read.image = root.at("image").get<std::string>();
        read.generation = root.at("generation").get<int>();
        read.virtual_size = ByteSize::bytes(root.at("virtual_size").get<std::uint64_t>());
        read.records = root.at("records");
        for (const Json& window : root.at("windows")) {
            read.windows.push_back({.number = window.at(0).get<std::uint64_t>(),
                                    .sha256 = window.at(1).get<std::string>(),
                                    .stored = window.at(2).get<std::uint64_t>()});
        }
        return read;
    });
    const std::uint64_t size = manifest.virtual_size.in_bytes();
    if (!store::is_image_name(manifest.image) || size == 0 || size > largest_disk || size % 512 != 0 ||
        !manifest.records.is_object()) {
        refuse(source, "its name or size is impossible");
    }
    check_windows(manifest, source);
    return manifest;
}

std::string to_text(const FolderIndex& index) {
    Json images = Json::object();
    for (const auto& [name, image] : index.images) {
        Json generations = Json::array();
        for (const IndexEntry& entry : image.generations) {
            generations.push_back(
                {{"generation", entry.generation}, {"manifest", entry.manifest}, {"created", entry.created}});
        }
        images[name] = {{"current", image.current ? Json(*image.current) : Json()},
                        {"generations", generations}};
    }
    return pretty({{"format", format_version},
                   {"serial", index.serial},
                   {"expires", index.expires},
                   {"images", images}});
}

FolderIndex parse_index(std::string_view text, const std::string& source) {
    const Json root = parse_json(text, source);
    return guarded(source, [&] {
        FolderIndex index;
        if (root.at("format").get<int>() != format_version) {
            refuse(source, "it has another format");
        }
        index.serial = root.at("serial").get<std::int64_t>();
        index.expires = root.at("expires").get<std::int64_t>();
        for (const auto& [name, record] : root.at("images").items()) {
            IndexImage image;
            if (!record.at("current").is_null()) {
                image.current = record.at("current").get<int>();
            }
            for (const Json& entry : record.at("generations")) {
                image.generations.push_back({.generation = entry.at("generation").get<int>(),
                                             .manifest = entry.at("manifest").get<std::string>(),
                                             .created = entry.at("created").get<std::int64_t>()});
                if (!is_digest(image.generations.back().manifest)) {
                    refuse(source, "a manifest's name is not a digest");
                }
            }
            if (!store::is_image_name(name)) {
                refuse(source, "an image's name is impossible");
            }
            index.images[name] = std::move(image);
        }
        return index;
    });
}

std::string window_path(const std::string& sha256) {
    return fmt::format("windows/{}/{}.zst", sha256.substr(0, 2), sha256);
}

std::string manifest_path(const std::string& sha256) {
    return fmt::format("manifests/{}.json", sha256);
}

}  // namespace imgforge::targets
