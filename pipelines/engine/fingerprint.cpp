// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/engine/fingerprint.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/json_schema.hpp"
#include "builder/base/redact.hpp"
#include "pipelines/compose/references.hpp"

namespace imgforge::engine {
namespace {

using Kind = Ingredient::Kind;

bool names_a_path(const Json& schema) {
    return schema.value("format", "") == "path" ||
           (schema.contains("items") && names_a_path(schema["items"]));
}

/// Options that name files do not count: the files' contents do (the type's own ingredients), so renaming one
/// is not a change. Nor do those whose schema says that the result is the same with any value.
std::vector<Ingredient> option_ingredients(const RecipeStage& stage) {
    std::vector<Ingredient> list;
    // Written order is not a difference: the keys are sorted, at every depth.
    const Json sorted = parse_json(canonical(stage.options), "options");
    for (const auto& option : sorted.items()) {
        const Json* const schema = schema_at(stage.handler->schema(), "/" + option.key());
        const bool irrelevant =
            schema != nullptr && (names_a_path(*schema) || !schema->value(affects_result, true));
        for (Ingredient& one : value_ingredients(option.key(), option.value())) {
            one.counts = !irrelevant;
            one.kind = Kind::option;
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
    return plain || !one.shown || one.kind != Kind::option ? redact(one.value)
                                                           : "sha256:" + sha256_hex(one.value);
}

/// 1-based number of the first line that differs.
std::size_t first_line(const std::vector<std::string>& before, const std::vector<std::string>& now) {
    const auto pair = std::mismatch(before.begin(), before.end(), now.begin(), now.end());
    return static_cast<std::size_t>(pair.first - before.begin()) + 1;
}

/// "option 'packages'", "preseed.cfg", "tool 'qemu-img'".
std::string spoken(const Ingredient& one) {
    if (one.kind == Kind::option) {
        return fmt::format("option '{}'", one.name);
    }
    const std::size_t blank = one.name.find(' ');
    return one.kind == Kind::file || blank == std::string::npos
               ? one.name
               : fmt::format("{} '{}'", one.name.substr(0, blank), one.name.substr(blank + 1));
}

std::string change(const Ingredient& before, const Ingredient& now) {
    if (now.kind == Kind::revision) {
        return "this imgforge makes the stage in another way";
    }
    if (now.kind == Kind::previous) {
        return "the stage before it changed";
    }
    if (!before.line_digests.empty() && !now.line_digests.empty()) {
        return fmt::format("{} line {} changed", spoken(now),
                           first_line(before.line_digests, now.line_digests));
    }
    if (now.kind == Kind::option && before.shown && now.shown) {
        return fmt::format("{} changed from {} to {}", spoken(now), before.value, now.value);
    }
    return fmt::format("{} changed", spoken(now));
}

/// What of an ingredient's identity counts: of a file only that it is one.
std::string key_of(const Ingredient& one) {
    return one.kind == Kind::file ? "file " : one.kind == Kind::option ? "option " + one.name : one.name;
}

constexpr std::array<std::pair<Kind, std::string_view>, 5> kind_words = {{{Kind::other, "other"},
                                                                          {Kind::option, "option"},
                                                                          {Kind::file, "file"},
                                                                          {Kind::revision, "revision"},
                                                                          {Kind::previous, "previous"}}};

std::string_view word_of(Kind kind) {
    return std::find_if(kind_words.begin(), kind_words.end(),
                        [&](const auto& pair) { return pair.first == kind; })
        ->second;
}

/// Journals of imgforge 0.1 have no kinds; what they say is then explained as other.
Kind kind_of(const Json& item) {
    const std::string word = item.value("kind", "other");
    const auto found = std::find_if(kind_words.begin(), kind_words.end(),
                                    [&](const auto& pair) { return pair.second == word; });
    return found == kind_words.end() ? Kind::other : found->first;
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
        list.back().kind = Kind::revision;
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
        for (const std::string& name : compose::secrets_in(stage.options)) {
            if (recipe.facts.secret_digest) {
                list.push_back({.name = "secret " + name, .value = recipe.facts.secret_digest(name)});
            }
        }
        list.push_back({.name = "stage before", .value = previous});
        list.back().kind = Kind::previous;
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
            list.push_back(Json::array({key_of(one), one.value}));
        }
    }
    return sha256_hex(canonical(list));
}

std::vector<Difference> differences(const std::vector<Ingredient>& before,
                                    const std::vector<Ingredient>& now) {
    const auto find = [](const std::vector<Ingredient>& list, const Ingredient& wanted) {
        return std::find_if(list.begin(), list.end(), [&](const Ingredient& one) {
            return one.counts && one.kind == wanted.kind && one.name == wanted.name;
        });
    };
    std::vector<Difference> found;
    for (const Ingredient& one : now) {
        if (!one.counts) {
            continue;
        }
        const auto old = find(before, one);
        if (old == before.end()) {
            found.push_back({one.kind, fmt::format("{} is new", spoken(one))});
        } else if (old->value != one.value && old->value != kept_value(one)) {
            found.push_back({one.kind, change(*old, one)});
        }
    }
    for (const Ingredient& one : before) {
        if (one.counts && find(now, one) == now.end()) {
            found.push_back({one.kind, fmt::format("{} is gone", spoken(one))});
        }
    }
    std::stable_partition(found.begin(), found.end(),
                          [](const Difference& one) { return one.kind != Kind::previous; });
    return found;
}

Json to_json(const std::vector<Ingredient>& ingredients) {
    Json list = Json::array();
    for (const Ingredient& one : ingredients) {
        Json item{{"kind", std::string(word_of(one.kind))},
                  {"name", one.name},
                  {"value", kept_value(one)},
                  {"counts", one.counts},
                  {"shown", one.shown && kept_value(one) == one.value}};
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
                               .counts = item.value("counts", true),
                               .kind = kind_of(item),
                               .shown = item.value("shown", false)});
    }
    return ingredients;
}

}  // namespace imgforge::engine
