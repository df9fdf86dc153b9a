// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/store/index_file.hpp"

#include <charconv>

#include <fmt/format.h>

#include "builder/base/clock.hpp"
#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"

namespace fs = std::filesystem;

namespace imgforge::store {
namespace {

constexpr const char* checksum_key = "checksum";

std::string checksum(Json record) {
    record.erase(checksum_key);
    return sha256_hex(canonical(record));
}

std::uint64_t unsigned_field(const Json& record, const char* key) {
    return record.at(key).get<std::uint64_t>();
}

}  // namespace

fs::path index_path(const fs::path& image_folder) {
    return image_folder / "index.json";
}

Json to_json(const Generation& generation) {
    Json record = {{"generation", generation.generation},
                   {"state", to_string(generation.state)},
                   {"created", iso_time(generation.created)},
                   {"created_seconds", generation.created},
                   {"sha256", generation.sha256},
                   {"manifest_sha256", generation.manifest_sha256},
                   {"content", generation.content},
                   {"virtual_size", generation.virtual_size.in_bytes()},
                   {"allocated_size", generation.allocated_size.in_bytes()},
                   {"parent", generation.parent ? Json(*generation.parent) : Json()},
                   {"depth", generation.depth}};
    if (!generation.reason.empty()) {
        record["reason"] = generation.reason;
    }
    return record;
}

Generation generation_from_json(const Json& record, const fs::path& images, const std::string& source) {
    try {
        Generation generation;
        generation.image = record.value("image", std::string());
        generation.generation = record.at("generation").get<int>();
        generation.state = parse_state(record.value("state", std::string("candidate")));
        generation.created = record.at("created_seconds").get<std::int64_t>();
        generation.sha256 = record.at("sha256").get<std::string>();
        generation.manifest_sha256 = record.value("manifest_sha256", std::string());
        generation.content = record.value("content", std::string());
        generation.virtual_size = ByteSize::bytes(unsigned_field(record, "virtual_size"));
        generation.allocated_size = ByteSize::bytes(unsigned_field(record, "allocated_size"));
        if (record.contains("parent") && !record["parent"].is_null()) {
            generation.parent = record["parent"].get<int>();
        }
        generation.depth = record.value("depth", 0);
        generation.reason = record.value("reason", std::string());
        generation.folder = images / generation.image / std::to_string(generation.generation);
        return generation;
    } catch (const Json::exception& fault) {
        throw Error(Failure::integrity, fmt::format("{} is damaged: {}", source, fault.what()),
                    "run `imgforge images verify`");
    }
}

std::optional<ImageIndex> read_index(const fs::path& image_folder) {
    const fs::path path = index_path(image_folder);
    if (!fs::exists(path)) {
        return std::nullopt;
    }
    const Json record = parse_json(read_file(path), path.string());
    if (!record.is_object() || !record.contains(checksum_key) || record[checksum_key] != checksum(record)) {
        throw Error(Failure::integrity,
                    fmt::format("{} was changed or is damaged: its checksum does not fit", path.string()),
                    "run `imgforge images verify --repair` to rewrite it");
    }
    try {
        ImageIndex index;
        index.image = {.name = record.at("image").get<std::string>(),
                       .serial = record.at("serial").get<std::int64_t>(),
                       .next_generation = record.at("next_generation").get<int>()};
        for (Json entry : record.at("generations")) {
            entry["image"] = index.image.name;
            index.generations.push_back(
                generation_from_json(entry, image_folder.parent_path(), path.string()));
        }
        return index;
    } catch (const Json::exception& fault) {
        throw Error(Failure::integrity, fmt::format("{} is damaged: {}", path.string(), fault.what()),
                    "run `imgforge images verify --repair` to rewrite it");
    }
}

std::optional<std::int64_t> peek_serial(const fs::path& image_folder) {
    const fs::path path = index_path(image_folder);
    if (!fs::exists(path)) {
        return std::nullopt;
    }
    // write_index() sorts the keys: "serial" is the last one.
    constexpr std::string_view key = "\"serial\":";
    const std::string text = read_file(path);
    const std::size_t at = text.rfind(key);
    if (at == std::string::npos) {
        return std::nullopt;
    }
    const std::size_t digits = text.find_first_not_of(' ', at + key.size());
    std::int64_t serial = 0;
    const char* const end = text.data() + text.size();
    const char* const start = digits == std::string::npos ? end : text.data() + digits;
    return std::from_chars(start, end, serial).ec == std::errc() ? std::optional(serial) : std::nullopt;
}

bool index_lags(const fs::path& folder, const ImageRow& row) {
    try {
        // Asked at the start of every command, so the whole of a long index is read only when its serial
        // looks old.
        const auto serial = peek_serial(folder);
        if (!serial || *serial >= row.serial) {
            return !serial && !fs::exists(index_path(folder));
        }
        const auto index = read_index(folder);
        return !index || index->image.serial < row.serial;
    } catch (const Error&) {
        return false;  // damaged: verify shall name it, so it is not painted over here
    }
}

bool index_is_ahead(const fs::path& folder, const std::optional<ImageRow>& row) {
    const std::int64_t known = row ? row->serial : 0;
    if (peek_serial(folder).value_or(0) <= known) {
        return false;
    }
    try {
        const auto index = read_index(folder);
        return index && index->image.serial > known && !index->generations.empty();
    } catch (const Error&) {
        return false;  // damaged: it says nothing that could be lost
    }
}

void write_index(const fs::path& image_folder, const ImageIndex& index) {
    Json record = {{"image", index.image.name},
                   {"serial", index.image.serial},
                   {"next_generation", index.image.next_generation}};
    record["current"] = nullptr;
    Json list = Json::array();
    for (const Generation& generation : index.generations) {
        if (generation.state == GenerationState::current) {
            record["current"] = generation.generation;
        }
        list.push_back(to_json(generation));
    }
    record["generations"] = std::move(list);
    record[checksum_key] = checksum(record);
    write_file_atomically(index_path(image_folder), pretty(record));
}

Generation generation_from_folder(const fs::path& folder) {
    const fs::path manifest = folder / "manifest.json";
    if (!fs::exists(manifest) || !fs::exists(folder / "disk.qcow2")) {
        throw Error(Failure::integrity,
                    fmt::format("{} is not a complete generation: manifest.json or disk.qcow2 is missing",
                                folder.string()));
    }
    const std::string text = read_file(manifest);
    const Json record = parse_json(text, manifest.string());
    if (!record.is_object() || !record.contains("store")) {
        throw Error(Failure::integrity, fmt::format("{} has no record of the store", manifest.string()));
    }
    Generation generation =
        generation_from_json(record["store"], folder.parent_path().parent_path(), manifest.string());
    const std::string name = folder.parent_path().filename();
    if (generation.image != name || std::to_string(generation.generation) != folder.filename().string()) {
        throw Error(Failure::integrity, fmt::format("{} describes {}, not {}@{}", manifest.string(),
                                                    generation.label(), name, folder.filename().string()));
    }
    generation.state = GenerationState::candidate;
    generation.manifest_sha256 = sha256_hex(text);
    return generation;
}

}  // namespace imgforge::store
