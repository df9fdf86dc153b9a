// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "pipelines/catalog/catalog.hpp"

namespace imgforge::catalog {

/// What the files say, in the order read, with {arch} and relative names resolved.
struct CatalogRows {
    std::vector<CatalogImage> images;
    std::vector<std::pair<std::string, Recognition>> patterns;  ///< regular expression of a file name
};

/// Throws Failure::recipe with every error.
CatalogRows read_catalog_rows(const std::vector<std::filesystem::path>& folders);

}  // namespace imgforge::catalog
