// SPDX-License-Identifier: GPL-3.0-or-later
// Storage pools of libvirt hosts. The disk is the volume that `spawn` on such a host would bring there.
#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/byte_size.hpp"
#include "builder/base/error.hpp"
#include "builder/image/qemu_img.hpp"
#include "builder/virt/storage_pool.hpp"
#include "pipelines/exchange/workspace.hpp"
#include "pipelines/store/volume_name.hpp"
#include "pipelines/targets/kinds.hpp"
#include "pipelines/targets/pool_marks.hpp"

namespace imgforge::targets {
namespace {

namespace fs = std::filesystem;

/// The pool of one host; connected when it is made.
struct PoolHost {
    PoolHost(const std::string& uri, const std::string& wanted)
        : connection(virt::Connection::open(uri)), pool(connection, virt::choose_pool(connection, wanted)) {}

    std::string place() const { return fmt::format("{} pool {}", connection.uri(), pool.name()); }
    PoolMarks marks() const { return read_marks(pool.names()); }
    void drop(const PoolPointer& pointer) const { pool.remove(mark_name(pointer)); }

    virt::Connection connection;
    virt::StoragePool pool;
};

/// The same pool on one or several hosts.
class LibvirtTarget final : public Target {
public:
    LibvirtTarget(std::vector<std::string> uris, std::string pool, const TargetServices& services)
        : uris_(std::move(uris)), pool_(std::move(pool)), services_(services) {}

    TargetPush push(const store::Generation& generation) override {
        services_.store.require_sound(generation);
        Activity activity(services_.monitor, fmt::format("push {} to libvirt", generation.label()));
        const exchange::Workspace work(services_.store, generation.image);
        services_.store.add_reference(generation.image, generation.generation, work.holder());
        TargetPush result{.record = {{"target", fmt::format("libvirt:{}", fmt::join(uris_, ","))},
                                     {"volumes", Json::array()}}};
        std::uint64_t bytes = 0;
        for (const std::string& uri : uris_) {
            const PoolHost host(uri, pool_);
            const virt::ProvidedVolume volume = send(host, generation, work, activity);
            bytes += volume.bytes;
            result.record["volumes"].push_back({{"host", uri},
                                                {"pool", host.pool.name()},
                                                {"path", volume.path.string()},
                                                {"verified", virt::to_string(volume.check)},
                                                {"bytes", volume.bytes}});
            result.text += fmt::format("{} is {} on {} ({})\n", generation.label(), volume.path.string(),
                                       host.place(), said(volume));
        }
        result.record["bytes"] = bytes;
        result.record["sent"] = bytes != 0;
        activity.finish();
        return result;
    }

    std::vector<TargetGeneration> generations() override {
        std::map<std::pair<std::string, int>, TargetGeneration> all;
        for (const std::string& uri : uris_) {
            const PoolHost host(uri, pool_);
            const PoolMarks marks = host.marks();
            const auto users = users_by_volume(host);
            for (const PoolGeneration& one : marks.generations) {
                const PoolPointer* const current = marks.current(one.image);
                TargetGeneration& found = all[{one.image, one.generation}];
                found.image = one.image;
                found.generation = one.generation;
                found.current = found.current || (current && current->generation == one.generation);
                found.state = found.current                                                ? "current"
                              : current == nullptr || one.generation > current->generation ? "candidate"
                                                                                           : "retired";
                const auto used = users.find(one.volume);
                if (used != users.end()) {
                    found.used_by.insert(found.used_by.end(), used->second.begin(), used->second.end());
                }
            }
        }
        std::vector<TargetGeneration> list;
        for (auto& [unused, one] : all) {
            list.push_back(std::move(one));
        }
        return list;
    }

    /// All hosts: a pointer that moves on some of them only is what a promotion must not leave.
    bool can_promote(const std::string& image, int generation) override {
        return std::all_of(uris_.begin(), uris_.end(), [&](const std::string& uri) {
            return PoolHost(uri, pool_).marks().find(image, generation) != nullptr;
        });
    }

    void promote(const std::string& image, int generation) override {
        for (const std::string& uri : uris_) {
            point(PoolHost(uri, pool_), image, generation);
        }
    }

    void remove(const std::string& image, int generation) override {
        for (const std::string& uri : uris_) {
            remove_from_host(PoolHost(uri, pool_), image, generation);
        }
    }

private:
    static std::string said(const virt::ProvidedVolume& volume) {
        switch (volume.check) {
            case virt::VolumeCheck::existed: return "it was there";
            case virt::VolumeCheck::digest:
                return fmt::format("{}, digest compared", ByteSize::bytes(volume.bytes).text());
            case virt::VolumeCheck::samples:
                return fmt::format("{}, length and samples compared", ByteSize::bytes(volume.bytes).text());
        }
        return {};
    }

    virt::ProvidedVolume send(const PoolHost& host, const store::Generation& generation,
                              const exchange::Workspace& work, Activity& activity) {
        const PoolGeneration mark{generation.image, generation.generation, store::volume_name(generation)};
        const PoolMarks before = host.marks();
        if (const PoolGeneration* const other = before.find(mark.image, mark.generation);
            other != nullptr && other->volume != mark.volume) {
            throw Error(Failure::domain,
                        fmt::format("{} has another disk as {} ({})", host.place(), generation.label(),
                                    other->volume),
                        "two hosts build this image: push from one of them");
        }
        virt::ProvidedVolume volume = virt::provide_volume(
            host.pool, mark.volume, [&] { return file_of(generation, work, activity); },
            [&](std::uint64_t done, std::uint64_t total) {
                activity.progress(static_cast<double>(done), static_cast<double>(total), "bytes",
                                  "uploading to " + host.place());
            });
        if (!host.pool.find(mark_name(mark))) {
            static_cast<void>(host.pool.create({.name = mark_name(mark)}));
        }
        if (generation.state == store::GenerationState::current) {
            point(host, generation.image, generation.generation);
        }
        return volume;
    }

    /// One standalone file; a difference is folded once for all hosts.
    fs::path file_of(const store::Generation& generation, const exchange::Workspace& work,
                     Activity& activity) {
        if (!generation.parent) {
            return generation.disk();
        }
        const fs::path flat = work / "disk.qcow2";
        std::error_code code;
        if (!fs::exists(flat, code)) {
            activity.detail("converting the disk");
            image::qemu_img::run_convert(
                services_.processes,
                {.from = generation.disk(), .to = flat, .compression = image::qemu_img::Compression::zstd},
                [&](double percent) { activity.progress(percent, 100); });
        }
        return flat;
    }

    static void point(const PoolHost& host, const std::string& image, int generation) {
        const PoolMarks marks = host.marks();
        const PoolPointer* const now = marks.current(image);
        const bool moves = now == nullptr || now->generation != generation;
        const PoolPointer next{image, now == nullptr ? 1 : now->serial + 1, generation};
        if (moves) {
            static_cast<void>(host.pool.create({.name = mark_name(next)}));
        }
        for (const PoolPointer& old : marks.pointers) {
            if (old.image == image && (moves || old.serial != now->serial)) {
                host.drop(old);
            }
        }
    }

    /// Who stands on the volumes of a pool: overlays in it, and domains.
    static std::map<std::string, std::vector<std::string>> users_by_volume(const PoolHost& host) {
        const std::vector<virt::VolumeInfo> volumes = host.pool.volumes();
        std::map<std::string, std::vector<std::string>> users;
        for (const virt::VolumeInfo& volume : volumes) {
            if (!volume.backing.empty()) {
                users[volume.backing.filename().string()].push_back(volume.name);
            }
        }
        for (const virt::DomainRow& row : host.connection.domains()) {
            const auto domain = host.connection.find(row.uuid);
            const std::string xml = domain ? domain->xml() : "";
            for (const virt::VolumeInfo& volume : volumes) {
                if (is_disk_volume(volume.name) &&
                    xml.find('\'' + volume.path.string() + '\'') != std::string::npos) {
                    users[volume.name].push_back("domain " + row.name);
                }
            }
        }
        return users;
    }

    static void remove_from_host(const PoolHost& host, const std::string& image, int generation) {
        const PoolMarks marks = host.marks();
        const PoolGeneration* const found = marks.find(image, generation);
        if (found == nullptr) {
            return;
        }
        if (const PoolPointer* const now = marks.current(image); now && now->generation == generation) {
            throw Error(Failure::domain,
                        fmt::format("{}@{} is the current generation of {}", image, generation, host.place()),
                        "promote another generation first");
        }
        const auto users = users_by_volume(host);
        if (const auto used = users.find(found->volume); used != users.end()) {
            throw Error(Failure::domain,
                        fmt::format("{}@{} on {} is used by {}", image, generation, host.place(),
                                    fmt::join(used->second, ", ")),
                        "destroy or consolidate those machines first");
        }
        host.pool.remove(mark_name(*found));
        // The same content under another number keeps its disk.
        if (std::none_of(marks.generations.begin(), marks.generations.end(), [&](const PoolGeneration& one) {
                return one.volume == found->volume && one != *found;
            })) {
            virt::remove_provided(host.pool, found->volume);
        }
    }

    std::vector<std::string> uris_;
    std::string pool_;
    TargetServices services_;
};

}  // namespace

std::unique_ptr<Target> open_libvirt_target(const TargetSetting& setting, const TargetServices& services) {
    const std::string format = setting.option("format");
    if (!format.empty() && format != "qcow2") {
        throw Error(Failure::usage, fmt::format("a storage pool takes no '{}'", format),
                    "format: qcow2, or leave it out");
    }
    return std::make_unique<LibvirtTarget>(setting.places, setting.option("pool"), services);
}

}  // namespace imgforge::targets
