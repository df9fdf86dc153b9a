// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/guest/memory_image.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <mutex>

#include "builder/base/digest.hpp"
#include "builder/base/directory_size.hpp"
#include "builder/base/environment.hpp"
#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/file.hpp"
#include "builder/base/log.hpp"

namespace imgforge::guest {

namespace {

namespace fs = std::filesystem;

constexpr int record_version = 1;
constexpr const char* record_name = "image.json";

fs::path record_file(const fs::path& image) {
    return image / record_name;
}

fs::path unusable_file(const fs::path& folder, const std::string& name) {
    return folder / (name + ".unusable");
}

/// Of a file that is only ever read after it was sealed. The digest of 200 MB would cost a tenth of what the
/// image saves; a file that was written to, cut or copied has another time, size or number of blocks. Time
/// has steps of some milliseconds, so one that took its place meanwhile differs by its inode.
std::string sealed_stamp(const fs::path& file) {
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0) {
        return "missing";
    }
    return fmt::format("{}:{}:{}.{:09}:{}", status.st_ino, status.st_size, status.st_mtim.tv_sec,
                       status.st_mtim.tv_nsec, status.st_blocks);
}

/// What image.json says of the image's own files: stamps of the large one, digests of the others.
Json parts_of(const MemoryImage& image) {
    return {{"memory", sealed_stamp(image.memory())},
            {"state", sha256_file(image.state())},
            {"root.qcow2", sha256_file(image.root())},
            {"plug.raw", sha256_file(image.plug())}};
}

/// Commands and stamps as the record has them; throws when another version wrote it.
Json read_record(const fs::path& image) {
    Json record = parse_json(read_file(record_file(image)), record_file(image).string());
    if (record.at("version") != record_version) {
        throw Error(Failure::integrity, "written by another version of imgforge");
    }
    return record;
}

void fill(MemoryImage& image, const Json& record) {
    image.command = record.at("command").get<std::vector<std::string>>();
    image.stamps = record.at("files").get<std::map<std::string, std::string>>();
}

/// Why the image cannot be used; empty when it can.
std::string damage(MemoryImage& image, const MemoryImageKey& key) {
    try {
        const Json record = read_record(image.folder);
        fill(image, record);
        if (record.at("key") != to_json(key)) {
            return "made for another appliance";
        }
        if (record.at("parts") != parts_of(image)) {
            return "damaged";
        }
        const auto changed = image.changed_file();
        return changed ? *changed + " has changed" : "";
    } catch (const std::exception& error) {
        return error.what();
    }
}

bool is_useful(const fs::path& image) {
    try {
        MemoryImage read{.folder = image, .held = {}, .command = {}, .stamps = {}};
        const Json record = read_record(image);
        fill(read, record);
        return record.at("parts") == parts_of(read) && !read.changed_file();
    } catch (const std::exception&) {
        return false;
    }
}

std::mutex policy_mutex;
fs::path policy_folder;

}  // namespace

void keep_memory_images_in(const fs::path& folder) {
    const std::lock_guard lock(policy_mutex);
    policy_folder = folder;
}

fs::path memory_image_folder_in(const fs::path& cache) {
    return cache / fmt::format("appliance-{}", ::geteuid());
}

std::optional<fs::path> memory_image_folder() {
    const std::string given = environment("IMGFORGE_APPLIANCE_IMAGE");
    if (given.starts_with('/')) {
        return given;
    }
    const std::lock_guard lock(policy_mutex);
    if (!given.empty() || policy_folder.empty()) {
        return std::nullopt;
    }
    return policy_folder;
}

std::string MemoryImageKey::name() const {
    constexpr std::size_t digits = 12;
    return "appliance-" + sha256_hex(to_json(*this).dump()).substr(0, digits);
}

Json to_json(const MemoryImageKey& key) {
    return {{"version", record_version},
            {"libguestfs", key.libguestfs},
            {"hypervisor", key.hypervisor},
            {"accelerator", key.accelerator},
            {"host_cpu", key.host_cpu},
            {"append", key.append},
            {"root", key.root},
            {"memory_mib", key.memory_mib},
            {"cpus", key.cpus},
            {"network", key.network}};
}

std::string file_stamp(const fs::path& file) {
    struct stat status {};
    std::ifstream in(file, std::ios::binary);
    if (!in || ::stat(file.c_str(), &status) != 0) {
        return "missing";
    }
    constexpr std::size_t head_bytes = 64U << 10U;
    std::string head(head_bytes, '\0');
    in.read(head.data(), static_cast<std::streamsize>(head.size()));
    head.resize(static_cast<std::size_t>(in.gcount()));
    return fmt::format("{}:{}:{}:{}", status.st_dev, status.st_ino, status.st_size, sha256_hex(head));
}

std::optional<std::string> MemoryImage::changed_file() const {
    for (const auto& [file, stamp] : stamps) {
        if (file_stamp(file) != stamp) {
            return file;
        }
    }
    return std::nullopt;
}

fs::path memory_image_lock(const fs::path& folder, const std::string& name) {
    return folder / ("." + name + ".lock");
}

std::optional<MemoryImage> find_memory_image(const fs::path& folder, const MemoryImageKey& key) {
    const std::string name = key.name();
    if (!fs::exists(record_file(folder / name))) {
        return std::nullopt;
    }
    std::string reason;
    {
        auto held = FileLock::try_acquire(memory_image_lock(folder, name), "start of an appliance",
                                          FileLock::Mode::shared);
        if (!held) {
            return std::nullopt;
        }
        MemoryImage image{.folder = folder / name, .held = std::move(*held), .command = {}, .stamps = {}};
        reason = damage(image, key);
        if (reason.empty()) {
            return image;
        }
    }
    log::debug(fmt::format("the appliance's memory image is made anew: {}", reason));
    drop_memory_image(folder, name);
    return std::nullopt;
}

void seal_memory_image(const fs::path& folder, const MemoryImageKey& key,
                       const std::vector<std::string>& command, const std::vector<fs::path>& files) {
    const MemoryImage image{.folder = folder, .held = {}, .command = {}, .stamps = {}};
    for (const fs::path& part : {image.memory(), image.state(), image.root(), image.plug()}) {
        sync_file(part);
    }
    Json stamps = Json::object();
    for (const fs::path& file : files) {
        stamps[file.string()] = file_stamp(file);
    }
    const Json record{{"version", record_version},
                      {"key", to_json(key)},
                      {"command", command},
                      {"files", stamps},
                      {"parts", parts_of(image)}};
    write_file_atomically(record_file(folder), pretty(record), 0600);
}

void drop_memory_image(const fs::path& folder, const std::string& name) {
    const auto alone =
        FileLock::try_acquire(memory_image_lock(folder, name), "remove the appliance's memory image");
    if (alone) {
        remove_tree(folder / name);
    }
}

void mark_unusable(const fs::path& folder, const MemoryImageKey& key, const std::string& reason) {
    const Json record{{"key", to_json(key)}, {"hypervisor", file_stamp(key.hypervisor)}, {"reason", reason}};
    write_file_atomically(unusable_file(folder, key.name()), pretty(record), 0600);
}

std::optional<std::string> unusable_reason(const fs::path& folder, const MemoryImageKey& key) {
    const fs::path file = unusable_file(folder, key.name());
    if (!fs::exists(file)) {
        return std::nullopt;
    }
    const Json record = Json::parse(read_file(file), nullptr, false);
    if (!record.is_object() || record.value("hypervisor", "") != file_stamp(key.hypervisor)) {
        return std::nullopt;
    }
    return record.value("reason", "");
}

std::vector<MemoryImageEntry> memory_images(const fs::path& folder) {
    std::vector<MemoryImageEntry> entries;
    std::error_code missing;
    for (auto entry = fs::directory_iterator(folder, missing); !missing && entry != fs::directory_iterator();
         entry.increment(missing)) {
        const std::string name = entry->path().filename().string();
        if (name.starts_with("appliance-") && entry->is_directory()) {
            entries.push_back({name, allocated_in(entry->path()), is_useful(entry->path())});
        }
    }
    std::sort(entries.begin(), entries.end(),
              [](const auto& left, const auto& right) { return left.name < right.name; });
    return entries;
}

std::vector<MemoryImageEntry> drop_useless_memory_images(const fs::path& folder, bool dry_run) {
    std::vector<MemoryImageEntry> dropped;
    for (const MemoryImageEntry& entry : memory_images(folder)) {
        const auto alone = FileLock::try_acquire(memory_image_lock(folder, entry.name),
                                                 "remove the appliance's memory image");
        if (!alone || entry.useful) {
            continue;
        }
        if (!dry_run) {
            remove_tree(folder / entry.name);
        }
        dropped.push_back(entry);
    }
    return dropped;
}

}  // namespace imgforge::guest
