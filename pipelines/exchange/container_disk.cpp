// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/exchange/container_disk.hpp"

#include <sys/utsname.h>

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/temp_dir.hpp"
#include "pipelines/catalog/catalog.hpp"
#include "pipelines/exchange/disk_writer.hpp"
#include "pipelines/exchange/tar_file.hpp"

namespace fs = std::filesystem;

namespace imgforge::exchange {
namespace {

constexpr const char* config_type = "application/vnd.oci.image.config.v1+json";
constexpr const char* layer_type = "application/vnd.oci.image.layer.v1.tar";
/// User and group that KubeVirt's launcher reads the disk as.
constexpr std::int64_t qemu_user = 107;

/// GOARCH, which OCI images use: amd64, arm64.
std::string oci_arch(const std::string& arch) {
    struct utsname info {};
    const std::string name = !arch.empty() ? arch : ::uname(&info) == 0 ? info.machine : "x86_64";
    const std::string_view plain = catalog::plain_arch(name);
    return plain == "x86_64" ? "amd64" : plain == "aarch64" ? "arm64" : std::string(plain);
}

Json descriptor(const char* type, const std::string& digest, std::uint64_t size) {
    return {{"mediaType", type}, {"digest", "sha256:" + digest}, {"size", size}};
}

std::string config_of(const ExportDisk& disk, const std::string& layer_digest) {
    return Json{{"created", "1970-01-01T00:00:00Z"},
                {"architecture", oci_arch(disk.arch)},
                {"os", "linux"},
                {"config", Json::object()},
                {"rootfs", {{"type", "layers"}, {"diff_ids", {"sha256:" + layer_digest}}}}}
        .dump();
}

std::string manifest_of(const ContainerImage& image) {
    return Json{{"schemaVersion", 2},
                {"mediaType", oci_manifest_type},
                {"config", descriptor(config_type, image.config_digest, image.config.size())},
                {"layers", Json::array({descriptor(layer_type, image.layer_digest, image.layer_size)})}}
        .dump();
}

std::string index_of(const ExportDisk& disk, const ContainerImage& image) {
    Json entry = descriptor(oci_manifest_type, image.manifest_digest, image.manifest.size());
    entry["annotations"] = {{"org.opencontainers.image.ref.name", disk.tag}};
    return Json{{"schemaVersion", 2},
                {"mediaType", "application/vnd.oci.image.index.v1+json"},
                {"manifests", Json::array({entry})}}
        .dump();
}

}  // namespace

ContainerImage make_container_image(const ExportDisk& disk, const fs::path& folder,
                                    const ExportServices& services, Activity& activity) {
    const fs::path file = folder / "disk.qcow2";
    write_disk(disk, "qcow2", file, {.reproducible = true}, services, activity);
    activity.detail("comparing");
    compare_disk(disk, "qcow2", file, services);
    ContainerImage image{.layer = folder / "layer.tar"};
    activity.detail("packing");
    TarWriter tar(image.layer);
    tar.add_folder({.name = "disk/", .mode = 0555, .owner = qemu_user});
    tar.add_file({.name = "disk/disk.qcow2", .mode = 0444, .owner = qemu_user}, file);
    tar.finish();
    fs::remove(file);
    image.layer_size = fs::file_size(image.layer);
    image.layer_digest = sha256_file(image.layer, [](std::uint64_t) { interrupt::check(); });
    image.config = config_of(disk, image.layer_digest);
    image.config_digest = sha256_hex(image.config);
    image.manifest = manifest_of(image);
    image.manifest_digest = sha256_hex(image.manifest);
    return image;
}

void write_container_disk(const ExportDisk& disk, const fs::path& target, const ExportServices& services,
                          Activity& activity) {
    const TempDir work("containerdisk", services.work_folder);
    const ContainerImage image = make_container_image(disk, work.path(), services, activity);
    const auto blob = [](const std::string& digest) { return "blobs/sha256/" + digest; };
    TarWriter tar(target);
    for (const char* folder : {"blobs/", "blobs/sha256/"}) {
        tar.add_folder({.name = folder, .mode = 0755});
    }
    tar.add_bytes({.name = blob(image.config_digest), .mode = 0644}, image.config);
    tar.add_bytes({.name = blob(image.manifest_digest), .mode = 0644}, image.manifest);
    tar.add_file({.name = blob(image.layer_digest), .mode = 0644}, image.layer, [&](std::uint64_t done) {
        activity.progress(static_cast<double>(done), static_cast<double>(image.layer_size), "bytes",
                          "packing");
    });
    tar.add_bytes({.name = "index.json", .mode = 0644}, index_of(disk, image));
    tar.add_bytes({.name = "oci-layout", .mode = 0644}, R"({"imageLayoutVersion":"1.0.0"})");
    tar.finish();
    for (const auto& [name, digest] : tar_digests(target)) {
        if (name.starts_with("blobs/") && name != blob(digest)) {
            throw Error(Failure::integrity, fmt::format("{} reads differently from what was written", name),
                        "check the disk the file was written to; nothing was kept");
        }
    }
}

}  // namespace imgforge::exchange
