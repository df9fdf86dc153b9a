// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/guest.hpp"

#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/json.hpp"
#include "builder/base/places.hpp"

namespace imgforge::seeds {
namespace {

Json rows() {
    const std::filesystem::path path = data_path("seeds/schemas/guests.json");
    return parse_json(read_file(path), path.string());
}

bool read_version(std::string_view text, CloudInitVersion& version) {
    const std::size_t dot = text.find('.');
    if (dot == std::string_view::npos) {
        return false;
    }
    const char* const middle = text.data() + dot;
    const char* const end = text.data() + text.size();
    const auto year = std::from_chars(text.data(), middle, version.year);
    const auto number = std::from_chars(middle + 1, end, version.number);
    return year.ec == std::errc() && year.ptr == middle && number.ec == std::errc() &&
           (number.ptr == end || *number.ptr == '.');
}

}  // namespace

CloudInitVersion parse_cloud_init_version(std::string_view text) {
    CloudInitVersion version;
    if (!read_version(text, version)) {
        throw Error(Failure::recipe, fmt::format("'{}' is not a version of cloud-init", text),
                    "write it like 22.4");
    }
    return version;
}

std::string to_string(const CloudInitVersion& version) {
    return fmt::format("{}.{}", version.year, version.number);
}

Guest guest_named(const std::string& word) {
    const Json known = rows();
    if (const auto row = known.find(word); row != known.end()) {
        return {.name = word,
                .version = parse_cloud_init_version(row->at("cloud_init").get<std::string>()),
                .netplan = row->at("netplan").get<bool>(),
                .yescrypt = row->value("yescrypt", true)};
    }
    Guest guest{.name = "cloud-init " + word};
    if (!read_version(word, guest.version)) {
        throw Error(Failure::usage, fmt::format("unknown guest '{}'", word),
                    fmt::format("use a version of cloud-init such as 24.4, or one of {}",
                                fmt::join(guest_names(), ", ")));
    }
    return guest;
}

std::vector<std::string> guest_names() {
    std::vector<std::string> names;
    const Json known = rows();
    for (const auto& [name, row] : known.items()) {
        names.push_back(name);
    }
    return names;
}

}  // namespace imgforge::seeds
