// SPDX-License-Identifier: GPL-3.0-or-later
#include "templates/distribution.hpp"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/error.hpp"
#include "builder/base/places.hpp"
#include "builder/base/suggestion.hpp"
#include "templates/packed_rows.hpp"
#include "templates/recognition.hpp"
#include "templates/row_reader.hpp"
#include "templates/row_records.hpp"

namespace imgforge::templates {

namespace {

void check_complete(const YamlDocument& document, const Distribution& row, Diagnostics& faults) {
    const auto want = [&](bool present, std::string_view key) {
        if (!present)
            faults.add(document.at("", fmt::format("'{}' is missing here and in the family", key)));
    };
    want(!row.name.empty(), "name");
    want(!row.family.empty(), "family");
    want(!row.product.empty(), "product");
    want(!row.installer.empty(), "installer");
    want(!row.answers.empty(), "answers");
    want(!row.detect.empty(), "detect");
    want(!row.boot.empty(), "boot");
    want(!row.kernel_line.empty(), "kernel-line");
    want(row.memory_minimum > ByteSize{}, "memory/minimum");
    want(row.memory_recommended >= row.memory_minimum, "memory/recommended (not below the minimum)");
    want(row.disk_minimum > ByteSize{}, "disk-minimum");
    want(!row.stages.empty(), "stages");
    want(!row.login_user.empty(), "login-user");
}

/// Loads rows of the shipped directory and of others; families are read once however many rows they have.
class Loader {
public:
    Loader(std::filesystem::path folder, std::vector<std::string> own, bool check_patterns)
        : folder_(std::move(folder)), own_(std::move(own)), check_patterns_(check_patterns) {}

    Distribution load(const std::filesystem::path& file) {
        const YamlDocument document = load_row_file(file);
        Distribution row;
        if (const auto family = document.root.find("extends");
            family != document.root.end() && family->is_string())
            row = family_row(family->get<std::string>(), document);
        RowReader reader(document, document.root, "", faults_, check_patterns_);
        read_row(reader, row);
        const Distribution& generic = family_row("generic", document);
        row.failures.insert(row.failures.end(), generic.failures.begin(), generic.failures.end());
        check_complete(document, row, faults_);
        if (row.name != file.stem().string())
            faults_.add(document.at("/name", fmt::format("the row is called '{}' but its file '{}'", row.name,
                                                         file.filename().string())));
        return row;
    }

    /// The row's detection rules alone; those of its family when it has none of its own.
    std::vector<Detection> detection(const std::filesystem::path& file) {
        const YamlDocument document = load_row_file(file);
        RowReader reader(document, document.root, "", faults_, check_patterns_);
        if (!reader.has("detect"))
            return load(file).detect;
        std::vector<Detection> rules;
        reader.mappings("detect", [&](RowReader& rule) { rules.push_back(read_detection(rule)); });
        return rules;
    }

    /// Name of the row -> its file. A row of a later directory takes the place of one before.
    std::map<std::string, std::filesystem::path> files() const {
        std::map<std::string, std::filesystem::path> found;
        if (const std::error_code failed = collect(folder_ / "distributions", found))
            throw Error(Failure::host,
                        fmt::format("cannot read the distribution templates in {}: {}", folder_.string(),
                                    failed.message()),
                        "reinstall imgforge, or set IMGFORGE_DATA to its data directory");
        for (const std::string& directory : own_)
            static_cast<void>(collect(directory, found));
        return found;
    }

    /// Whether one of the further directories has a row.
    bool has_own_rows() const {
        std::map<std::string, std::filesystem::path> found;
        for (const std::string& directory : own_)
            static_cast<void>(collect(directory, found));
        return !found.empty();
    }

    Diagnostics& faults() { return faults_; }

    void throw_faults() {
        faults_.sort();
        faults_.throw_if_errors();
    }

private:
    static std::error_code collect(const std::filesystem::path& directory,
                                   std::map<std::string, std::filesystem::path>& found) {
        std::error_code failed;
        for (const auto& entry : std::filesystem::directory_iterator(directory, failed)) {
            if (entry.path().extension() == ".yaml")
                found[entry.path().stem().string()] = entry.path();
        }
        return failed;
    }

    const Distribution& family_row(const std::string& name, const YamlDocument& asking) {
        const auto known = families_.find(name);
        if (known != families_.end())
            return known->second;
        const std::filesystem::path file = folder_ / "families" / (name + ".yaml");
        if (!std::filesystem::exists(file)) {
            std::vector<std::string> names;
            for (const auto& entry : std::filesystem::directory_iterator(folder_ / "families"))
                names.push_back(entry.path().stem().string());
            faults_.add(asking.at("/extends", fmt::format("no family '{}'", name),
                                  nearest(name, names).value_or("")));
            return families_.emplace(name, Distribution{}).first->second;
        }
        const YamlDocument document = load_row_file(file);
        Distribution row;
        RowReader reader(document, document.root, "", faults_, check_patterns_);
        read_row(reader, row);
        return families_.emplace(name, std::move(row)).first->second;
    }

    std::filesystem::path folder_;
    std::vector<std::string> own_;
    bool check_patterns_;
    Diagnostics faults_;
    std::map<std::string, Distribution> families_;
};

std::vector<Distribution> load_all(Loader loader) {
    std::vector<Distribution> rows;
    for (const auto& [name, file] : loader.files())
        rows.push_back(loader.load(file));
    loader.throw_faults();
    return rows;
}

Loader installed_rows() {
    return {data_path("templates"), own_row_directories(), false};
}

}  // namespace

std::string Proof::text() const {
    switch (kind) {
        case Kind::installed: return fmt::format("tested with a real installation on {}", date);
        case Kind::stand_in: return "tested with a stand-in installer only";
        case Kind::schema: return "answers checked against the schema only";
    }
    return {};
}

std::vector<std::string> own_row_directories() {
    std::vector<std::string> directories;
    for (const std::filesystem::path& settings : settings_files())
        directories.push_back((settings.parent_path() / "distributions.d").string());
    return directories;
}

Diagnostics check_row_file(const std::string& file) {
    Loader loader(data_path("templates"), {}, true);
    try {
        static_cast<void>(loader.load(file));
    } catch (const Error& error) {
        loader.faults().add({.file = file, .message = error.message(), .suggestion = error.hint()});
    }
    loader.faults().sort();
    return loader.faults();
}

std::vector<Distribution> load_distributions(const std::string& folder) {
    return load_all({folder, {}, true});
}

const std::vector<Distribution>& distributions() {
    static const std::vector<Distribution> rows = load_all(installed_rows());
    return rows;
}

const Distribution& distribution(std::string_view name) {
    static std::mutex mutex;
    static std::map<std::string, Distribution, std::less<>> loaded;
    const std::lock_guard lock(mutex);
    if (const auto known = loaded.find(name); known != loaded.end())
        return known->second;
    // One row is wanted, so only its file is read.
    Loader loader = installed_rows();
    std::vector<std::string> names;
    for (const auto& [known, file] : loader.files()) {
        names.push_back(known);
        if (known != name)
            continue;
        Distribution row = loader.load(file);
        loader.throw_faults();
        return loaded.emplace(known, std::move(row)).first->second;
    }
    throw Error(Failure::recipe,
                fmt::format("no distribution '{}' is known{}", name, did_you_mean(name, names)),
                fmt::format("known: {}", fmt::join(names, ", ")));
}

std::optional<std::string> first_distribution(const std::function<bool(const Detection&)>& holds) {
    Loader loader = installed_rows();
    if (loader.has_own_rows())
        return std::nullopt;
    for (const auto& [name, file] : loader.files()) {
        const std::vector<Detection> rules = loader.detection(file);
        loader.throw_faults();
        if (std::any_of(rules.begin(), rules.end(), holds))
            return name;
    }
    return std::nullopt;
}

std::vector<std::string> distribution_names() {
    std::vector<std::string> names;
    for (const auto& [name, file] : installed_rows().files())
        names.push_back(name);
    return names;
}

std::string render_kernel_line(const Distribution& row, const std::map<std::string, std::string>& facts) {
    std::string line;
    std::size_t from = 0;
    for (std::size_t open = row.kernel_line.find('{'); open != std::string::npos;
         open = row.kernel_line.find('{', from)) {
        const std::size_t close = row.kernel_line.find('}', open);
        if (close == std::string::npos)
            break;
        line.append(row.kernel_line, from, open - from);
        const std::string key = row.kernel_line.substr(open + 1, close - open - 1);
        const auto fact = facts.find(key);
        if (fact == facts.end())
            throw Error(Failure::recipe,
                        fmt::format("the kernel line of {} needs '{}', which this ISO does not "
                                    "provide",
                                    row.name, key));
        for (const char c : fact->second) {
            // dracut splits the command line at blanks; udev's encoding of a label is what hd:LABEL= compares
            // with.
            if (key == "label" && c == ' ')
                line += "\\x20";
            else
                line += c;
        }
        from = close + 1;
    }
    line.append(row.kernel_line, from);
    while (!line.empty() && line.back() == ' ')
        line.pop_back();
    return line;
}

}  // namespace imgforge::templates
