// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/targets/push_registry.hpp"

#include <fmt/format.h>

#include "pipelines/exchange/container_disk.hpp"
#include "pipelines/exchange/workspace.hpp"

namespace imgforge::targets {

fetch::RegistryName registry_repository(std::string place, const std::string& image) {
    if (const std::size_t at = place.find(image_word); at != std::string::npos) {
        place.replace(at, image_word.size(), image);
    }
    return fetch::parse_registry_name(place);
}

RegistryPush push_to_registry(store::Store& store, ProcessRunner& processes, Monitor& monitor,
                              const store::Generation& generation, const fetch::RegistryName& name) {
    Activity activity(monitor,
                      fmt::format("push {} to {}/{}", generation.label(), name.host, name.repository));
    const exchange::Workspace work(store, generation.image);
    store.add_reference(generation.image, generation.generation, work.holder());
    const Json recipe = generation.manifest().value("recipe", Json::object());
    const exchange::ExportDisk disk{.disk = generation.disk(),
                                    .name = generation.image,
                                    .tag = std::to_string(generation.generation),
                                    .arch = recipe.value("arch", std::string()),
                                    .virtual_size = generation.virtual_size,
                                    .standalone = generation.depth == 0};
    const exchange::ExportServices services{.processes = processes,
                                            .monitor = monitor,
                                            .work_folder = work.folder(),
                                            .write_rootfs = {},
                                            .activity = activity.id()};
    const exchange::ContainerImage image =
        exchange::make_container_image(disk, work.folder(), services, activity);
    fetch::Registry registry(name);
    RegistryPush result{.digest = "sha256:" + image.manifest_digest, .bytes = image.layer_size};
    result.layer_sent =
        registry.push_blob("sha256:" + image.layer_digest, image.layer, [&](std::uint64_t done) {
            activity.progress(static_cast<double>(done), static_cast<double>(image.layer_size), "bytes",
                              "uploading");
        });
    registry.push_blob("sha256:" + image.config_digest, image.config);
    registry.put_manifest(disk.tag, image.manifest, exchange::oci_manifest_type);
    if (generation.state == store::GenerationState::current) {
        registry.put_manifest("latest", image.manifest, exchange::oci_manifest_type);
    }
    activity.finish();
    return result;
}

bool promote_in_registry(const fetch::RegistryName& name, int generation) {
    fetch::Registry registry(name);
    const auto found = registry.manifest(std::to_string(generation));
    if (found) {
        registry.put_manifest("latest", found->bytes, found->type);
    }
    return found.has_value();
}

}  // namespace imgforge::targets
