// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/lazy/web_disk.hpp"

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/process.hpp"
#include "pipelines/lifecycle/lazy/nbdkit.hpp"
#include "pipelines/targets/target.hpp"

namespace imgforge::lifecycle {
namespace {

/// As QEMU's programs take it. The path is imgforge's own: no character of it needs escaping but '%'.
std::string nbd_uri(const MachineRecord& record) {
    std::string path;
    for (const char c : record.lazy->socket.native()) {
        path += c == '%' || c == '&' || c == '#' ? fmt::format("%{:02X}", static_cast<unsigned char>(c))
                                                 : std::string(1, c);
    }
    return "nbd+unix:///?socket=" + path;
}

/// What the server has must be the disk of the manifest, and refer to nothing on this host.
void require_plain_disk(Lifecycle& lifecycle, const MachineRecord& record, ByteSize size) {
    ProcessSpec look{.program = "qemu-img",
                     .args = {"info", "-f", "qcow2", "--output=json", nbd_uri(record)}};
    look.timeout = std::chrono::minutes(2);
    const Json info = parse_json(run_checked(lifecycle.processes(), look).out, record.lazy->url);
    const Json data = info.value("format-specific", Json::object()).value("data", Json::object());
    if (info.contains("backing-filename") || data.contains("data-file")) {
        throw Error(Failure::integrity, fmt::format("{} refers to another file", record.lazy->url),
                    "only disks that stand alone are taken from a server");
    }
    if (info.value("virtual-size", std::uint64_t{0}) != size.in_bytes()) {
        throw Error(Failure::integrity,
                    fmt::format("{} has {} bytes, its manifest says {}", record.lazy->url,
                                info.value("virtual-size", std::uint64_t{0}), size.in_bytes()),
                    "push the generation there again");
    }
}

}  // namespace

targets::PullSource lazy_source(const Lifecycle& lifecycle, const std::string& source) {
    const targets::NamedTarget target = targets::find_target(lifecycle.settings(), source);
    if (target.setting.kind != "web") {
        throw Error(Failure::usage,
                    fmt::format("'{}' is a target of kind {}: machines start early from web servers only",
                                target.name, target.setting.kind),
                    "name the URL of a directory that was pushed to with `files: true`");
    }
    return {
        .location = target.setting.place(), .key = target.setting.option("key"), .setting = target.setting};
}

targets::PullServices lazy_services(Lifecycle& lifecycle) {
    return {.store = lifecycle.store(), .processes = lifecycle.processes(), .monitor = lifecycle.monitor()};
}

WebDisk find_web_disk(Lifecycle& lifecycle, const std::string& source, const std::string& image) {
    const store::ImageSpec spec = store::parse_image_spec(image);
    const targets::PullSource from = lazy_source(lifecycle, source);
    const auto reader = targets::open_source(from);
    const auto accepted = targets::accept_index(from, *reader, lazy_services(lifecycle));
    const auto manifest = targets::accepted_manifest(from, *reader, accepted, spec.name, spec.generation);
    WebDisk disk;
    disk.root.source = source;
    disk.root.url = fmt::format("{}/{}-{}.qcow2", from.location, spec.name, manifest.generation);
    disk.root.generation = manifest.generation;
    disk.generation.image = spec.name;
    disk.generation.generation = manifest.generation;
    disk.generation.virtual_size = manifest.virtual_size;
    const Json recipe = manifest.records.value("recipe", Json::object());
    disk.os = recipe.is_object() ? recipe.value("os", "") : "";
    return disk;
}

void make_lazy_root(Lifecycle& lifecycle, MachineRecord& record, ByteSize image_size, ByteSize size) {
    const auto folder = lifecycle.folder(record.name);
    record.lazy->socket = folder / "base.sock";
    ensure_nbdkit(lifecycle, record);
    require_plain_disk(lifecycle, record, image_size);
    record.disk = folder / "disk.qcow2";
    record.backing.clear();
    ProcessSpec create{.program = "qemu-img"};
    create.args = {"create",
                   "-q",
                   "-u",
                   "-f",
                   "qcow2",
                   "-F",
                   "qcow2",
                   "-b",
                   nbd_uri(record),
                   record.disk.string(),
                   std::to_string(size.in_bytes())};
    run_checked(lifecycle.processes(), create);
    std::filesystem::permissions(record.disk,
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

}  // namespace imgforge::lifecycle
