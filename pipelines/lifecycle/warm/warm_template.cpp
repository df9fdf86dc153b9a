// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/warm/warm_template.hpp"

#include <sys/stat.h>
#include <sys/utsname.h>

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/directory_size.hpp"
#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/file.hpp"
#include "builder/base/host_cpu.hpp"
#include "pipelines/lifecycle/boot.hpp"
#include "pipelines/lifecycle/warm/template_maker.hpp"

namespace imgforge::lifecycle {
namespace {

namespace fs = std::filesystem;

/// Of what decides whether a guest's memory can go on on this CPU.
std::string host_cpu_digest() {
    constexpr std::size_t digits = 16;
    return sha256_hex(host_cpu_lines({"vendor_id", "model", "stepping", "flags"})).substr(0, digits);
}

fs::path warm_folder(const Places& places) {
    return places.cache() / "warm";
}

fs::path lock_file(const fs::path& folder) {
    return folder.parent_path() / ("." + folder.filename().string() + ".lock");
}

TemplateEntry read_entry(const fs::path& folder) {
    TemplateEntry entry{.folder = folder};
    entry.bytes = allocated_in(folder);
    try {
        const Json json =
            parse_json(read_file(folder / "template.json"), (folder / "template.json").string());
        entry.image = json.at("image").get<std::string>();
        entry.generation = json.at("generation").get<int>();
        entry.qemu = json.at("qemu").get<std::string>();
    } catch (const std::exception&) {
        entry.image.clear();
    }
    return entry;
}

/// A clone could have written to a file it should only map (a hole punched by a balloon, say): then the time
/// of change is another.
Json file_facts(const fs::path& file) {
    struct stat status {};
    if (stat(file.c_str(), &status) != 0) {
        return {};
    }
    return {{"name", file.filename().string()},
            {"bytes", status.st_size},
            {"changed", fmt::format("{}.{:09}", status.st_mtim.tv_sec, status.st_mtim.tv_nsec)}};
}

std::string kernel_of_host() {
    utsname name{};
    return uname(&name) == 0 ? fmt::format("{} {}", name.release, name.version) : "";
}

/// Nothing of a template is of use after a power cut that took a part of it.
void flush_all(const fs::path& folder) {
    for (const auto& entry : fs::directory_iterator(folder)) {
        if (entry.is_regular_file()) {
            sync_file(entry.path());
        }
    }
    sync_directory(folder);
}

void make_in(Lifecycle& lifecycle, const fs::path& folder, const TemplateKey& key,
             const TemplateSource& source, std::chrono::milliseconds timeout) {
    Activity activity(lifecycle.monitor(),
                      fmt::format("make the warm template of {}@{} (once)", key.image, key.generation));
    remove_tree(folder);
    // Made in place: it counts from the moment template.json is there, which comes last.
    make_directories(folder, 0711);
    try {
        const TemplateKind kind = make_template(lifecycle, folder, source, timeout);
        flush_all(folder);
        write_file_atomically(folder / "template.json", pretty(template_facts(folder, key, kind)));
    } catch (...) {
        remove_tree(folder);
        throw;
    }
}

}  // namespace

std::string_view to_string(TemplateKind kind) {
    return kind == TemplateKind::mapped ? "mapped" : "saved";
}

bool fits_whole(const MachineRecord& record) {
    return record.nics.size() == 1 && record.nics.front().network.kind == NetworkSpec::Kind::user &&
           record.nics.front().network.model == "virtio" && record.data_disks.empty();
}

Json template_facts(const fs::path& folder, const TemplateKey& key, TemplateKind kind) {
    Json facts = to_json(key);
    facts["kind"] = to_string(kind);
    facts["files"] = Json::array({file_facts(folder / "disk.qcow2")});
    if (kind == TemplateKind::mapped) {
        facts["files"].push_back(file_facts(folder / "memory.ram"));
        facts["files"].push_back(file_facts(folder / "devices.state"));
    } else {
        facts["files"].push_back(file_facts(folder / "memory.save"));
    }
    return facts;
}

std::optional<TemplateKind> usable_template(const fs::path& folder, const TemplateKey& key) {
    std::error_code missing;
    if (!fs::exists(folder / "template.json", missing)) {
        return std::nullopt;
    }
    const Json said = Json::parse(read_file(folder / "template.json"), nullptr, false);
    for (const TemplateKind kind : {TemplateKind::mapped, TemplateKind::saved}) {
        if (said.is_object() && said == template_facts(folder, key, kind)) {
            return kind;
        }
    }
    return std::nullopt;
}

std::string TemplateKey::name() const {
    constexpr std::size_t digits = 12;
    return fmt::format("{}@{}-{}", image, generation, sha256_hex(to_json(*this).dump()).substr(0, digits));
}

Json to_json(const TemplateKey& key) {
    return {{"version", 3},  // of what a template is and of the scripts that were run in it
            {"image", key.image},
            {"generation", key.generation},
            {"image_sha256", key.image_sha256},
            {"memory", key.memory.in_bytes()},
            {"vcpus", key.vcpus},
            {"disk", key.disk.in_bytes()},
            {"user", key.user},
            {"driver", key.driver},
            {"accelerator", key.accelerator},
            {"cpu", key.cpu},
            {"processor", key.processor ? Json(std::string(to_string(*key.processor))) : Json()},
            {"graphics", key.graphics},
            {"xml", key.xml},
            {"whole", key.whole},
            {"host_cpu", key.host_cpu},
            {"kernel", key.kernel},
            {"qemu", key.qemu},
            {"qemu_file", key.qemu_file}};
}

TemplateKey template_key(Lifecycle& lifecycle, const MachineRecord& record,
                         const store::Generation& generation, ByteSize disk) {
    TemplateKey key;
    key.image = generation.image;
    key.generation = generation.generation;
    key.image_sha256 = generation.sha256;
    key.memory = record.memory;
    key.vcpus = record.vcpus;
    key.disk = disk;
    key.user = record.user;
    key.driver = record.is_embedded() ? "embedded" : "system";
    key.accelerator = machine_accel(lifecycle, record) == virt::DomainSpec::Accel::kvm ? "kvm" : "tcg";
    key.cpu = record.cpu;
    key.processor = record.processor;
    key.graphics = record.graphics;
    key.xml = record.xml;
    key.whole = fits_whole(record);
    key.host_cpu = host_cpu_digest();
    key.kernel = kernel_of_host();
    const QemuProgram qemu = qemu_program(lifecycle.processes(), lifecycle.places());
    key.qemu = qemu.version;
    key.qemu_file = qemu.file;
    return key;
}

WarmTemplate provide_template(Lifecycle& lifecycle, const TemplateKey& key, const TemplateSource& source,
                              std::chrono::milliseconds timeout) {
    const fs::path folder = warm_folder(lifecycle.places()) / key.name();
    make_directories(folder.parent_path());
    const std::string purpose = "warm template " + key.name();
    const auto turn = timeout + std::chrono::minutes(1);
    const auto say = [&](const std::string& holder) {
        lifecycle.monitor().message(fmt::format("{}: waiting for {}", purpose, holder));
    };
    while (true) {
        {
            auto shared = FileLock::acquire(lock_file(folder), purpose, turn, say, FileLock::Mode::shared);
            if (const auto kind = usable_template(folder, key)) {
                return {folder, *kind, key.whole && *kind == TemplateKind::mapped, key.disk,
                        std::move(shared)};
            }
        }
        const auto alone = FileLock::acquire(lock_file(folder), purpose, turn, say);
        if (!usable_template(folder, key)) {
            make_in(lifecycle, folder, key, source, timeout);
        }
    }
}

std::vector<TemplateEntry> warm_templates(const Places& places) {
    std::vector<TemplateEntry> entries;
    std::error_code missing;
    for (auto entry = fs::directory_iterator(warm_folder(places), missing);
         !missing && entry != fs::directory_iterator(); entry.increment(missing)) {
        if (entry->path().filename().string().front() != '.' && entry->is_directory()) {
            entries.push_back(read_entry(entry->path()));
        }
    }
    std::sort(entries.begin(), entries.end(),
              [](const auto& a, const auto& b) { return a.folder < b.folder; });
    return entries;
}

std::vector<TemplateEntry> drop_templates(const Places& places,
                                          const std::function<bool(const TemplateEntry&)>& doomed,
                                          bool dry_run) {
    std::vector<TemplateEntry> dropped;
    for (const auto& entry : warm_templates(places)) {
        const auto lock = FileLock::try_acquire(lock_file(entry.folder), "remove the warm template");
        if (!lock || !doomed(entry)) {
            continue;
        }
        if (!dry_run) {
            remove_tree(entry.folder);
        }
        dropped.push_back(entry);
    }
    return dropped;
}

}  // namespace imgforge::lifecycle
