// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "builder/base/json.hpp"
#include "builder/base/lock.hpp"
#include "pipelines/lifecycle/lifecycle.hpp"
#include "pipelines/lifecycle/warm/qemu_program.hpp"
#include "seeds/seed.hpp"

namespace imgforge::lifecycle {

/// What a memory image can be used for. Anything here that differs needs another template.
struct TemplateKey {
    std::string image;
    int generation = 0;
    std::string image_sha256;
    ByteSize memory;
    unsigned vcpus = 1;
    ByteSize disk;  ///< virtual size of the root disk
    std::string user;
    std::string driver;  ///< "embedded" or "system": files and sockets lie elsewhere
    std::string accelerator;
    std::string cpu;                            ///< asked for; empty: the accelerator's best
    std::optional<ProcessorLevel> processor{};  ///< see MachineRecord
    std::string graphics{};
    std::vector<std::string> xml{};  ///< the user's changes of the domain's XML
    bool whole = false;              ///< see fits_whole()
    std::string host_cpu;            ///< digest of model and features of this host's CPU
    std::string kernel;              ///< release and version of this host's
    std::string qemu;                ///< version
    std::string qemu_file{};         ///< size and time of change of the program

    /// "debian13@3-0123456789ab", the directory's name.
    std::string name() const;
};

Json to_json(const TemplateKey& key);

/// Whether a machine has one card, on QEMU's user network, and no data disks: then its template has card and
/// seed as well, and nothing need be plugged in. Others get both while they run.
bool fits_whole(const MachineRecord& record);

/// The key for machines like this record on this host.
TemplateKey template_key(Lifecycle& lifecycle, const MachineRecord& record,
                         const store::Generation& generation, ByteSize disk);

/// How a template's memory is kept.
enum class TemplateKind {
    mapped,  ///< memory.ram, which clones map, and devices.state
    saved,  ///< memory.save, libvirt's own format, which each clone copies: where QEMU may not open our files
};
std::string_view to_string(TemplateKind kind);

/// A machine that booted once and lies frozen in cache/warm/NAME: disk.qcow2 (an overlay on the generation),
/// its memory, template.json. Clones copy the disk; memory they map stays while they live, even if its file
/// is removed. So it may be removed as soon as nobody holds it.
struct WarmTemplate {
    std::filesystem::path folder;
    TemplateKind kind = TemplateKind::mapped;
    bool whole = false;  ///< has a card and a seed
    ByteSize disk_size;  ///< virtual
    FileLock held;       ///< shared
    std::filesystem::path disk() const { return folder / "disk.qcow2"; }
    std::filesystem::path memory() const {
        return folder / (kind == TemplateKind::mapped ? "memory.ram" : "memory.save");
    }
    std::filesystem::path devices() const { return folder / "devices.state"; }
};

/// What a template is made from.
struct TemplateSource {
    MachineRecord record;  ///< of the machines to come: memory, vcpus, cpu, connection, user
    std::vector<std::filesystem::path> chain;  ///< of the golden image, top first
    ByteSize disk;                             ///< virtual size of the root disk
    seeds::SeedSpec seed;                      ///< theirs, without keys, host keys and data of the caller
    bool whole = false;                        ///< with a card and a seed that stay
};

/// The template for `key`; made when there is none (some commands at once: one makes it, the others wait).
/// Throws Failure::guest when the image has no guest agent or no cloud-init, Failure::timeout with the end of
/// the console when it does not come up within `timeout`.
WarmTemplate provide_template(Lifecycle& lifecycle, const TemplateKey& key, const TemplateSource& source,
                              std::chrono::milliseconds timeout);

/// What template.json says of a finished template. Pure but for looking at its files.
Json template_facts(const std::filesystem::path& folder, const TemplateKey& key, TemplateKind kind);

/// The kind of the finished template in `folder`, if it is one for `key` and its files are as they were when
/// it was finished. Nothing for anything else: unfinished, of an earlier imgforge, changed.
std::optional<TemplateKind> usable_template(const std::filesystem::path& folder, const TemplateKey& key);

/// One template in the cache, as its template.json says.
struct TemplateEntry {
    std::filesystem::path folder;
    std::string image{};  ///< empty: unfinished or unreadable
    int generation = 0;
    std::string qemu{};
    std::uint64_t bytes = 0;  ///< on disk
};
std::vector<TemplateEntry> warm_templates(const Places& places);

/// Removes the templates `doomed` says yes to (not those somebody makes or copies right now), and returns
/// them. With `dry_run` it only says.
std::vector<TemplateEntry> drop_templates(const Places& places,
                                          const std::function<bool(const TemplateEntry&)>& doomed,
                                          bool dry_run);

}  // namespace imgforge::lifecycle
