// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "pipelines/store/rows.hpp"

namespace imgforge::store {

/// images/NAME/index.json: what the database knows of one image, so that it can be rebuilt when the database
/// is lost.
struct ImageIndex {
    ImageRow image;
    std::vector<Generation> generations;
};

std::filesystem::path index_path(const std::filesystem::path& image_folder);

/// Nothing when the file is missing. Throws Failure::integrity naming the file when it is damaged: bad JSON,
/// or its own checksum does not fit.
std::optional<ImageIndex> read_index(const std::filesystem::path& image_folder);

/// The serial by the file's last lines, without checking anything; nothing without a file or a serial
/// in it.
std::optional<std::int64_t> peek_serial(const std::filesystem::path& image_folder);

/// The index repeats an older state than the database has (its writer died), or is not there yet.
bool index_lags(const std::filesystem::path& image_folder, const ImageRow& row);
/// The index tells of generations and of later changes than the database: that one was lost, or an old copy
/// was put in its place.
bool index_is_ahead(const std::filesystem::path& image_folder, const std::optional<ImageRow>& row);

/// Atomic; carries a checksum over its own content.
void write_index(const std::filesystem::path& image_folder, const ImageIndex& index);

/// Record of one generation as index.json and manifest.json have it (without directory).
Json to_json(const Generation& generation);
/// The reverse; `images` is Places::images(). Throws Failure::integrity naming `source` when a field is
/// missing or wrong.
Generation generation_from_json(const Json& record, const std::filesystem::path& images,
                                const std::string& source);

/// The candidate that a complete generation directory describes by its manifest. Throws Failure::integrity
/// when the directory is incomplete.
Generation generation_from_folder(const std::filesystem::path& folder);

}  // namespace imgforge::store
