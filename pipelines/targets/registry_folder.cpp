// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/targets/registry_folder.hpp"

#include <map>
#include <mutex>

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/json.hpp"
#include "pipelines/exchange/container_disk.hpp"
#include "pipelines/fetch/registry.hpp"

namespace imgforge::targets {
namespace {

constexpr const char* index_file_name = "index.json";
constexpr const char* index_tag = "index";
constexpr const char* manifest_tag = "manifest-";
constexpr const char* windows_start = "windows/";
constexpr const char* artifact_type = "application/vnd.imgforge.disk.v1+json";
constexpr const char* window_type = "application/vnd.imgforge.window.v1+zstd";

struct Blob {
    std::string digest;
    std::uint64_t size = 0;
};

/// Where each window lies; shared by all readers and writers of one place.
struct KnownWindows {
    std::once_flag listed{};
    std::mutex mutex{};
    std::map<std::string, Blob> blobs{};

    std::optional<Blob> find(const std::string& window) {
        const std::lock_guard lock(mutex);
        const auto found = blobs.find(window);
        return found == blobs.end() ? std::nullopt : std::optional(found->second);
    }
    void put(const std::string& window, Blob blob) {
        const std::lock_guard lock(mutex);
        blobs[window] = std::move(blob);
    }
};

/// "windows/ab/abcd….zst" -> "abcd…", "manifests/abcd….json" -> "abcd…".
std::string digest_in(const std::string& name) {
    const std::size_t slash = name.rfind('/');
    return name.substr(slash + 1, name.find('.', slash) - slash - 1);
}

std::string tag_of(const std::string& name) {
    return name == index_file_name ? index_tag : manifest_tag + digest_in(name);
}

/// An artefact of ours as the registry has it.
struct Artifact {
    std::string digest{};
    Blob config{};
};

Artifact parse_artifact(const fetch::Registry::Manifest& manifest, const std::string& source,
                        KnownWindows& known) {
    Artifact artifact{.digest = manifest.digest};
    try {
        const Json value = parse_json(manifest.bytes, source);
        const Json& config = value.at("config");
        artifact.config = {config.at("digest").get<std::string>(), config.at("size").get<std::uint64_t>()};
        for (const Json& layer : value.at("layers")) {
            const Json notes = layer.value("annotations", Json::object());
            if (notes.contains(registry_window_annotation)) {
                known.put(notes[registry_window_annotation].get<std::string>(),
                          {layer.at("digest").get<std::string>(), layer.at("size").get<std::uint64_t>()});
            }
        }
    } catch (const Json::exception&) {
        throw Error(Failure::integrity, fmt::format("{} is not an image of windows", source),
                    "`imgforge images import oci://…` takes a containerDisk");
    }
    return artifact;
}

/// One connection; what reader and writer have in common.
class RegistryPlace {
public:
    RegistryPlace(fetch::RegistryName name, std::shared_ptr<KnownWindows> known)
        : registry_(std::move(name)), known_(std::move(known)) {}

    fetch::Registry& registry() { return registry_; }
    KnownWindows& known() { return *known_; }
    std::shared_ptr<KnownWindows> shared() const { return known_; }
    std::string location() const {
        return fmt::format("oci://{}/{}", registry_.name().host, registry_.name().repository);
    }

    std::optional<Artifact> artifact(const std::string& tag) {
        const auto manifest = registry_.manifest(tag);
        return manifest
                   ? std::optional(parse_artifact(*manifest, fmt::format("{}:{}", location(), tag), *known_))
                   : std::nullopt;
    }

    ReadAnswer read(const std::string& name, std::uint64_t limit, const std::string& entity_tag) {
        if (name.starts_with(windows_start)) {
            const auto blob = known_->find(digest_in(name));
            return blob ? found(registry_.blob(blob->digest, limit), {}) : ReadAnswer{};
        }
        const auto there = artifact(tag_of(name));
        if (!there) {
            return {};
        }
        if (!entity_tag.empty() && there->digest == entity_tag) {
            return {.outcome = ReadAnswer::Outcome::unchanged, .bytes = {}, .entity_tag = entity_tag};
        }
        return found(registry_.blob(there->config.digest, limit), there->digest);
    }

private:
    static ReadAnswer found(std::string bytes, std::string tag) {
        return {
            .outcome = ReadAnswer::Outcome::found, .bytes = std::move(bytes), .entity_tag = std::move(tag)};
    }

    fetch::Registry registry_;
    std::shared_ptr<KnownWindows> known_;
};

class RegistryReader final : public FolderReader {
public:
    RegistryReader(fetch::RegistryName name, std::shared_ptr<KnownWindows> known)
        : name_(name), place_(std::move(name), std::move(known)) {}

    ReadAnswer read(const std::string& name, std::uint64_t limit, const std::string& entity_tag) override {
        return place_.read(name, limit, entity_tag);
    }
    std::unique_ptr<FolderReader> again() const override {
        return std::make_unique<RegistryReader>(name_, place_.shared());
    }
    std::string location() const override { return place_.location(); }

private:
    fetch::RegistryName name_;
    RegistryPlace place_;
};

class RegistryWriter final : public FolderWriter {
public:
    RegistryWriter(fetch::RegistryName name, std::shared_ptr<KnownWindows> known)
        : name_(name), place_(std::move(name), std::move(known)) {}

    std::uint64_t size(const std::string& name) override {
        if (name.starts_with(windows_start)) {
            std::call_once(place_.known().listed, [&] { list_windows(); });
            const auto blob = place_.known().find(digest_in(name));
            // The registry may have let go of what its manifest named.
            return blob && place_.registry().has_blob(blob->digest) ? blob->size : 0;
        }
        const auto there = place_.artifact(tag_of(name));
        return there ? there->config.size : 0;
    }

    void put(const std::string& name, const std::string& bytes) override {
        if (name.starts_with(windows_start)) {
            Blob blob{"sha256:" + sha256_hex(bytes), bytes.size()};
            place_.registry().push_blob(blob.digest, bytes);
            place_.known().put(digest_in(name), std::move(blob));
        } else {
            put_artifact(tag_of(name), bytes,
                         name == index_file_name ? Json::array() : layers_of(parse_manifest(bytes, name)));
        }
    }

    void flush() override {}

    void remove(const std::string& name) override {
        // A window goes with the last manifest that names it, by the registry's own collection.
        if (!name.starts_with(windows_start)) {
            if (const auto there = place_.artifact(tag_of(name))) {
                place_.registry().remove_manifest(there->digest);
            }
        }
    }

    ReadAnswer read(const std::string& name, std::uint64_t limit) override {
        return place_.read(name, limit, {});
    }

    bool replace_index(const ReadAnswer& before, const std::string& text) override {
        const auto now = place_.artifact(index_tag);
        if ((now ? now->digest : std::string()) != before.entity_tag) {
            return false;
        }
        put_artifact(index_tag, text, Json::array());
        return true;
    }

    bool exclusive() const override { return false; }
    std::unique_ptr<FolderWriter> again() const override {
        return std::make_unique<RegistryWriter>(name_, place_.shared());
    }
    std::string location() const override { return place_.location(); }

private:
    /// Those of the generations that are there.
    void list_windows() {
        for (const std::string& tag : place_.registry().tags()) {
            if (tag.starts_with(manifest_tag)) {
                place_.artifact(tag);
            }
        }
    }

    Json layers_of(const DiskManifest& manifest) {
        Json layers = Json::array();
        for (const Window& window : manifest.windows) {
            const auto blob = place_.known().find(window.sha256);
            if (!blob) {
                throw Error(Failure::tool,
                            fmt::format("window {} was not sent to {}", window.sha256, location()));
            }
            layers.push_back({{"mediaType", window_type},
                              {"digest", blob->digest},
                              {"size", blob->size},
                              {"annotations", {{registry_window_annotation, window.sha256}}}});
        }
        return layers;
    }

    void put_artifact(const std::string& tag, const std::string& config, Json layers) {
        const std::string digest = "sha256:" + sha256_hex(config);
        place_.registry().push_blob(digest, config);
        const Json manifest = {
            {"schemaVersion", 2},
            {"mediaType", exchange::oci_manifest_type},
            {"config", {{"mediaType", artifact_type}, {"digest", digest}, {"size", config.size()}}},
            {"layers", std::move(layers)}};
        place_.registry().put_manifest(tag, manifest.dump(), exchange::oci_manifest_type);
    }

    fetch::RegistryName name_;
    RegistryPlace place_;
};

}  // namespace

std::unique_ptr<FolderReader> open_registry_reader(const std::string& place) {
    return std::make_unique<RegistryReader>(fetch::parse_registry_name(place),
                                            std::make_shared<KnownWindows>());
}

std::unique_ptr<FolderWriter> open_registry_writer(const std::string& place) {
    return std::make_unique<RegistryWriter>(fetch::parse_registry_name(place),
                                            std::make_shared<KnownWindows>());
}

}  // namespace imgforge::targets
