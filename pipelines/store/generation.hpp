// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/base/byte_size.hpp"
#include "builder/base/json.hpp"

namespace imgforge::store {

/// Life of a generation: candidate -> current -> retired, or candidate -> quarantined. At most one is current
/// per image.
enum class GenerationState { candidate, current, retired, quarantined };

std::string_view to_string(GenerationState state);
/// Throws Failure::integrity for any other word (it can only come from a damaged record).
GenerationState parse_state(std::string_view word);

/// Who needs a generation to stay.
struct Holder {
    enum class Kind {
        instance,    ///< a machine whose overlay stands on the generation; name of the machine
        generation,  ///< a newer generation stored as its difference; "NAME@GEN"
        build,       ///< a build, publication or export that reads it right now; any unique name
    };
    Kind kind = Kind::instance;
    std::string name;

    auto operator<=>(const Holder&) const = default;
};

/// "instance web-1", "generation debian13@7", "build 20261121-…".
std::string to_string(const Holder& holder);

/// One immutable golden image, as the index knows it. All paths are absolute.
struct Generation {
    std::string image;
    int generation = 0;  ///< from 1, never used twice
    GenerationState state = GenerationState::candidate;
    std::filesystem::path folder;  ///< images/NAME/GENERATION
    std::string sha256;            ///< of disk.qcow2
    ByteSize virtual_size;
    ByteSize allocated_size;      ///< what this generation's own files take, its parents' not included
    std::int64_t created = 0;     ///< seconds since 1970 UTC
    std::optional<int> parent{};  ///< generation of the same image whose disk is this one's backing file
    int depth = 0;                ///< backing files under disk.qcow2; 0 = standalone
    std::string content;          ///< digest of packages and files without timestamps; equal = same content
    std::string manifest_sha256;  ///< of manifest.json
    std::string reason{};         ///< why it is quarantined; empty otherwise

    std::filesystem::path disk() const { return folder / "disk.qcow2"; }
    std::filesystem::path manifest_path() const { return folder / "manifest.json"; }
    /// "debian13@7".
    std::string label() const;
    /// manifest.json, parsed. Throws when it is missing or damaged.
    Json manifest() const;
};

/// "NAME" or "NAME@GEN".
struct ImageSpec {
    std::string name;
    std::optional<int> generation;
};

/// Throws Failure::usage for an empty or impossible name ([a-z0-9][a-z0-9._-]*, at most 64) and for a
/// generation that is not a positive number.
ImageSpec parse_image_spec(std::string_view text);

/// True for names that may become a directory under images/.
bool is_image_name(std::string_view name);

}  // namespace imgforge::store
