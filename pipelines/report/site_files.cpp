// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/output_file.hpp"
#include "pipelines/report/page_file.hpp"
#include "pipelines/report/site.hpp"

namespace fs = std::filesystem;

namespace imgforge::report {
namespace {

/// What marks a directory as a site of ours: our start page.
constexpr const char* start_page = "index.html";
constexpr const char* documents = "files";

void require_own_directory(const fs::path& directory) {
    std::error_code code;
    if (!fs::exists(directory, code)) {
        return;
    }
    if (!fs::is_directory(directory, code)) {
        throw Error(Failure::usage, fmt::format("{} is not a directory", directory.string()),
                    "name a directory with --site; it is made when it does not exist");
    }
    if (!fs::is_empty(directory) && !is_own_page(directory / start_page)) {
        throw Error(Failure::usage,
                    fmt::format("{} holds other files and no site of imgforge", directory.string()),
                    "name an empty directory with --site, or one that an earlier --site made");
    }
}

/// Pages and documents of an earlier site that this one does not have: of images that are gone.
void remove_stale(const fs::path& directory, const SiteFiles& files) {
    for (const fs::path& place : {directory, directory / documents}) {
        std::error_code code;
        for (const auto& entry : fs::directory_iterator(place, code)) {
            const std::string name = entry.path().lexically_relative(directory).string();
            const bool ours = place != directory || is_own_page(entry.path());
            if (entry.is_regular_file(code) && ours && files.count(name) == 0) {
                fs::remove(entry.path());
            }
        }
    }
}

}  // namespace

void write_site(const fs::path& directory, const SiteFiles& files) {
    require_own_directory(directory);
    make_directories(directory / documents);
    for (const auto& [name, bytes] : files) {
        write_output(directory / name, bytes, OutputFile::Existing::replace);
    }
    remove_stale(directory, files);
}

}  // namespace imgforge::report
