// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/targets/push.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/redact.hpp"
#include "pipelines/exchange/workspace.hpp"
#include "pipelines/targets/windows.hpp"

namespace fs = std::filesystem;

namespace imgforge::targets {
namespace {

/// What of the store's own records travels along.
Json records_of(const store::Generation& generation) {
    const Json manifest = generation.manifest();
    Json records = Json::object();
    for (const char* key : {"recipe", "stages", "inputs", "policy"}) {
        if (manifest.contains(key)) {
            records[key] = manifest[key];
        }
    }
    for (const char* name : {"packages", "audit"}) {
        const fs::path file = generation.folder / (std::string(name) + ".json");
        std::error_code code;
        if (fs::exists(file, code)) {
            records[name] = parse_json(read_file(file), file.string());
        }
    }
    return records;
}

/// Writes what is missing and fills in `stored`.
void send_windows(const WindowedDisk& disk, std::vector<Window>& windows, const FolderWriter& target,
                  unsigned connections, Activity& activity, PushResult& result) {
    std::vector<std::unique_ptr<FolderWriter>> writers(connections);
    std::mutex mutex;
    std::size_t done = 0;
    in_parallel(writers.size(), windows.size(), [&](std::size_t worker, std::size_t i) {
        if (!writers[worker]) {
            writers[worker] = target.again();
        }
        Window& window = windows[i];
        const std::string name = window_path(window.sha256);
        window.stored = writers[worker]->size(name);
        const bool missing = window.stored == 0;
        if (missing) {
            const std::string bytes = compressed(disk.read(window.number));
            writers[worker]->put(name, bytes);
            window.stored = bytes.size();
        }
        const std::lock_guard lock(mutex);
        result.sent += missing ? 1 : 0;
        result.bytes += missing ? window.stored : 0;
        activity.progress(static_cast<double>(++done), static_cast<double>(windows.size()), "items",
                          "writing windows");
    });
}

IndexSeal seal_of(const FolderTarget& target) {
    return {.key = target.key, .valid = target.valid};
}

void list_generation(FolderIndex& index, const store::Generation& generation, const std::string& manifest) {
    IndexImage& image = index.images[generation.image];
    std::erase_if(image.generations,
                  [&](const IndexEntry& entry) { return entry.generation == generation.generation; });
    image.generations.push_back(
        {.generation = generation.generation, .manifest = manifest, .created = generation.created});
    std::sort(image.generations.begin(), image.generations.end(),
              [](const IndexEntry& a, const IndexEntry& b) { return a.generation < b.generation; });
    if (generation.state == store::GenerationState::current) {
        image.current = generation.generation;
    }
}

}  // namespace

FolderIndex read_own_index(const FolderTarget& target) {
    return read_index(*open_local_writer(target.folder, nullptr), seal_of(target));
}

PushResult push_windows(const TargetServices& services, const store::Generation& generation,
                        FolderWriter& writer, const IndexSeal& seal, unsigned connections) {
    Activity activity(services.monitor,
                      fmt::format("push {} to {}", generation.label(), redact(writer.location())));
    // An index that cannot be changed ends the push before anything was sent.
    read_index(writer, seal);
    PushResult result{.image = generation.image, .generation = generation.generation};
    const exchange::Workspace work(services.store, generation.image);
    services.store.add_reference(generation.image, generation.generation, work.holder());
    const WindowedDisk disk(services.processes, generation.disk(), work.folder());
    activity.detail("reading the disk");
    DiskManifest manifest{.image = generation.image,
                          .generation = generation.generation,
                          .virtual_size = disk.virtual_size(),
                          .windows = hashed_windows(disk, activity),
                          .records = records_of(generation)};
    result.windows = manifest.windows.size();
    send_windows(disk, manifest.windows, writer, connections, activity, result);
    const std::string text = to_text(manifest);
    const std::string name = sha256_hex(text);
    writer.flush();
    writer.put(manifest_path(name), text);
    writer.flush();
    result.serial =
        update_index(writer, seal, services.store.clock().wall_seconds(), [&](FolderIndex& index) {
            list_generation(index, generation, name);
            return true;
        });
    activity.finish();
    return result;
}

PushResult push_to_folder(store::Store& store, ProcessRunner& processes, Monitor& monitor,
                          const store::Generation& generation, const FolderTarget& target) {
    const auto writer = open_local_writer(target.folder, "push");
    return push_windows({.store = store, .processes = processes, .monitor = monitor}, generation, *writer,
                        seal_of(target), std::min(4U, std::max(1U, std::thread::hardware_concurrency())));
}

std::optional<std::int64_t> promote_in_folder(const FolderTarget& target, const std::string& image,
                                              int generation, std::int64_t now) {
    const auto writer = open_local_writer(target.folder, "promote");
    if (!promote_in(*writer, seal_of(target), image, generation, now)) {
        return std::nullopt;
    }
    return read_index(*writer, seal_of(target)).serial;
}

void require_writable_folder(const FolderTarget& target) {
    if (::access(target.folder.c_str(), W_OK | X_OK) != 0) {
        throw system_error("write to", target.folder.string(), errno);
    }
}

}  // namespace imgforge::targets
