// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/targets/glance_push.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/image/qemu_img.hpp"
#include "pipelines/exchange/workspace.hpp"

namespace imgforge::targets {
namespace {

/// "ubuntu2404" -> {"ubuntu", "24.04"}, "debian13" -> {"debian", "13"}.
std::pair<std::string, std::string> distribution_of(const std::string& os) {
    const std::size_t digits = std::min(os.find_first_of("0123456789"), os.size());
    std::string version = os.substr(digits);
    if (os.starts_with("ubuntu") && version.size() == 4) {
        version.insert(2, ".");
    }
    return {os.substr(0, digits), version};
}

const ServiceImage* find_generation(const std::vector<ServiceImage>& images, int generation) {
    const auto found = std::find_if(images.begin(), images.end(), [&](const ServiceImage& image) {
        return image.generation == generation && image.status == "active";
    });
    return found == images.end() ? nullptr : &*found;
}

/// The disk as one standalone file of the wanted format.
std::filesystem::path glance_file(ProcessRunner& processes, const store::Generation& generation,
                                  const exchange::Workspace& work, const GlanceOptions& options,
                                  Activity& activity) {
    const bool raw = options.format == "raw";
    if (!raw && !generation.parent) {
        return generation.disk();
    }
    const std::filesystem::path file = work / (raw ? "disk.raw" : "disk.qcow2");
    activity.detail("converting the disk");
    image::qemu_img::run_convert(
        processes,
        {.from = generation.disk(),
         .to = file,
         .to_format = raw ? image::DiskFormat::raw : image::DiskFormat::qcow2,
         .compression = raw ? image::qemu_img::Compression::none : image::qemu_img::Compression::zstd},
        [&](double percent) { activity.progress(percent, 100); });
    return file;
}

/// What a killed push left has no data that counts; Glance has no way to go on with it.
void clear_unfinished(ImageService& service, const std::vector<ServiceImage>& images, int generation) {
    for (const ServiceImage& image : images) {
        if (image.generation == generation && image.status != "active") {
            service.remove(image.id);
        }
    }
}

/// The image goes again when the upload fails in any way.
std::string upload_or_remove(ImageService& service, const ServiceImage& image,
                             const std::filesystem::path& file, Activity& activity) {
    const auto size = static_cast<double>(std::filesystem::file_size(file));
    try {
        const std::string sent = service.upload(image.id, file, [&](std::uint64_t done) {
            activity.progress(static_cast<double>(done), size, "bytes", "uploading");
        });
        const ServiceImage there = service.image(image.id);
        if (there.status != "active" || there.sha512 != sent) {
            throw Error(Failure::integrity,
                        fmt::format("the image service has other data than was sent: status {}, SHA-512 "
                                    "{:.16}… there, {:.16}… here",
                                    there.status, there.sha512, sent),
                        "the image was removed again; push once more, and look at the service's storage");
        }
        return sent;
    } catch (...) {
        try {
            service.remove(image.id);
        } catch (const Error&) {
            // The first error is the one that counts; the next push removes what is left.
        }
        throw;
    }
}

}  // namespace

Json glance_record(const store::Generation& generation, const Json& recipe, const GlanceOptions& options) {
    constexpr std::uint64_t gib = 1ULL << 30U;
    const auto [distribution, version] = distribution_of(recipe.value("os", ""));
    const Json machine = recipe.value("machine", Json::object());
    const std::string firmware = machine.is_object() ? machine.value("firmware", "bios") : "bios";
    Json record = {{"name", generation.image},
                   {"disk_format", options.format},
                   {"container_format", "bare"},
                   {"visibility", options.visibility},
                   {"os_hidden", true},
                   {"min_disk", (generation.virtual_size.in_bytes() + gib - 1) / gib},
                   {"tags", {"imgforge"}},
                   {"architecture", "x86_64"},
                   {"os_type", "linux"},
                   {"hw_disk_bus", "virtio"},
                   {"hw_vif_model", "virtio"},
                   {"hw_rng_model", "virtio"},
                   {"hw_firmware_type", firmware == "bios" ? "bios" : "uefi"},
                   {"imgforge_generation", std::to_string(generation.generation)},
                   {"imgforge_sha256", generation.sha256}};
    if (!distribution.empty()) {
        record["os_distro"] = distribution;
    }
    if (!version.empty()) {
        record["os_version"] = version;
    }
    return record;
}

GlancePush push_to_glance(store::Store& store, ProcessRunner& processes, Monitor& monitor,
                          const store::Generation& generation, ImageService& service,
                          const GlanceOptions& options) {
    store.require_sound(generation);
    Activity activity(monitor, fmt::format("push {} to the image service", generation.label()));
    const exchange::Workspace work(store, generation.image);
    store.add_reference(generation.image, generation.generation, work.holder());
    const std::vector<ServiceImage> before = service.images(generation.image);
    GlancePush result;
    if (const ServiceImage* const there = find_generation(before, generation.generation)) {
        if (there->sha256 != generation.sha256) {
            throw Error(
                Failure::domain,
                fmt::format("the cloud has another disk as {} (image {})", generation.label(), there->id),
                "two hosts build this image: push from one of them");
        }
        result = {.id = there->id, .sha512 = there->sha512, .existed = true, .current = !there->hidden};
    } else {
        clear_unfinished(service, before, generation.generation);
        const std::filesystem::path file = glance_file(processes, generation, work, options, activity);
        const ServiceImage created = service.create(
            glance_record(generation, generation.manifest().value("recipe", Json::object()), options));
        result.id = created.id;
        result.sha512 = upload_or_remove(service, created, file, activity);
        result.bytes = std::filesystem::file_size(file);
    }
    if (generation.state == store::GenerationState::current) {
        result.current =
            promote_in_glance(service, monitor, generation.image, generation.generation, options.keep);
    }
    activity.finish();
    return result;
}

bool promote_in_glance(ImageService& service, Monitor& monitor, const std::string& image, int generation,
                       std::size_t keep) {
    const std::vector<ServiceImage> images = service.images(image);
    const ServiceImage* const wanted = find_generation(images, generation);
    if (wanted == nullptr) {
        return false;
    }
    // In this order there is always one: for a moment two, never none.
    if (wanted->hidden) {
        service.set_hidden(wanted->id, false);
    }
    std::vector<const ServiceImage*> old;
    for (const ServiceImage& other : images) {
        if (other.id == wanted->id || other.generation == 0 || other.status != "active") {
            continue;
        }
        if (!other.hidden) {
            service.set_hidden(other.id, true);
        }
        if (other.generation < generation) {
            old.push_back(&other);
        }
    }
    for (std::size_t i = 0; keep != 0 && i + keep < old.size(); ++i) {
        try {
            service.remove(old[i]->id);
        } catch (const Error& error) {  // protected, or a volume stands on it
            monitor.warning(
                fmt::format("{}@{} stays in the cloud: {}", image, old[i]->generation, error.message()));
        }
    }
    return true;
}

void remove_from_glance(ImageService& service, const std::string& image, int generation) {
    const std::vector<ServiceImage> images = service.images(image);
    const ServiceImage* const found = find_generation(images, generation);
    if (found == nullptr) {
        return;
    }
    if (!found->hidden || found->guarded) {
        throw Error(Failure::domain,
                    fmt::format("{}@{} is {} in the cloud (image {})", image, generation,
                                found->guarded ? "protected" : "the current generation", found->id),
                    found->guarded ? "openstack image set --unprotect" : "promote another generation first");
    }
    service.remove(found->id);
}

}  // namespace imgforge::targets
