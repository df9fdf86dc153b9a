// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/targets/push.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/file.hpp"
#include "builder/base/lock.hpp"
#include "builder/base/random.hpp"
#include "pipelines/exchange/workspace.hpp"
#include "pipelines/targets/dsse.hpp"
#include "pipelines/targets/windows.hpp"

namespace fs = std::filesystem;

namespace imgforge::targets {
namespace {

constexpr std::chrono::hours lock_timeout{4};
constexpr std::uint64_t own_index_limit = 64U << 20U;

FileLock hold(const FolderTarget& target, const char* purpose) {
    make_directories(target.folder);
    return FileLock::acquire(target.folder / ".lock", purpose, lock_timeout);
}

/// Without a flush of its own: one for all windows follows before the manifest names them.
void write_window(const fs::path& path, const std::string& bytes) {
    const fs::path temporary = path.string() + ".new-" + random_hex(8);
    try {
        const Fd fd = open_fd(temporary, O_WRONLY | O_CREAT | O_EXCL, 0644);
        write_all(fd.get(), bytes, temporary.string());
    } catch (...) {
        std::error_code code;
        fs::remove(temporary, code);
        throw;
    }
    fs::rename(temporary, path);
}

void flush_all(const fs::path& folder) {
    const Fd fd = open_fd(folder, O_RDONLY | O_DIRECTORY);
    if (::syncfs(fd.get()) != 0) {
        throw system_error("flush", folder.string(), errno);
    }
}

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
void send_windows(const WindowedDisk& disk, std::vector<Window>& windows, const FolderTarget& target,
                  Activity& activity, PushResult& result) {
    for (const Window& window : windows) {
        fs::create_directories((target.folder / window_path(window.sha256)).parent_path());
    }
    std::mutex mutex;
    std::size_t done = 0;
    in_parallel(std::min(4U, std::max(1U, std::thread::hardware_concurrency())), windows.size(),
                [&](std::size_t, std::size_t i) {
                    Window& window = windows[i];
                    const fs::path path = target.folder / window_path(window.sha256);
                    std::error_code code;
                    const std::uintmax_t there = fs::file_size(path, code);
                    const bool missing = code || there == 0;
                    if (missing) {
                        const std::string bytes = compressed(disk.read(window.number));
                        write_window(path, bytes);
                        window.stored = bytes.size();
                    } else {
                        window.stored = there;
                    }
                    const std::lock_guard lock(mutex);
                    result.sent += missing ? 1 : 0;
                    result.bytes += missing ? window.stored : 0;
                    activity.progress(static_cast<double>(++done), static_cast<double>(windows.size()),
                                      "items", "writing windows");
                });
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
    const fs::path file = target.folder / "index.json";
    std::error_code code;
    if (!fs::exists(file, code)) {
        return {};
    }
    const std::string text = read_file(file, own_index_limit);
    const Json value = parse_json(text, file.string());
    if (!target.key.empty()) {
        return parse_index(open_envelope(value, index_type, target.key, file.string()), file.string());
    }
    if (is_envelope(value)) {
        throw Error(Failure::usage, fmt::format("{} is signed, but this target has no key", file.string()),
                    "add `key: FILE` to the target in the settings, or --key FILE");
    }
    return parse_index(text, file.string());
}

void write_own_index(const FolderTarget& target, FolderIndex& index, std::int64_t now) {
    index.serial += 1;
    index.expires = now + target.valid.count();
    const std::string text = to_text(index);
    write_file_atomically(target.folder / "index.json",
                          target.key.empty() ? text : pretty(seal_envelope(text, index_type, target.key)));
}

PushResult push_to_folder(store::Store& store, ProcessRunner& processes, Monitor& monitor,
                          const store::Generation& generation, const FolderTarget& target) {
    Activity activity(monitor, fmt::format("push {} to {}", generation.label(), target.folder.string()));
    const FileLock lock = hold(target, "push");
    FolderIndex index = read_own_index(target);
    PushResult result{.image = generation.image, .generation = generation.generation};
    const exchange::Workspace work(store, generation.image);
    store.add_reference(generation.image, generation.generation, work.holder());
    const WindowedDisk disk(processes, generation.disk(), work.folder());
    activity.detail("reading the disk");
    DiskManifest manifest{.image = generation.image,
                          .generation = generation.generation,
                          .virtual_size = disk.virtual_size(),
                          .windows = hashed_windows(disk, activity),
                          .records = records_of(generation)};
    result.windows = manifest.windows.size();
    send_windows(disk, manifest.windows, target, activity, result);
    const std::string text = to_text(manifest);
    const std::string name = sha256_hex(text);
    make_directories(target.folder / "manifests");
    flush_all(target.folder);
    write_file_atomically(target.folder / manifest_path(name), text);
    list_generation(index, generation, name);
    write_own_index(target, index, store.clock().wall_seconds());
    result.serial = index.serial;
    activity.finish();
    return result;
}

std::optional<std::int64_t> promote_in_folder(const FolderTarget& target, const std::string& image,
                                              int generation, std::int64_t now) {
    const FileLock lock = hold(target, "promote");
    FolderIndex index = read_own_index(target);
    const auto found = index.images.find(image);
    if (found == index.images.end() ||
        std::none_of(found->second.generations.begin(), found->second.generations.end(),
                     [&](const IndexEntry& entry) { return entry.generation == generation; })) {
        return std::nullopt;
    }
    if (found->second.current != generation) {
        found->second.current = generation;
        write_own_index(target, index, now);
    }
    return index.serial;
}

}  // namespace imgforge::targets
