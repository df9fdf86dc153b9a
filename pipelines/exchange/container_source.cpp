// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/exchange/container_source.hpp"

#include <fcntl.h>
#include <sys/utsname.h>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/handle.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/image/archive_library.hpp"
#include "pipelines/catalog/catalog.hpp"

namespace fs = std::filesystem;

namespace imgforge::exchange {
namespace {

constexpr std::size_t layer_block = 1U << 20U;

[[noreturn]] void no_manifest(const fetch::RegistryName& name, const std::string& why) {
    throw Error(Failure::integrity, fmt::format("{}/{}:{} is not a container image: {}", name.host,
                                                name.repository, name.tag, why));
}

std::string wanted_arch(const std::string& arch) {
    struct utsname info {};
    const std::string name = !arch.empty() ? arch : ::uname(&info) == 0 ? info.machine : "x86_64";
    return std::string(catalog::plain_arch(name));
}

/// The digest of the image for that architecture in an index.
std::string chosen(const Json& index, const std::string& arch) {
    for (const Json& entry : index.at("manifests")) {
        const Json platform = entry.value("platform", Json::object());
        if (catalog::plain_arch(platform.value("architecture", std::string())) == arch) {
            return entry.at("digest").get<std::string>();
        }
    }
    return index.at("manifests").at(0).at("digest").get<std::string>();
}

/// The file name of a member that is the disk; empty for all others.
std::string disk_name(archive_entry* entry) {
    std::string path = archive_entry_pathname(entry);
    path = path.starts_with("./") ? path.substr(2) : path.starts_with('/') ? path.substr(1) : path;
    const bool disk = path.starts_with("disk/") && path.find('/', 5) == std::string::npos && path.size() > 5;
    return disk && archive_entry_filetype(entry) == AE_IFREG && archive_entry_hardlink(entry) == nullptr &&
                   !path.substr(5).starts_with(".wh.")
               ? path.substr(5)
               : std::string();
}

/// Writes the layer's disk to `target`; empty when it has none.
std::string take_disk(const fs::path& layer, const fs::path& target) {
    const Handle<archive, &archive_read_free> reader(archive_read_new());
    archive_read_support_format_tar(reader.get());
    archive_read_support_filter_gzip(reader.get());
    archive_read_support_filter_zstd(reader.get());
    archive_entry* entry = nullptr;
    int answer = archive_read_open_filename(reader.get(), layer.c_str(), layer_block);
    while (answer == ARCHIVE_OK && (answer = archive_read_next_header(reader.get(), &entry)) == ARCHIVE_OK) {
        interrupt::check();
        const std::string name = disk_name(entry);
        if (name.empty()) {
            continue;
        }
        const Fd fd = open_fd(target, O_RDWR | O_CREAT | O_TRUNC, 0600);
        if (archive_read_data_into_fd(reader.get(), fd.get()) != ARCHIVE_OK) {
            break;
        }
        return name;
    }
    if (answer != ARCHIVE_EOF) {
        const char* const words = archive_error_string(reader.get());
        throw Error(Failure::integrity, fmt::format("a layer of the container image cannot be read: {}",
                                                    words != nullptr ? words : "it is damaged"));
    }
    return {};
}

}  // namespace

ContainerSource::ContainerSource(const std::string& location, const std::string& arch)
    : registry_(fetch::parse_registry_name(location)) {
    try {
        read_manifest(wanted_arch(arch));
    } catch (const Json::exception& fault) {
        no_manifest(registry_.name(), fault.what());
    }
}

void ContainerSource::read_manifest(const std::string& arch) {
    const fetch::RegistryName& name = registry_.name();
    auto found = registry_.manifest(name.tag);
    if (!found) {
        throw Error(Failure::usage,
                    fmt::format("{}/{}:{} does not exist", name.host, name.repository, name.tag),
                    "`skopeo list-tags` shows what the repository has");
    }
    Json manifest = parse_json(found->bytes, "the manifest");
    if (manifest.contains("manifests")) {
        found = registry_.manifest(chosen(manifest, arch));
        if (!found) {
            no_manifest(name, "its index names a manifest that is missing");
        }
        manifest = parse_json(found->bytes, "the manifest");
    }
    digest_ = found->digest.substr(found->digest.find(':') + 1);
    for (const Json& layer : manifest.at("layers")) {
        layers_.push_back({layer.at("digest").get<std::string>(), layer.at("size").get<std::uint64_t>()});
        const std::string& digest = layers_.back().digest;
        if (!digest.starts_with("sha256:") || digest.size() != 71 || digest.find('/') != std::string::npos) {
            no_manifest(name, fmt::format("the digest '{}' of a layer", digest));
        }
    }
}

std::uint64_t ContainerSource::size() const {
    std::uint64_t sum = 0;
    for (const Layer& layer : layers_) {
        sum += layer.size;
    }
    return sum;
}

std::string ContainerSource::extract(const fs::path& folder, const fs::path& target,
                                     const std::function<void(std::uint64_t)>& progress) {
    for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
        const fs::path file = folder / ("layer-" + layer->digest.substr(7));
        registry_.pull_blob(layer->digest, layer->size, file, progress);
        std::string name = take_disk(file, target);
        fs::remove(file);
        if (!name.empty()) {
            return name;
        }
    }
    const fetch::RegistryName& name = registry_.name();
    throw Error(Failure::recipe, fmt::format("{}/{}:{} is not a containerDisk: no layer has a file in /disk",
                                             name.host, name.repository, name.tag));
}

}  // namespace imgforge::exchange
