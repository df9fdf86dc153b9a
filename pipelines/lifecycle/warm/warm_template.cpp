// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/warm/warm_template.hpp"

#include <algorithm>
#include <fstream>

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "pipelines/lifecycle/boot.hpp"
#include "pipelines/lifecycle/warm/template_maker.hpp"

namespace imgforge::lifecycle {
namespace {

namespace fs = std::filesystem;

/// The lines of /proc/cpuinfo that decide whether a guest's memory can go on on this CPU.
std::string host_cpu_digest() {
    std::ifstream in("/proc/cpuinfo");
    std::string facts;
    for (std::string line; std::getline(in, line) && !line.empty();) {  // the first CPU
        for (const char* const key : {"vendor_id", "model", "stepping", "flags"}) {
            if (line.rfind(key, 0) == 0) {
                facts += line + "\n";
            }
        }
    }
    constexpr std::size_t digits = 16;
    return sha256_hex(facts).substr(0, digits);
}

fs::path warm_folder(const Places& places) {
    return places.cache() / "warm";
}

fs::path lock_file(const fs::path& folder) {
    return folder.parent_path() / ("." + folder.filename().string() + ".lock");
}

std::uint64_t bytes_below(const fs::path& folder) {
    std::uint64_t bytes = 0;
    std::error_code gone;
    for (auto entry = fs::directory_iterator(folder, gone); !gone && entry != fs::directory_iterator();
         entry.increment(gone)) {
        bytes += allocated_size(entry->path());
    }
    return bytes;
}

TemplateEntry read_entry(const fs::path& folder) {
    TemplateEntry entry{.folder = folder};
    entry.bytes = bytes_below(folder);
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

bool complete(const fs::path& folder, const TemplateKey& key) {
    std::error_code missing;
    if (!fs::exists(folder / "template.json", missing)) {
        return false;
    }
    return parse_json(read_file(folder / "template.json"), (folder / "template.json").string()) ==
           to_json(key);
}

void make_in(Lifecycle& lifecycle, const fs::path& folder, const TemplateKey& key,
             const TemplateSource& source, std::chrono::milliseconds timeout) {
    Activity activity(lifecycle.monitor(),
                      fmt::format("make the warm template of {}@{} (once)", key.image, key.generation));
    remove_tree(folder);
    // Made in place: it counts from the moment template.json is there, which comes last.
    make_directories(folder, 0711);
    try {
        make_template(lifecycle, folder, source, timeout);
        write_file_atomically(folder / "template.json", pretty(to_json(key)));
    } catch (...) {
        remove_tree(folder);
        throw;
    }
}

}  // namespace

std::string qemu_version(ProcessRunner& processes) {
    const std::string text =
        run_checked(processes, {.program = "qemu-system-x86_64", .args = {"--version"}}).out;
    return text.substr(0, text.find('\n'));
}

std::string TemplateKey::name() const {
    constexpr std::size_t digits = 12;
    return fmt::format("{}@{}-{}", image, generation, sha256_hex(to_json(*this).dump()).substr(0, digits));
}

Json to_json(const TemplateKey& key) {
    return {{"version", 2},
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
            {"host_cpu", key.host_cpu},
            {"qemu", key.qemu}};
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
    key.host_cpu = host_cpu_digest();
    key.qemu = qemu_version(lifecycle.processes());
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
            if (complete(folder, key)) {
                return {folder, std::move(shared)};
            }
        }
        const auto alone = FileLock::acquire(lock_file(folder), purpose, turn, say);
        if (!complete(folder, key)) {
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
