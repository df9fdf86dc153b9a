// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/compose/layers.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/suggestion.hpp"

namespace fs = std::filesystem;

namespace imgforge::compose {
namespace {

constexpr std::size_t recipe_bytes = 4U << 20U;
constexpr std::size_t chain_limit = 16;

bool is_free(const std::string& key) {
    return key.starts_with("x-");
}

/// Every place of a file that is not the one the user named says so itself.
void mark(YamlDocument& document, const std::string& file) {
    for (auto& [pointer, place] : document.positions) {
        place.file = file;
    }
    document.positions.try_emplace("", SourcePosition{1, 1, file});
}

class Overlay {
public:
    Overlay(YamlDocument& lower, const YamlDocument& upper, Diagnostics& diagnostics)
        : lower_(lower), upper_(upper), diagnostics_(diagnostics) {}

    void map(Json& into, const Json& from, const std::string& pointer) {
        for (const auto& item : from.items()) {
            const std::string below = pointer + "/" + pointer_token(item.key());
            if (item.key().size() > 1 && item.key().ends_with('+')) {
                append(into, item.key(), item.value(), pointer);
                continue;
            }
            const bool known = into.contains(item.key());
            if (known && into[item.key()].is_object() && item.value().is_object()) {
                map(into[item.key()], item.value(), below);
            } else if (known && item.value().is_null() && pointer != "/vars") {
                into.erase(item.key());
                lower_.forget(below);
            } else {
                lower_.adopt(below, upper_, below);
                into[item.key()] = plain(item.value(), below);
            }
        }
    }

private:
    /// `key+: [items]`: after those of the recipe below.
    void append(Json& into, const std::string& key, const Json& items, const std::string& pointer) {
        const std::string name = key.substr(0, key.size() - 1);
        const std::string source = pointer + "/" + pointer_token(key);
        const std::string target = pointer + "/" + pointer_token(name);
        if (!into.contains(name) || into[name].is_null()) {
            into[name] = Json::array();
            lower_.adopt(target, upper_, source);
        }
        if (!items.is_array() || !into[name].is_array()) {
            diagnostics_.add(
                upper_.at(source,
                          fmt::format("'{}' appends to a list, and {} is none", key,
                                      items.is_array() ? fmt::format("'{}'", name) : "its own value"),
                          {}, true));
            return;
        }
        for (std::size_t i = 0; i < items.size(); ++i) {
            const std::string place = fmt::format("{}/{}", target, into[name].size());
            into[name].push_back(items[i]);
            lower_.adopt(place, upper_, fmt::format("{}/{}", source, i));
        }
    }

    /// A map that stands on nothing may have `key+` all the same: then the list is all there is.
    Json plain(const Json& value, const std::string& pointer) {
        if (!value.is_object() || !has_appends(value)) {
            return value;
        }
        Json made = Json::object();
        Overlay(lower_, upper_, diagnostics_).map(made, value, pointer);
        return made;
    }

    static bool has_appends(const Json& map) {
        for (const auto& item : map.items()) {
            if ((item.key().size() > 1 && item.key().ends_with('+')) ||
                (item.value().is_object() && has_appends(item.value()))) {
                return true;
            }
        }
        return false;
    }

    YamlDocument& lower_;
    const YamlDocument& upper_;
    Diagnostics& diagnostics_;
};

/// The chain of files from the recipe up to its root.
class Chain {
public:
    Chain(const fs::path& shipped, Diagnostics& diagnostics) : shipped_(shipped), diagnostics_(diagnostics) {}

    std::vector<YamlDocument> documents;
    std::vector<fs::path> files;

    bool follow(std::string_view text, const fs::path& file) {
        std::optional<YamlDocument> document =
            parse_yaml(text, file.string(), diagnostics_, {.bytes = recipe_bytes});
        if (!document) {
            return false;
        }
        if (!documents.empty()) {
            mark(*document, file.string());
        }
        documents.push_back(std::move(*document));
        files.push_back(file);
        const YamlDocument& own = documents.back();
        if (!own.root.is_object() || !own.root.contains("extends")) {
            return documents.size() == 1 || is_map(own);
        }
        const std::optional<fs::path> next = target(own, file);
        if (!next) {
            return false;
        }
        try {
            return follow(read_file(*next, recipe_bytes), *next);
        } catch (const Error& error) {
            diagnostics_.add(own.at("/extends", error.message(), error.hint()));
            return false;
        }
    }

private:
    bool is_map(const YamlDocument& document) {
        if (!document.root.is_object()) {
            diagnostics_.add(document.at("", "a recipe must be a map"));
        }
        return document.root.is_object();
    }

    std::optional<fs::path> target(const YamlDocument& own, const fs::path& file) {
        const Json& name = own.root["extends"];
        const auto refuse = [&](std::string message, std::string suggestion = {}) {
            diagnostics_.add(own.at("/extends", std::move(message), std::move(suggestion)));
            return std::nullopt;
        };
        if (!name.is_string() || name.get<std::string>().empty()) {
            return refuse("'extends' must be the name or the file of one recipe");
        }
        const std::string wanted = name.get<std::string>();
        if (wanted.find("${") != std::string::npos) {
            return refuse("'extends' cannot use variables: they are known after all recipes are read");
        }
        const std::optional<fs::path> found = find(wanted, file.parent_path());
        if (!found) {
            const std::vector<std::string> near =
                recipe_names({folder_of(file), shipped_, shipped_ / "examples"});
            const std::optional<std::string> meant = nearest(fs::path(wanted).stem().string(), near);
            return refuse(fmt::format("no recipe '{}' to extend", wanted), meant ? *meant : std::string());
        }
        std::vector<std::string> way;
        bool circle = false;
        for (const fs::path& one : files) {
            std::error_code code;
            circle = circle || fs::equivalent(one, *found, code);
            if (circle) {
                way.push_back(one.filename().string());
            }
        }
        if (circle) {
            way.push_back(found->filename().string());
            return refuse(fmt::format("recipes extend each other in a circle: {}", fmt::join(way, " -> ")));
        }
        if (files.size() >= chain_limit) {
            return refuse(fmt::format("more than {} recipes extend each other", chain_limit));
        }
        return found;
    }

    static fs::path folder_of(const fs::path& file) {
        return file.has_parent_path() ? file.parent_path() : fs::path(".");
    }

    std::optional<fs::path> find(const std::string& name, const fs::path& folder) const {
        for (const fs::path& place : {folder, shipped_, shipped_ / "examples"}) {
            for (const std::string& candidate : {name, name + ".recipe"}) {
                const fs::path path = place / candidate;
                std::error_code code;
                if (fs::is_regular_file(path, code)) {
                    return path;
                }
            }
        }
        return std::nullopt;
    }

    const fs::path& shipped_;
    Diagnostics& diagnostics_;
};

}  // namespace

std::vector<std::string> recipe_names(const std::vector<fs::path>& directories) {
    std::vector<std::string> names;
    for (const fs::path& directory : directories) {
        std::error_code code;
        for (const auto& entry : fs::directory_iterator(directory, code)) {
            if (entry.path().extension() == ".recipe") {
                names.push_back(entry.path().stem().string());
            }
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

void lay_over(YamlDocument& lower, const YamlDocument& upper, Diagnostics& diagnostics) {
    if (!lower.root.is_object() || !upper.root.is_object()) {
        lower.root = upper.root;
        lower.positions = upper.positions;
        return;
    }
    Overlay(lower, upper, diagnostics).map(lower.root, upper.root, "");
}

std::optional<Layered> layered(std::string_view text, const fs::path& file, const fs::path& shipped,
                               Diagnostics& diagnostics) {
    Chain chain(shipped, diagnostics);
    if (!chain.follow(text, file)) {
        return std::nullopt;
    }
    Layered result;
    result.files = chain.files;
    result.document.file = file.string();
    result.document.root = chain.documents.front().root.is_object() ? Json(Json::object()) : Json();
    for (auto one = chain.documents.rbegin(); one != chain.documents.rend(); ++one) {
        lay_over(result.document, *one, diagnostics);
    }
    if (!result.document.root.is_object()) {
        return result;
    }
    const Json merged = result.document.root;
    for (const auto& item : merged.items()) {
        if (item.key() == "extends" || is_free(item.key())) {
            result.document.root.erase(item.key());
        }
    }
    // The recipe itself is at the root of messages about what is missing.
    result.document.positions[""] = chain.documents.front().position("");
    return result;
}

YamlDocument read_variables(const fs::path& file) {
    YamlDocument document = load_yaml(file.string());
    if (document.root.is_null()) {
        document.root = Json::object();
    }
    if (!document.root.is_object()) {
        throw Error(Failure::recipe,
                    fmt::format("{}: variables must be a map of names and values", file.string()),
                    "write one `name: value` per line");
    }
    mark(document, file.string());
    return document;
}

}  // namespace imgforge::compose
