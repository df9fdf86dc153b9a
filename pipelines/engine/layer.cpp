// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/engine/layer.hpp"

#include <sys/stat.h>

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/file.hpp"

namespace fs = std::filesystem;

namespace imgforge::engine {
namespace {

constexpr const char* record_name = "result.json";
constexpr std::string_view scratch_prefix = ".scratch-";
constexpr std::string_view trash_prefix = ".trash-";
constexpr std::size_t fingerprint_length = 64;
/// Smaller files stay when a layer is evicted: reports and lists that later stages and records read.
constexpr std::uintmax_t small_file = 1U << 20U;

/// Size and change date: tells a disk that something wrote to after it was published.
Json stamp(const fs::path& file) {
    struct stat status {};
    if (file.empty() || ::stat(file.c_str(), &status) != 0) {
        return nullptr;
    }
    return Json::array({status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec});
}

fs::path relative_in(const fs::path& scratch, const fs::path& name, const std::string& type) {
    const fs::path full = name.is_absolute() ? name : scratch / name;
    const fs::path relative = full.lexically_normal().lexically_relative(scratch.lexically_normal());
    std::error_code code;
    if (relative.empty() || *relative.begin() == ".." || !fs::exists(full, code)) {
        throw Error(Failure::tool,
                    fmt::format("stage type '{}' gave {} as a result, which is not in its directory", type,
                                name.string()));
    }
    return relative;
}

void sync_tree(const fs::path& folder) {
    for (const auto& entry : fs::directory_iterator(folder)) {
        if (entry.is_symlink()) {
            continue;
        }
        if (entry.is_directory()) {
            sync_tree(entry.path());
        } else if (entry.is_regular_file()) {
            sync_file(entry.path());
        }
    }
    sync_directory(folder);
}

std::uint64_t tree_size(const fs::path& folder) {
    std::uint64_t bytes = 0;
    std::error_code code;
    for (const auto& entry : fs::recursive_directory_iterator(folder, code)) {
        if (!entry.is_symlink(code) && entry.is_regular_file(code)) {
            bytes += allocated_size(entry.path());
        }
    }
    return bytes;
}

Json record_of(const Layer& layer, const fs::path& scratch) {
    Json files = Json::object();
    for (const auto& [role, path] : layer.result.files) {
        files[role] = relative_in(scratch, path, layer.type).string();
    }
    const fs::path disk =
        layer.result.disk.empty() ? fs::path() : relative_in(scratch, layer.result.disk, layer.type);
    return {{"version", 1},
            {"fingerprint", layer.fingerprint},
            {"id", layer.id},
            {"type", layer.type},
            {"created", layer.created},
            {"seconds", layer.seconds},
            {"previous", layer.previous},
            {"previous_id", layer.previous_id},
            {"backing_id", layer.backing_id},
            {"disk", disk.string()},
            {"disk_stamp", disk.empty() ? Json(nullptr) : stamp(scratch / disk)},
            {"standalone", layer.result.standalone},
            {"files", files},
            {"facts", to_json(layer.result.facts)},
            {"evicted", false}};
}

/// Nothing when the directory holds no readable record: then it is not a layer.
std::optional<Layer> read_layer(const fs::path& folder) {
    try {
        const Json record = parse_json(read_file(folder / record_name), (folder / record_name).string());
        Layer layer{.fingerprint = record.at("fingerprint"),
                    .id = record.at("id"),
                    .type = record.at("type"),
                    .folder = folder};
        layer.created = record.at("created");
        layer.seconds = record.at("seconds");
        layer.previous = record.at("previous");
        layer.previous_id = record.at("previous_id");
        layer.backing_id = record.at("backing_id");
        layer.evicted = record.at("evicted");
        layer.result.standalone = record.at("standalone");
        layer.result.facts = build_facts(record.at("facts"));
        for (const auto& file : record.at("files").items()) {
            const fs::path path = folder / file.value().get<std::string>();
            std::error_code code;
            layer.result.files[file.key()] = path;
            layer.damaged = layer.damaged || (!layer.evicted && !fs::exists(path, code));
        }
        if (const std::string disk = record.at("disk"); !disk.empty()) {
            layer.result.disk = folder / disk;
            layer.damaged =
                layer.damaged || (!layer.evicted && stamp(layer.result.disk) != record.at("disk_stamp"));
        }
        return layer;
    } catch (const Error&) {
        return std::nullopt;
    } catch (const Json::exception&) {
        return std::nullopt;  // written by another version, or not by us
    }
}

bool is_layer_name(const std::string& name) {
    return name.size() >= fingerprint_length && name.front() != '.';
}

}  // namespace

std::map<std::string, Layer> LayerStore::find(const std::set<std::string>& fingerprints) const {
    std::map<std::string, Layer> found;
    std::error_code code;
    for (const auto& entry : fs::directory_iterator(places_.stages(), code)) {
        const std::string name = entry.path().filename().string();
        if (!is_layer_name(name) || fingerprints.count(name.substr(0, fingerprint_length)) == 0) {
            continue;
        }
        std::optional<Layer> layer = read_layer(entry.path());
        if (!layer) {
            continue;
        }
        const auto known = found.find(layer->fingerprint);
        if (known == found.end() ||
            std::tie(known->second.created, known->second.id) < std::tie(layer->created, layer->id)) {
            found.insert_or_assign(layer->fingerprint, std::move(*layer));
        }
    }
    return found;
}

std::optional<Layer> LayerStore::find(const std::string& fingerprint) const {
    std::map<std::string, Layer> found = find(std::set<std::string>{fingerprint});
    return found.empty() ? std::nullopt : std::optional(std::move(found.begin()->second));
}

std::vector<Layer> LayerStore::list() const {
    std::vector<Layer> layers;
    std::error_code code;
    for (const auto& entry : fs::directory_iterator(places_.stages(), code)) {
        if (!is_layer_name(entry.path().filename().string())) {
            continue;
        }
        if (std::optional<Layer> layer = read_layer(entry.path())) {
            layer->bytes = tree_size(entry.path());
            layers.push_back(std::move(*layer));
        }
    }
    return layers;
}

fs::path LayerStore::make_scratch(const std::string& run, std::size_t index) const {
    const fs::path folder = places_.stages() / fmt::format("{}{}-{}", scratch_prefix, run, index);
    remove_tree(folder);
    make_directories(folder);
    return folder;
}

Layer LayerStore::seal(const fs::path& scratch, Layer layer) const {
    std::error_code code;
    if (const std::optional<Layer> older = find(layer.fingerprint)) {
        // The newer one counts, and eviction takes the other: a clock that was set back, or one second, must
        // not exchange them.
        layer.created = std::max(layer.created, older->created + 1);
    }
    const fs::path plain = places_.stages() / layer.fingerprint;
    layer.folder = fs::exists(plain, code)
                       ? places_.stages() / fmt::format("{}-{}", layer.fingerprint, layer.id)
                       : plain;
    if (!layer.result.disk.empty()) {
        const fs::path disk = scratch / relative_in(scratch, layer.result.disk, layer.type);
        fs::permissions(disk, fs::perms::owner_write | fs::perms::group_write | fs::perms::others_all,
                        fs::perm_options::remove);
    }
    write_file_atomically(scratch / record_name, pretty(record_of(layer, scratch)));
    sync_tree(scratch);
    if (!layer.result.disk.empty()) {
        layer.result.disk = layer.folder / relative_in(scratch, layer.result.disk, layer.type);
    }
    for (auto& [role, path] : layer.result.files) {
        path = layer.folder / relative_in(scratch, path, layer.type);
    }
    return layer;
}

void LayerStore::publish(const fs::path& scratch, const Layer& layer) const {
    if (::rename(scratch.c_str(), layer.folder.c_str()) != 0) {
        throw system_error("publish", layer.folder.string(), errno);
    }
    sync_directory(places_.stages());
}

void LayerStore::evict(const Layer& layer) const {
    const fs::path file = layer.folder / record_name;
    Json record = parse_json(read_file(file), file.string());
    record["evicted"] =
        true;  // first said, then done: a kill in between leaves a layer that nobody builds on
    write_file_atomically(file, pretty(record));
    for (const auto& entry : fs::recursive_directory_iterator(layer.folder)) {
        if (entry.is_regular_file() && !entry.is_symlink() &&
            (entry.file_size() > small_file || entry.path() == layer.result.disk)) {
            remove_tree(entry.path());
        }
    }
}

void LayerStore::remove(const Layer& layer) const {
    const fs::path trash = places_.stages() / fmt::format("{}{}", trash_prefix, layer.id);
    if (::rename(layer.folder.c_str(), trash.c_str()) != 0 && errno != ENOENT) {
        throw system_error("remove", layer.folder.string(), errno);
    }
    remove_tree(trash);
}

void LayerStore::remove_leftovers(const std::set<std::string>& live) const {
    std::error_code code;
    std::vector<fs::path> dead;
    for (const auto& entry : fs::directory_iterator(places_.stages(), code)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with(trash_prefix)) {
            dead.push_back(entry.path());
        } else if (name.starts_with(scratch_prefix)) {
            const std::string run =
                name.substr(scratch_prefix.size(), name.rfind('-') - scratch_prefix.size());
            if (live.count(run) == 0) {
                dead.push_back(entry.path());
            }
        } else if (live.empty() && !is_layer_name(name)) {
            dead.push_back(entry.path());  // what a stage of a killed run put beside its scratch directory
        }
    }
    std::for_each(dead.begin(), dead.end(), [](const fs::path& path) { remove_tree(path); });
}

}  // namespace imgforge::engine
