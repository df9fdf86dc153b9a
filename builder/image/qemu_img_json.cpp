// SPDX-License-Identifier: GPL-3.0-or-later
// The parsers of qemu_img.hpp.
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/json.hpp"
#include "builder/image/qemu_img.hpp"

namespace imgforge::image::qemu_img {

namespace {

/// Runs `body` on the parsed text; a missing or mistyped field becomes an error that names the command.
template <class Body>
auto parse(std::string_view text, std::string_view command, Body&& body) {
    try {
        return body(Json::parse(text));
    } catch (const Json::exception& error) {
        throw Error(Failure::tool,
                    fmt::format("the output of 'qemu-img {}' is not as expected: {}", command, error.what()),
                    "qemu-img 7.2 or later is needed");
    }
}

std::vector<std::string> names(const Json& parent, const char* list) {
    std::vector<std::string> out;
    for (const Json& element : parent.value(list, Json::array())) {
        out.push_back(element.at("name").get<std::string>());
    }
    return out;
}

ImageInfo one_info(const Json& json) {
    ImageInfo info;
    info.file = json.at("filename").get<std::string>();
    info.format = json.at("format").get<std::string>();
    info.virtual_size = ByteSize::bytes(json.at("virtual-size").get<std::uint64_t>());
    info.actual_size = ByteSize::bytes(json.value("actual-size", std::uint64_t{0}));
    info.cluster_size = json.value("cluster-size", std::uint64_t{0});
    info.dirty = json.value("dirty-flag", false);
    info.encrypted = json.value("encrypted", false);
    if (json.contains("backing-filename")) {
        info.backing_file = json["backing-filename"].get<std::string>();
    }
    if (json.contains("full-backing-filename")) {
        info.full_backing_file = json["full-backing-filename"].get<std::string>();
    }
    if (json.contains("backing-filename-format")) {
        info.backing_format = json["backing-filename-format"].get<std::string>();
    }
    info.snapshots = names(json, "snapshots");
    if (json.contains("format-specific")) {
        const Json& data = json["format-specific"].at("data");
        info.compression_type = data.value("compression-type", std::string{});
        info.corrupt = data.value("corrupt", false);
        info.bitmaps = names(data, "bitmaps");
    }
    return info;
}

}  // namespace

std::vector<ImageInfo> parse_info(std::string_view json) {
    auto infos = parse(json, "info", [](const Json& tree) {
        std::vector<ImageInfo> out;
        if (tree.is_array()) {
            for (const Json& element : tree) {
                out.push_back(one_info(element));
            }
        } else {
            out.push_back(one_info(tree));
        }
        return out;
    });
    if (infos.empty()) {
        throw Error(Failure::tool, "'qemu-img info' reported no image");
    }
    return infos;
}

CheckResult parse_check(std::string_view json) {
    return parse(json, "check", [](const Json& tree) {
        CheckResult result;
        result.errors = tree.at("check-errors").get<std::int64_t>();
        result.corruptions = tree.value("corruptions", std::int64_t{0});
        result.leaks = tree.value("leaks", std::int64_t{0});
        result.image_end = tree.value("image-end-offset", std::uint64_t{0});
        result.allocated_clusters = tree.value("allocated-clusters", std::uint64_t{0});
        result.total_clusters = tree.value("total-clusters", std::uint64_t{0});
        result.compressed_clusters = tree.value("compressed-clusters", std::uint64_t{0});
        return result;
    });
}

Measure parse_measure(std::string_view json) {
    return parse(json, "measure", [](const Json& tree) {
        return Measure{.required = ByteSize::bytes(tree.at("required").get<std::uint64_t>()),
                       .fully_allocated = ByteSize::bytes(tree.at("fully-allocated").get<std::uint64_t>())};
    });
}

std::vector<Extent> parse_map(std::string_view json) {
    return parse(json, "map", [](const Json& tree) {
        std::vector<Extent> out;
        out.reserve(tree.size());
        for (const Json& element : tree) {
            Extent extent{.start = element.at("start").get<std::uint64_t>(),
                          .length = element.at("length").get<std::uint64_t>(),
                          .depth = element.at("depth").get<int>(),
                          .data = element.at("data").get<bool>(),
                          .zero = element.at("zero").get<bool>()};
            if (element.contains("offset")) {
                extent.offset = element["offset"].get<std::uint64_t>();
            }
            out.push_back(extent);
        }
        return out;
    });
}

}  // namespace imgforge::image::qemu_img
