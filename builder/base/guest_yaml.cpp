// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/guest_yaml.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "builder/base/guest_yaml_nodes.hpp"
#include "builder/base/yaml_bytes.hpp"
#include "builder/base/yaml_scalar.hpp"

namespace imgforge {
namespace {

using guest_yaml::Node;
using guest_yaml::Nodes;
using guest_yaml::Stop;

/// Turns the nodes into the tree, aliases and merges expanded within the limits.
class Builder {
public:
    Builder(const Nodes& nodes, GuestYaml& out, Diagnostics& diagnostics, const YamlLimits& limits)
        : nodes_(nodes), out_(out), diagnostics_(diagnostics), limits_(limits) {}

    Json build(std::size_t index, const std::string& pointer, std::size_t depth = 0) {
        const Node& node = nodes_.list[index];
        if (++made_ > limits_.nodes || depth > limits_.depth) {
            throw Stop{node.at, depth > limits_.depth
                                    ? fmt::format("nested deeper than {} levels", limits_.depth)
                                    : fmt::format("aliases expand to more than {} values", limits_.nodes)};
        }
        out_.document.positions.insert_or_assign(pointer, node.at);
        switch (node.type) {
            case Node::Type::scalar: return scalar(node, pointer);
            case Node::Type::alias: return build(node.target, pointer, depth + 1);
            case Node::Type::sequence: return list(node, pointer, depth);
            case Node::Type::map: return map(node, pointer, depth);
        }
        return nullptr;
    }

private:
    Json scalar(const Node& node, const std::string& pointer) {
        Json value = guest_yaml::scalar_value(node);
        if (!value.is_string() && !value.is_null()) {
            out_.written[pointer] = node.text;
        }
        return value;
    }

    Json list(const Node& node, const std::string& pointer, std::size_t depth) {
        Json items = Json::array();
        for (const std::size_t child : node.children) {
            items.push_back(build(child, fmt::format("{}/{}", pointer, items.size()), depth + 1));
        }
        return items;
    }

    Json map(const Node& node, const std::string& pointer, std::size_t depth) {
        Json own = Json::object();
        Json merged = Json::object();
        std::map<std::string, SourcePosition> seen;
        for (std::size_t i = 0; i + 1 < node.children.size(); i += 2) {
            const Node& key = resolved(node.children[i]);
            if (key.type != Node::Type::scalar) {
                throw Stop{key.at, "a list or a map cannot be a key"};
            }
            if (key.text.size() > limits_.key_bytes) {
                throw Stop{key.at, fmt::format("a key of {} bytes is too long", key.text.size())};
            }
            if (key.plain && key.tag.empty() && key.text == "<<") {
                merge(merged, node.children[i + 1], pointer, depth);
                continue;
            }
            const std::string name = key_name(key, pointer);
            const auto [first, fresh] = seen.emplace(name, key.at);
            if (!fresh) {
                warn(key.at, pointer,
                     fmt::format("duplicate key '{}' (first on line {}): only the last one counts", name,
                                 first->second.line));
            }
            const std::string below = pointer + "/" + pointer_token(name);
            out_.document.positions[below + "#"] = key.at;
            own[name] = build(node.children[i + 1], below, depth + 1);
        }
        for (const auto& [name, value] : merged.items()) {
            if (!own.contains(name)) {
                own[name] = value;
            }
        }
        return own;
    }

    const Node& resolved(std::size_t index) const {
        const Node& node = nodes_.list[index];
        return node.type == Node::Type::alias ? nodes_.list[node.target] : node;
    }

    /// A key as text; one that YAML 1.1 reads as a boolean, a number or a date is named.
    std::string key_name(const Node& key, const std::string& pointer) {
        if (key.text == "=" && key.plain) {
            return key.text;  // constructor.py flatten_mapping: text when it is a key
        }
        const Json value = guest_yaml::scalar_value(key);
        if (!value.is_string()) {
            warn(key.at, pointer,
                 fmt::format("the key '{}' is not text but {} in YAML 1.1", key.text,
                             is_yaml_date(value) ? "a date" : value.dump()),
                 fmt::format("\"{}\" in quotes", key.text));
        }
        return key.text;
    }

    /// constructor.py flatten_mapping: of several bases in one list the first that has a key counts, a later
    /// `<<` beats an earlier one, and the map's own keys beat all.
    void merge(Json& merged, std::size_t index, const std::string& pointer, std::size_t depth) {
        const Node& node = nodes_.list[index];
        const Json base = build(index, pointer + "/<<", depth + 1);
        const auto take = [&](const Json& from) {
            if (!from.is_object()) {
                throw Stop{node.at, "'<<' needs a map to merge"};
            }
            for (const auto& [name, value] : from.items()) {
                merged[name] = value;
            }
        };
        if (base.is_array()) {
            std::for_each(base.rbegin(), base.rend(), take);
        } else {
            take(base);
        }
    }

    void warn(const SourcePosition& at, const std::string& pointer, std::string message,
              std::string suggestion = {}) {
        diagnostics_.add({.file = out_.document.file,
                          .line = at.line,
                          .column = at.column,
                          .pointer = pointer,
                          .severity = Diagnostic::Severity::warning,
                          .message = std::move(message),
                          .suggestion = std::move(suggestion)});
    }

    const Nodes& nodes_;
    GuestYaml& out_;
    Diagnostics& diagnostics_;
    const YamlLimits& limits_;
    std::size_t made_ = 0;
};

}  // namespace

std::optional<GuestYaml> parse_guest_yaml(std::string_view text, std::string file, Diagnostics& diagnostics,
                                          const YamlLimits& limits) {
    if (const std::optional<Diagnostic> fault = yaml_bytes_fault(text, file, limits)) {
        diagnostics.add(*fault);
        return std::nullopt;
    }
    GuestYaml out{.document = {.file = file, .root = nullptr, .positions = {}}};
    try {
        const Nodes nodes = guest_yaml::read_nodes(text, limits);
        if (!nodes.list.empty()) {
            out.document.root = Builder(nodes, out, diagnostics, limits).build(0, "");
        }
        return out;
    } catch (const Stop& stop) {
        diagnostics.add({.file = std::move(file),
                         .line = stop.at.line,
                         .column = stop.at.column,
                         .message = stop.message,
                         .suggestion = stop.suggestion});
    }
    return std::nullopt;
}

}  // namespace imgforge
