// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/engine/fingerprint.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/json_schema.hpp"
#include "builder/base/redact.hpp"

namespace imgforge::engine {
namespace {

constexpr std::string_view option_prefix = "option ";
constexpr std::string_view file_prefix = "file ";

bool names_a_path(const Json& schema) {
    return schema.value("format", "") == "path" ||
           (schema.contains("items") && names_a_path(schema["items"]));
}

/// Options that name files do not count: the files' contents do (the type's own ingredients), so renaming one
/// is no change. Nor do those whose schema says that the result is the same with any value.
std::vector<Ingredient> option_ingredients(const RecipeStage& stage) {
    std::vector<Ingredient> list;
    // Written order is no difference: the keys are sorted, at every depth.
    const Json sorted = parse_json(canonical(stage.options), "options");
    for (const auto& option : sorted.items()) {
        const Json* const schema = schema_at(stage.handler->schema(), "/" + option.key());
        const bool irrelevant =
            schema != nullptr && (names_a_path(*schema) || !schema->value(affects_result, true));
        for (Ingredient& one : value_ingredients(std::string(option_prefix) + option.key(), option.value())) {
            one.counts = !irrelevant;
            list.push_back(std::move(one));
        }
    }
    return list;
}

/// What the journal keeps of a value: only short plain words are kept to be shown; commands, and whatever may
/// hold a secret, as a digest.
std::string kept_value(const Ingredient& one) {
    const bool plain = one.value.find_first_of(" \t\n") == std::string::npos && one.value.size() <= 200 &&
                       !is_secret_key(one.name) && redact(one.value) == one.value;
    return plain || one.value.starts_with("sha256:") || !one.name.starts_with(option_prefix)
               ? redact(one.value)
               : "sha256:" + sha256_hex(one.value);
}

/// 1-based number of the first line that differs.
std::size_t first_line(const std::vector<std::string>& before, const std::vector<std::string>& now) {
    const auto pair = std::mismatch(before.begin(), before.end(), now.begin(), now.end());
    return static_cast<std::size_t>(pair.first - before.begin()) + 1;
}

/// "option packages" -> "option 'packages'", "file preseed.cfg" -> "preseed.cfg".
std::string spoken(const std::string& name) {
    if (name.starts_with(file_prefix)) {
        return name.substr(file_prefix.size());
    }
    const std::size_t blank = name.find(' ');
    return blank == std::string::npos ? name
                                      : fmt::format("{} '{}'", name.substr(0, blank), name.substr(blank + 1));
}

std::string change(const Ingredient& before, const Ingredient& now) {
    if (now.name == "revision") {
        return "this imgforge makes the stage in another way";
    }
    if (now.name == previous_ingredient) {
        return "the stage before it changed";
    }
    if (!before.line_digests.empty() && !now.line_digests.empty()) {
        return fmt::format("{} line {} changed", spoken(now.name),
                           first_line(before.line_digests, now.line_digests));
    }
    if (before.value.starts_with("sha256:") || now.value.starts_with("sha256:") ||
        !now.name.starts_with(option_prefix)) {
        return fmt::format("{} changed", spoken(now.name));
    }
    return fmt::format("{} changed from {} to {}", spoken(now.name), before.value, now.value);
}

}  // namespace

std::vector<StageIdentity> identify(const Recipe& recipe) {
    std::vector<StageIdentity> identities;
    std::string previous;
    for (const RecipeStage& stage : recipe.stages) {
        StageIdentity identity{.name = stage.name, .type = stage.type, .fingerprint = {}, .ingredients = {}};
        auto& list = identity.ingredients;
        list.push_back({.name = "type", .value = stage.type});
        list.push_back({.name = "revision", .value = std::to_string(stage.handler->revision())});
        list.push_back({.name = "recipe os", .value = recipe.facts.os});
        for (Ingredient& one : option_ingredients(stage)) {
            list.push_back(std::move(one));
        }
        in_context([&] { return fmt::format("stage '{}'", stage.name); },
                   [&] {
                       for (Ingredient& one : stage.handler->ingredients(recipe.facts, stage.options)) {
                           list.push_back(std::move(one));
                       }
                   });
        list.push_back({.name = previous_ingredient, .value = previous});
        identity.fingerprint = fingerprint_of(list);
        previous = identity.fingerprint;
        identities.push_back(std::move(identity));
    }
    return identities;
}

std::string fingerprint_of(const std::vector<Ingredient>& ingredients) {
    Json list = Json::array();
    for (const Ingredient& one : ingredients) {
        if (one.counts) {
            // The content of a file counts, what it is called does not.
            const bool file = one.name.starts_with(file_prefix);
            list.push_back(Json::array({file ? std::string(file_prefix) : one.name, one.value}));
        }
    }
    return sha256_hex(canonical(list));
}

std::vector<std::string> differences(const std::vector<Ingredient>& before,
                                     const std::vector<Ingredient>& now) {
    const auto find = [](const std::vector<Ingredient>& list, const std::string& name) {
        return std::find_if(list.begin(), list.end(),
                            [&](const Ingredient& one) { return one.counts && one.name == name; });
    };
    std::vector<std::string> told;
    for (const Ingredient& one : now) {
        if (!one.counts) {
            continue;
        }
        const auto old = find(before, one.name);
        if (old == before.end()) {
            told.push_back(fmt::format("{} is new", spoken(one.name)));
        } else if (old->value != one.value && old->value != kept_value(one)) {
            told.push_back(change(*old, one));
        }
    }
    for (const Ingredient& one : before) {
        if (one.counts && find(now, one.name) == now.end()) {
            told.push_back(fmt::format("{} is gone", spoken(one.name)));
        }
    }
    // The stage before is the last resort: what changed in the stage itself says more.
    std::stable_partition(told.begin(), told.end(),
                          [](const std::string& text) { return text != "the stage before it changed"; });
    return told;
}

Json to_json(const std::vector<Ingredient>& ingredients) {
    Json list = Json::array();
    for (const Ingredient& one : ingredients) {
        Json item{{"name", one.name}, {"value", kept_value(one)}, {"counts", one.counts}};
        if (!one.line_digests.empty()) {
            item["lines"] = one.line_digests;
        }
        list.push_back(std::move(item));
    }
    return list;
}

std::vector<Ingredient> ingredients_from_json(const Json& list) {
    std::vector<Ingredient> ingredients;
    for (const Json& item : list) {
        ingredients.push_back({.name = item.value("name", ""),
                               .value = item.value("value", ""),
                               .line_digests = item.value("lines", std::vector<std::string>{}),
                               .counts = item.value("counts", true)});
    }
    return ingredients;
}

}  // namespace imgforge::engine
