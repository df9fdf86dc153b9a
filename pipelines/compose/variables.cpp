// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/compose/variables.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "builder/base/suggestion.hpp"
#include "pipelines/compose/references.hpp"

namespace imgforge::compose {
namespace {

/// A recipe that says more than this with its variables is a bomb, not a recipe.
constexpr std::size_t value_limit = 20000;
constexpr std::size_t text_limit = 1U << 20U;

/// A value with the places of its parts, relative to it: "" itself, "/0", "/key#".
struct Placed {
    Json value;
    std::map<std::string, SourcePosition> places{};
};

std::vector<std::string> keys_of(const Json& map) {
    std::vector<std::string> keys;
    if (map.is_object()) {
        for (const auto& item : map.items()) {
            keys.push_back(item.key());
        }
    }
    return keys;
}

class Resolver {
public:
    Resolver(const YamlDocument& document, const Combination& combination, Diagnostics& diagnostics)
        : document_(document), diagnostics_(diagnostics) {
        if (document.root.is_object() && document.root.contains("vars") &&
            document.root["vars"].is_object()) {
            for (const auto& item : document.root["vars"].items()) {
                variables_[item.key()] = {item.value(), "/vars/" + pointer_token(item.key()), false};
            }
        }
        for (std::size_t i = 0; i < combination.values.size(); ++i) {
            variables_[combination.values[i].first] = {combination.values[i].second, combination.pointers[i],
                                                       true};
        }
    }

    /// With `done` references in it are left alone.
    Placed expand(const Json& value, const std::string& pointer, bool done = false) {
        if (!open_.empty() && ++made_ > value_limit) {
            if (made_ == value_limit + 1) {
                complain(pointer, fmt::format("variables expand to more than {} values", value_limit));
            }
            return {};
        }
        if (value.is_string() && !done) {
            return text(value.get<std::string>(), pointer);
        }
        Placed placed{value, {}};
        place(placed, pointer);
        if (value.is_array()) {
            placed.value = Json::array();
            for (std::size_t i = 0; i < value.size(); ++i) {
                Placed item = expand(value[i], fmt::format("{}/{}", pointer, i), done);
                put(placed, fmt::format("/{}", i), item);
                placed.value.push_back(std::move(item.value));
            }
        } else if (value.is_object()) {
            placed.value = Json::object();
            for (const auto& entry : value.items()) {
                member(placed, entry.key(), entry.value(), pointer, done);
            }
        }
        return placed;
    }

private:
    struct Variable {
        Json value;
        std::string pointer;
        bool done;  ///< of a matrix: its own variables are filled in
    };

    void member(Placed& map, const std::string& written, const Json& value, const std::string& pointer,
                bool done) {
        const std::string below = pointer + "/" + pointer_token(written);
        std::string key = written;
        if (!done && written.find("${") != std::string::npos) {
            const Placed name = text(written, below + "#");
            if (!name.value.is_string()) {
                complain(below, fmt::format("the key '{}' must become a text", written));
                return;
            }
            key = name.value.get<std::string>();
            if (map.value.contains(key)) {
                complain(below, fmt::format("duplicate key '{}', written '{}'", key, written));
                return;
            }
        }
        Placed item = expand(value, below, done);
        const std::string token = "/" + pointer_token(key);
        put(map, token, item);
        map.places[token + "#"] = document_.key_position(below);
        map.value[key] = std::move(item.value);
    }

    static void put(Placed& parent, const std::string& below, Placed& item) {
        for (auto& [pointer, where] : item.places) {
            parent.places[below + pointer] = std::move(where);
        }
    }

    void place(Placed& placed, const std::string& pointer) const {
        const auto found = document_.positions.find(pointer);
        if (found != document_.positions.end()) {
            placed.places[""] = found->second;
        }
    }

    void complain(const std::string& pointer, std::string message, std::string suggestion = {}) {
        const bool key = pointer.ends_with('#');
        diagnostics_.add(document_.at(key ? pointer.substr(0, pointer.size() - 1) : pointer,
                                      std::move(message), std::move(suggestion), key));
    }

    Placed text(const std::string& written, const std::string& pointer) {
        Placed placed{written, {}};
        place(placed, pointer);
        if (written.find("${") == std::string::npos) {
            return placed;
        }
        std::string made;
        for (const Piece& piece : pieces_of(written)) {
            if (piece.type == Piece::Type::fault) {
                complain(pointer, piece.text);
                return placed;
            }
            if (piece.type == Piece::Type::plain) {
                made += piece.text;
                continue;
            }
            if (piece.text.starts_with(secret_prefix)) {
                check_secret(piece.text.substr(secret_prefix.size()), pointer);
                made += "${" + piece.text + "}";
                continue;
            }
            std::optional<Placed> variable = value_of(piece.text, pointer);
            if (!variable) {
                return placed;
            }
            if (piece.whole) {
                return std::move(*variable);
            }
            const Json& value = variable->value;
            if (value.is_structured() || value.is_null()) {
                complain(pointer, fmt::format("'{}' is {}, which cannot stand within a text", piece.text,
                                              value.is_null()    ? "null"
                                              : value.is_array() ? "a list"
                                                                 : "a map"));
                return placed;
            }
            made += value.is_string() ? value.get<std::string>() : value.dump();
            if (made.size() > text_limit) {
                complain(pointer, fmt::format("variables make a text of more than {} bytes", text_limit));
                return placed;
            }
        }
        placed.value = made;
        return placed;
    }

    void check_secret(const std::string& name, const std::string& pointer) {
        const Json secrets =
            document_.root.contains("secrets") ? document_.root["secrets"] : Json(Json::object());
        if (secrets.is_object() && secrets.contains(name)) {
            return;
        }
        complain(pointer, fmt::format("unknown secret '{}'", name),
                 nearest(name, keys_of(secrets)).value_or(""));
    }

    /// A variable, or a member of one that is a map; its own variables are filled in first.
    std::optional<Placed> value_of(const std::string& name, const std::string& pointer) {
        const std::string first = variables_.count(name) > 0 ? name : name.substr(0, name.find('.'));
        const auto found = variables_.find(first);
        if (found == variables_.end()) {
            complain(pointer,
                     fmt::format("unknown variable '{0}'; a plain ${{{0}}} is written $${{{0}}}", name),
                     nearest(name, known()).value_or(""));
            return std::nullopt;
        }
        const auto again = std::find(open_.begin(), open_.end(), first);
        if (again != open_.end()) {
            std::vector<std::string> way(again, open_.end());
            way.push_back(first);
            complain(pointer,
                     fmt::format("the variable '{}' needs itself: {}", first, fmt::join(way, " -> ")));
            return std::nullopt;
        }
        open_.push_back(first);
        const std::size_t faults = diagnostics_.list().size();
        Placed placed = expand(found->second.value, found->second.pointer, found->second.done);
        open_.pop_back();
        if (diagnostics_.list().size() != faults) {
            return std::nullopt;
        }
        return first.size() == name.size() ? std::optional(std::move(placed))
                                           : part(std::move(placed), name, first.size(), pointer);
    }

    std::optional<Placed> part(Placed placed, const std::string& name, std::size_t at,
                               const std::string& pointer) {
        while (at < name.size()) {
            const std::size_t end = std::min(name.find('.', at + 1), name.size());
            const std::string key = name.substr(at + 1, end - at - 1);
            if (!placed.value.is_object() || !placed.value.contains(key)) {
                complain(pointer, fmt::format("'{}' has no member '{}'", name.substr(0, at), key),
                         nearest(key, keys_of(placed.value)).value_or(""));
                return std::nullopt;
            }
            Placed inner{placed.value[key], {}};
            const std::string below = "/" + pointer_token(key);
            for (const auto& [where, position] : placed.places) {
                if (where.starts_with(below + "/") || where == below) {
                    inner.places[where.substr(below.size())] = position;
                }
            }
            placed = std::move(inner);
            at = end;
        }
        return placed;
    }

    std::vector<std::string> known() const {
        std::vector<std::string> names;
        for (const auto& [name, variable] : variables_) {
            names.push_back(name);
        }
        return names;
    }

    const YamlDocument& document_;
    Diagnostics& diagnostics_;
    std::map<std::string, Variable> variables_;
    std::vector<std::string> open_;
    std::size_t made_ = 0;
};

bool is_definition(const std::string& key) {
    return key == "vars" || key == "matrix" || key == "secrets";
}

/// The name of the image uses a variable of the matrix, directly or through another one.
bool tells_apart(const YamlDocument& document, const Combination& combination, const std::string& text,
                 int depth = 0) {
    for (const Piece& piece : pieces_of(text)) {
        if (piece.type != Piece::Type::reference) {
            continue;
        }
        const std::string first = piece.text.substr(0, piece.text.find('.'));
        for (const auto& [name, value] : combination.values) {
            if (name == first) {
                return true;
            }
        }
        const Json vars = document.root.contains("vars") ? document.root["vars"] : Json();
        if (depth < 16 && vars.is_object() && vars.contains(first) && vars[first].is_string() &&
            tells_apart(document, combination, vars[first].get<std::string>(), depth + 1)) {
            return true;
        }
    }
    return false;
}

}  // namespace

YamlDocument resolved(const YamlDocument& document, const Combination& combination,
                      Diagnostics& diagnostics) {
    if (!document.root.is_object()) {
        return document;
    }
    YamlDocument result{.file = document.file, .root = Json::object(), .positions = {}};
    result.positions[""] = document.position("");
    Resolver resolver(document, combination, diagnostics);
    for (const auto& item : document.root.items()) {
        const std::string pointer = "/" + pointer_token(item.key());
        if (is_definition(item.key())) {
            result.root[item.key()] = item.value();
            result.adopt(pointer, document, pointer);
            continue;
        }
        Placed placed = resolver.expand(item.value(), pointer);
        for (auto& [below, where] : placed.places) {
            result.positions[pointer + below] = std::move(where);
        }
        result.positions[pointer + "#"] = document.key_position(pointer);
        result.root[item.key()] = std::move(placed.value);
    }
    Json& root = result.root;
    if (!combination.values.empty() && root.contains("name") && root["name"].is_string() &&
        !tells_apart(document, combination, document.root["name"].get<std::string>())) {
        root["name"] = root["name"].get<std::string>() + "-" + combination.suffix();
    }
    return result;
}

}  // namespace imgforge::compose
