// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "pipelines/targets/folder_format.hpp"
#include "pipelines/targets/folder_reader.hpp"

namespace imgforge::targets {

/// The files of a target's directory, to be written: a directory by its path, or a bucket. One per thread.
class FolderWriter {
public:
    virtual ~FolderWriter() = default;
    /// Size of a file by its relative name; 0 when it is missing.
    virtual std::uint64_t size(const std::string& name) = 0;
    /// Complete or absent.
    virtual void put(const std::string& name, const std::string& bytes) = 0;
    /// Returns when everything that was put survives a power failure.
    virtual void flush() = 0;
    virtual void remove(const std::string& name) = 0;
    virtual ReadAnswer read(const std::string& name, std::uint64_t limit) = 0;
    /// Replaces index.json, which was `before` when it was read. False when somebody else has replaced it
    /// since: nothing was written.
    virtual bool replace_index(const ReadAnswer& before, const std::string& text) = 0;
    /// True when nobody else writes there while this object lives.
    virtual bool exclusive() const = 0;
    /// Another one for the same place, for another thread.
    virtual std::unique_ptr<FolderWriter> again() const = 0;
    virtual std::string location() const = 0;
};

/// A directory, made when it is missing; others who write there wait until this object (the first one, not
/// those of again()) is gone. `purpose` is the reason they get; null: nothing is made and nobody waits, only
/// to read.
std::unique_ptr<FolderWriter> open_local_writer(const std::filesystem::path& folder, const char* purpose);

/// How an index is written.
struct IndexSeal {
    std::filesystem::path key{};  ///< private Ed25519 key; empty: not signed
    std::chrono::seconds valid = std::chrono::hours(24 * 30);
};

/// The index of the place as its owner reads it; an empty one when there is none. Throws Failure::integrity
/// when it is not signed by the key.
FolderIndex read_index(FolderWriter& writer, const IndexSeal& seal);

/// Reads the index, lets `change` alter it (false: leave it) and writes it with the next serial; again when
/// somebody else wrote one meanwhile. The serial afterwards. Throws Failure::tool after many tries.
std::int64_t update_index(FolderWriter& writer, const IndexSeal& seal, std::int64_t now,
                          const std::function<bool(FolderIndex&)>& change);

/// Makes the generation the current one; false when the index does not list it.
bool promote_in(FolderWriter& writer, const IndexSeal& seal, const std::string& image, int generation,
                std::int64_t now);

/// Takes the generation out of the index, then removes its manifest and, where nobody else can be pushing
/// them just now (exclusive()), the windows that no other one has. Throws Failure::domain for the current
/// one; nothing when it is not there.
void remove_from(FolderWriter& writer, const IndexSeal& seal, const std::string& image, int generation,
                 std::int64_t now);

}  // namespace imgforge::targets
