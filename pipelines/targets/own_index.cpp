// SPDX-License-Identifier: GPL-3.0-or-later
// What the owner of a target's directory does with its index.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "builder/base/dsse.hpp"
#include "builder/base/error.hpp"
#include "builder/base/json.hpp"
#include "builder/base/redact.hpp"
#include "pipelines/targets/folder_writer.hpp"

namespace imgforge::targets {
namespace {

constexpr std::uint64_t own_file_limit = 64U << 20U;
constexpr int index_attempts = 20;
constexpr const char* index_name = "index.json";

FolderIndex parsed_index(const ReadAnswer& answer, const IndexSeal& seal, const std::string& source) {
    if (answer.outcome != ReadAnswer::Outcome::found) {
        return {};
    }
    const Json value = parse_json(answer.bytes, source);
    if (!seal.key.empty()) {
        return parse_index(open_envelope(value, index_type, seal.key, source), source);
    }
    if (is_envelope(value)) {
        throw Error(Failure::usage, fmt::format("{} is signed, but this target has no key", source),
                    "add `key: FILE` to the target in the settings, or --key FILE");
    }
    return parse_index(answer.bytes, source);
}

std::string index_source(const FolderWriter& writer) {
    return redact(writer.location()) + "/" + index_name;
}

/// Digests of all windows that a manifest names; empty when it is missing.
std::set<std::string> windows_of(FolderWriter& writer, const std::string& manifest) {
    std::set<std::string> digests;
    const std::string name = manifest_path(manifest);
    const ReadAnswer answer = writer.read(name, own_file_limit);
    if (answer.outcome == ReadAnswer::Outcome::found) {
        for (const Window& window : parse_manifest(answer.bytes, name).windows) {
            digests.insert(window.sha256);
        }
    }
    return digests;
}

/// The manifest, and the windows that no manifest of the index names any more.
void remove_files(FolderWriter& writer, const FolderIndex& index, const std::string& manifest) {
    std::set<std::string> needed;
    for (const auto& [name, record] : index.images) {
        for (const IndexEntry& entry : record.generations) {
            if (entry.manifest == manifest) {
                return;
            }
            needed.merge(windows_of(writer, entry.manifest));
        }
    }
    for (const std::string& window : windows_of(writer, manifest)) {
        if (writer.exclusive() && !needed.contains(window)) {
            writer.remove(window_path(window));
        }
    }
    writer.remove(manifest_path(manifest));
}

}  // namespace

FolderIndex read_index(FolderWriter& writer, const IndexSeal& seal) {
    return parsed_index(writer.read(index_name, own_file_limit), seal, index_source(writer));
}

std::int64_t update_index(FolderWriter& writer, const IndexSeal& seal, std::int64_t now,
                          const std::function<bool(FolderIndex&)>& change) {
    for (int attempt = 0; attempt < index_attempts; ++attempt) {
        const ReadAnswer before = writer.read(index_name, own_file_limit);
        FolderIndex index = parsed_index(before, seal, index_source(writer));
        if (!change(index)) {
            return index.serial;
        }
        index.serial += 1;
        index.expires = now + seal.valid.count();
        const std::string text = to_text(index);
        if (writer.replace_index(
                before, seal.key.empty() ? text : pretty(seal_envelope(text, index_type, seal.key)))) {
            return index.serial;
        }
    }
    throw Error(Failure::tool,
                fmt::format("{} was replaced by others {} times while it was to be written",
                            index_source(writer), index_attempts),
                "run the same command again");
}

bool promote_in(FolderWriter& writer, const IndexSeal& seal, const std::string& image, int generation,
                std::int64_t now) {
    bool listed_there = false;
    update_index(writer, seal, now, [&](FolderIndex& index) {
        const auto found = index.images.find(image);
        listed_there = found != index.images.end() &&
                       std::any_of(found->second.generations.begin(), found->second.generations.end(),
                                   [&](const IndexEntry& entry) { return entry.generation == generation; });
        if (!listed_there || found->second.current == generation) {
            return false;
        }
        found->second.current = generation;
        return true;
    });
    return listed_there;
}

void remove_from(FolderWriter& writer, const IndexSeal& seal, const std::string& image, int generation,
                 std::int64_t now) {
    std::string manifest;
    FolderIndex left;
    update_index(writer, seal, now, [&](FolderIndex& index) {
        manifest.clear();
        const auto found = index.images.find(image);
        if (found == index.images.end()) {
            return false;
        }
        if (found->second.current == generation) {
            throw Error(
                Failure::domain,
                fmt::format("{}@{} is the current one in {}", image, generation, redact(writer.location())),
                "promote another generation first");
        }
        std::erase_if(found->second.generations, [&](const IndexEntry& entry) {
            manifest = entry.generation == generation ? entry.manifest : manifest;
            return entry.generation == generation;
        });
        if (found->second.generations.empty()) {
            index.images.erase(found);
        }
        left = index;
        return !manifest.empty();
    });
    if (!manifest.empty()) {
        remove_files(writer, left, manifest);
    }
}

}  // namespace imgforge::targets
