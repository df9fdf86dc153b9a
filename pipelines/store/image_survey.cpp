// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/store/image_survey.hpp"

#include <charconv>
#include <set>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "pipelines/store/reports.hpp"

namespace fs = std::filesystem;

namespace imgforge::store {
namespace {

std::optional<int> generation_number(const std::string& name) {
    int number = 0;
    const auto [end, fault] = std::from_chars(name.data(), name.data() + name.size(), number);
    const bool whole =
        fault == std::errc() && end == name.data() + name.size() && number > 0 && name.front() != '0';
    return whole ? std::optional(number) : std::nullopt;
}

void read_manifest(const fs::path& folder, Evidence& evidence) {
    try {
        evidence.described = generation_from_folder(folder);
        const Json manifest =
            parse_json(read_file(folder / "manifest.json"), (folder / "manifest.json").string());
        const Json files = manifest.value("files", Json::object());
        for (const auto& [name, digest] : files.items()) {
            if (digest.is_string()) {
                evidence.file_digests[name] = digest.get<std::string>();
            }
        }
    } catch (const Error& error) {
        evidence.manifest_fault = error.message();
    }
}

/// index.json, reports and what begins with a dot (scratch of a running command) are known; a symbolic link
/// is not.
bool is_known(const fs::directory_entry& entry) {
    const std::string name = entry.path().filename();
    return name == "index.json" || name.front() == '.' || is_report(name);
}

}  // namespace

ImageSurvey survey_image(const Store& store, const std::string& image) {
    ImageSurvey survey;
    const Rows rows(store.database(), store.places().images());
    survey.row = rows.image(image);
    for (const Generation& generation : rows.generations(image)) {
        survey.generations[generation.generation].row = generation;
    }
    const fs::path folder = store.image_folder(image);
    try {
        survey.index = read_index(folder);
    } catch (const Error& error) {
        survey.index_fault = error.message();
    }
    if (survey.index) {
        for (const Generation& generation : survey.index->generations) {
            survey.generations[generation.generation].indexed = generation;
        }
    }
    std::error_code code;
    for (auto entry = fs::directory_iterator(folder, code); !code && entry != fs::directory_iterator();
         entry.increment(code)) {
        const std::optional<int> number = generation_number(entry->path().filename());
        if (number && entry->is_directory() && !entry->is_symlink()) {
            survey.generations[*number].folder = true;
            read_manifest(entry->path(), survey.generations[*number]);
        } else if (!is_known(*entry)) {
            survey.strays.push_back(entry->path().filename());
        }
    }
    for (auto& [number, evidence] : survey.generations) {
        evidence.index_readable = survey.index.has_value();
    }
    return survey;
}

std::vector<std::string> images_anywhere(const Store& store) {
    const Rows rows(store.database(), store.places().images());
    std::set<std::string> names;
    for (const ImageRow& row : rows.images()) {
        names.insert(row.name);
    }
    std::error_code code;
    for (auto entry = fs::directory_iterator(store.places().images(), code);
         !code && entry != fs::directory_iterator(); entry.increment(code)) {
        if (entry->is_directory() && is_image_name(entry->path().filename().string())) {
            names.insert(entry->path().filename());
        }
    }
    return {names.begin(), names.end()};
}

}  // namespace imgforge::store
