// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pipelines/store/index_file.hpp"
#include "pipelines/store/store.hpp"

namespace imgforge::store {

/// What each record says of one generation.
struct Evidence {
    bool folder = false;
    bool index_readable = false;            ///< there is an index.json whose checksum fits
    std::optional<Generation> row{};        ///< the database
    std::optional<Generation> indexed{};    ///< index.json
    std::optional<Generation> described{};  ///< manifest.json
    std::optional<std::string> manifest_fault{};
    std::map<std::string, std::string>
        file_digests{};  ///< name -> SHA-256, by the manifest; without the disk
};

/// Everything known of one image, from all places, without judging.
struct ImageSurvey {
    std::optional<ImageRow> row{};
    std::optional<ImageIndex> index{};
    std::optional<std::string> index_fault{};
    std::map<int, Evidence> generations{};
    std::vector<std::string> strays{};  ///< names in the image's directory that nothing explains
};

ImageSurvey survey_image(const Store& store, const std::string& image);

/// Names of images by the database and by the directories.
std::vector<std::string> images_anywhere(const Store& store);

}  // namespace imgforge::store
