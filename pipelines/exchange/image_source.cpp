// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/exchange/image_source.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/suggestion.hpp"
#include "builder/base/text.hpp"
#include "pipelines/exchange/unpack.hpp"
#include "pipelines/fetch/registry.hpp"
#include "pipelines/store/generation.hpp"

namespace fs = std::filesystem;

namespace imgforge::exchange {
namespace {

constexpr std::size_t longest_name = 64;
constexpr std::array<std::string_view, 9> disk_endings{".qcow2", ".qcow", ".raw", ".img", ".vmdk",
                                                       ".vhdx",  ".vhd",  ".vdi", ".ova"};

std::string without_disk_ending(std::string name) {
    for (const std::string_view ending : disk_endings) {
        if (name.size() > ending.size() && lower_case(name).ends_with(ending)) {
            name.resize(name.size() - ending.size());
            return name;
        }
    }
    return name;
}

std::string plain_path(const std::string& location) {
    return location.starts_with("file://") ? location.substr(7) : location;
}

void check_request(const SourceRequest& request) {
    const auto together = [](std::string_view option, std::string_view needs) {
        throw Error(Failure::usage, fmt::format("{} needs {}", option, needs),
                    "`imgforge images import --help` shows the options");
    };
    if (!request.signature.empty() && request.keyring.empty()) {
        together("--signature", "--keyring");
    }
    if (!request.keyring.empty() && request.checksums.empty() && request.signature.empty()) {
        together("--keyring", "--checksums or --signature");
    }
    if (!request.fingerprint.empty() && request.keyring.empty()) {
        together("--fingerprint", "--keyring");
    }
    if (!request.name.empty() && !store::is_image_name(request.name)) {
        throw Error(Failure::usage, fmt::format("'{}' cannot name a golden image", request.name),
                    "use a-z, 0-9, '.', '_' and '-', at most 64, with a letter or digit first");
    }
}

/// What proves it: the user's options where given, else the row's.
void add_proof(const SourceRequest& request, ImageSource& source) {
    const bool own = request.sha256 || !request.checksums.empty() || !request.signature.empty();
    if (!own) {
        return;
    }
    source.medium.sha256 = request.sha256;
    source.medium.checksums = plain_path(request.checksums);
    source.medium.keyring = request.keyring;
    source.medium.fingerprint = request.fingerprint;
    source.medium.signature = plain_path(request.signature);
}

ImageSource of_row(const catalog::CatalogImage& row, const SourceRequest& request) {
    ImageSource source{
        .kind = ImageSource::Kind::catalogue, .name = row.name, .os = row.os, .arch = row.arch};
    source.medium.location = row.url;
    source.format = image::parse_disk_format(row.format);
    const bool own_proof = request.sha256 || !request.checksums.empty() || !request.signature.empty();
    if (!own_proof) {
        source.medium.checksums = row.checksums;
        source.medium.fingerprint = row.fingerprint;
        source.medium.sha256 = row.sha256.empty() ? std::nullopt : std::optional(row.sha256);
        source.medium.signature = row.signature;
        source.medium.keyring_package = row.keyring_package;
        if (!row.keyring.empty()) {
            source.medium.keyring = catalog::find_keyring(row);
        }
    }
    return source;
}

/// A containerDisk: the file in it says its format, the repository's last part the image's name.
ImageSource of_registry(const std::string& text) {
    const std::string repository = fetch::parse_registry_name(text).repository;
    ImageSource source{.kind = ImageSource::Kind::registry,
                       .name = image_name_of(repository.substr(repository.rfind('/') + 1))};
    source.medium.location = text;
    return source;
}

ImageSource of_location(const std::string& text, const catalog::Catalog& catalog) {
    if (text.starts_with("oci://")) {
        return of_registry(text);
    }
    ImageSource source;
    const std::string location = plain_path(text);
    source.kind = fetch::is_url(location) ? ImageSource::Kind::url : ImageSource::Kind::file;
    source.medium.location =
        source.kind == ImageSource::Kind::url ? location : fs::absolute(location).lexically_normal().string();
    const std::string file_name = fetch::base_name(location);
    if (const auto says = catalog.recognise(file_name)) {
        source.os = says->os;
        source.format =
            says->format.empty() ? std::nullopt : std::optional(image::parse_disk_format(says->format));
    }
    source.arch = catalog::arch_in_name(file_name);
    return source;
}

}  // namespace

bool looks_like_location(const std::string& text) {
    return text.find('/') != std::string::npos || text.find("://") != std::string::npos ||
           without_disk_ending(unpacked_name(text)) != text;
}

std::string image_name_of(const std::string& location) {
    std::string name = lower_case(without_disk_ending(unpacked_name(fetch::base_name(location))));
    for (char& c : name) {
        const bool allowed =
            (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
        c = allowed ? c : '-';
    }
    name.erase(0, name.find_first_not_of(".-_"));
    name.resize(std::min(name.size(), longest_name));
    if (!store::is_image_name(name)) {
        throw Error(Failure::usage, fmt::format("'{}' gives no name for a golden image", location),
                    "say one with --name");
    }
    return name;
}

ImageSource resolve_source(const SourceRequest& request, const catalog::Catalog& catalog) {
    check_request(request);
    const std::string& text = request.source;
    const bool scheme = text.find("://") != std::string::npos;
    if (scheme && !fetch::is_url(text) && !text.starts_with("file://") && !text.starts_with("oci://")) {
        throw Error(Failure::usage, fmt::format("'{}' cannot be imported: unknown kind of URL", text),
                    "images come from files, from http, https and ftp URLs, and from registries (oci://)");
    }
    std::error_code code;
    const bool location = looks_like_location(text) || fs::is_regular_file(text, code);
    const auto row = location ? std::nullopt : catalog.find(text, request.arch);
    if (!location && !row) {
        throw Error(Failure::usage,
                    fmt::format("'{}' is neither a file nor a name of the catalogue{}", text,
                                did_you_mean(text, catalog.names())),
                    "`imgforge catalog` lists the names");
    }
    ImageSource source = row ? of_row(*row, request) : of_location(text, catalog);
    source.file_name = fetch::base_name(source.medium.location);
    add_proof(request, source);
    if (!request.name.empty()) {
        source.name = request.name;
    } else if (source.name.empty()) {
        source.name = image_name_of(source.medium.location);
    }
    source.os = request.os.empty() ? source.os : request.os;
    source.arch = request.arch.empty() ? source.arch : request.arch;
    source.format = request.format ? request.format : source.format;
    return source;
}

}  // namespace imgforge::exchange
