// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/engine/inspection.hpp"

#include <algorithm>
#include <regex>

#include <fmt/format.h>

#include "builder/base/redact.hpp"

namespace imgforge::engine {
namespace {

/// The tree with defaults, without what has done its work.
Json resolved_tree(const Recipe& recipe) {
    Json tree = recipe.document.root;
    for (const char* const spent : {"vars", "matrix"}) {
        tree.erase(spent);
    }
    tree["machine"] = to_json(recipe.facts.machine);
    for (std::size_t i = 0; i < recipe.stages.size(); ++i) {
        Json options = recipe.stages[i].options;
        const Json& written = tree["stages"][i].begin().value();
        if (written.is_object() && written.contains("name")) {
            options["name"] = written["name"];
        }
        tree["stages"][i].begin().value() = std::move(options);
    }
    return tree;
}

std::string origin(const Recipe& recipe, const std::string& pointer) {
    const auto found = recipe.document.positions.find(pointer);
    if (found == recipe.document.positions.end()) {
        return "default";
    }
    const SourcePosition& place = found->second;
    const std::string& file = place.file.empty() ? recipe.document.file : place.file;
    return place.line == 0 ? file : fmt::format("{}:{}:{}", file, place.line, place.column);
}

Json shown(const std::string& key, const Json& value) {
    if (!value.is_string()) {
        return is_secret_key(key) && value.is_primitive() && !value.is_null() && !value.is_boolean()
                   ? Json("***")
                   : value;
    }
    const auto text = value.get<std::string>();
    if (text.empty() || text.find("${secrets.") != std::string::npos) {
        return value;
    }
    return is_secret_key(key) && !key.ends_with("-file") ? Json("***") : Json(redact(text));
}

/// Walks the leaves; `key` is the nearest name above a value.
void mask(Json& value, const std::string& key, const std::string& pointer, const Recipe& recipe,
          Json& origins) {
    if (!value.is_structured() || value.empty()) {
        value = shown(key, value);
        origins[pointer] = origin(recipe, pointer);
        return;
    }
    std::size_t index = 0;
    for (const auto& item : value.items()) {
        const std::string token = value.is_array() ? std::to_string(index++) : pointer_token(item.key());
        mask(item.value(), value.is_array() ? key : item.key(), pointer + "/" + token, recipe, origins);
    }
}

std::string scalar(const Json& value) {
    if (!value.is_string()) {
        return value.dump();
    }
    const auto text = value.get<std::string>();
    static const std::regex plain("[A-Za-z/][A-Za-z0-9_./@-]*");
    static const std::regex word("(true|false|null|yes|no|on|off)", std::regex::icase);
    return std::regex_match(text, plain) && !std::regex_match(text, word) ? text : value.dump();
}

class Writer {
public:
    explicit Writer(const Json& origins) : origins_(origins) {}

    void write(const Json& value, const std::string& pointer, const std::string& head, std::size_t indent) {
        if (!value.is_structured() || value.empty()) {
            lines_.emplace_back(head + scalar(value), origins_.value(pointer, ""));
            return;
        }
        const bool entry = head.ends_with("- ");
        if (!entry && !head.empty()) {
            lines_.emplace_back(head.substr(0, head.size() - 1), "");
        }
        std::string lead = entry ? head : std::string(indent, ' ');
        std::size_t index = 0;
        for (const auto& item : value.items()) {
            const std::string token = value.is_array() ? std::to_string(index++) : pointer_token(item.key());
            const std::string name = value.is_array() ? "- " : scalar(Json(item.key())) + ": ";
            write(item.value(), pointer + "/" + token, lead + name, lead.size() + 2);
            lead = std::string(lead.size(), ' ');
        }
    }

    std::string text() const {
        constexpr std::size_t widest = 60;
        std::size_t width = 0;
        for (const auto& [line, place] : lines_) {
            width = std::max(width, std::min(line.size(), widest));
        }
        std::string made;
        for (const auto& [line, place] : lines_) {
            made += place.empty() ? line + "\n" : fmt::format("{:<{}}  # {}\n", line, width, place);
        }
        return made;
    }

private:
    const Json& origins_;
    std::vector<std::pair<std::string, std::string>> lines_;
};

}  // namespace

Json inspection_record(const Recipe& recipe) {
    Json tree = resolved_tree(recipe);
    Json origins = Json::object();
    mask(tree, "", "", recipe, origins);
    Json files = Json::array({recipe.facts.file.string()});
    for (const auto& file : recipe.facts.extended) {
        files.push_back(file.string());
    }
    return {{"name", recipe.facts.name},
            {"recipe", std::move(tree)},
            {"origins", std::move(origins)},
            {"files", std::move(files)}};
}

std::string inspection_text(const Recipe& recipe) {
    const Json record = inspection_record(recipe);
    Writer writer(record["origins"]);
    writer.write(record["recipe"], "", "", 0);
    return writer.text();
}

}  // namespace imgforge::engine
