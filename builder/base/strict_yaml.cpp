// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/strict_yaml.hpp"

#include <algorithm>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>
#include <yaml-cpp/yaml.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/yaml_bytes.hpp"
#include "builder/base/yaml_remedies.hpp"
#include "builder/base/yaml_scalar.hpp"

namespace imgforge {
namespace {

/// Ends parsing from inside the event handler; carries the place.
struct ParseStop {
    YAML::Mark mark;
    std::string message;
};

/// A node as parsed, before aliases are expanded.
struct ParsedNode {
    enum class Type { scalar, sequence, map, alias } type = Type::scalar;
    YAML::Mark mark;
    Json value;
    std::string text;  ///< of a scalar, for keys
    bool plain = true;
    YAML::anchor_t alias = 0;
    std::vector<std::size_t> children;  ///< map: key, value, key, value …
};

/// Builds the node list from yaml-cpp's events. Events, not YAML::Node: they keep duplicate keys, and nothing
/// recurses on hostile nesting before we have looked at its depth.
class Collector final : public YAML::EventHandler {
public:
    explicit Collector(const YamlLimits& limits) : limits_(limits) {}

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (documents_++ > 0) {
            throw ParseStop{mark, "a second YAML document ('---') is not allowed here"};
        }
    }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        add({.type = ParsedNode::Type::scalar, .mark = mark, .value = nullptr}, anchor);
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        add({.type = ParsedNode::Type::alias, .mark = mark, .alias = anchor}, 0);
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& text) override {
        check_tag(mark, tag);
        // yaml-cpp marks quoted scalars with the tag "!" and plain ones with "?".
        const bool plain = tag != "!" && tag != "tag:yaml.org,2002:str";
        ParsedNode node{.type = ParsedNode::Type::scalar,
                        .mark = mark,
                        .value = plain ? resolve_plain(text, YamlRules::core_1_2) : Json(text),
                        .text = text,
                        .plain = plain};
        add(std::move(node), anchor);
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        check_tag(mark, tag);
        open({.type = ParsedNode::Type::sequence, .mark = mark}, anchor);
    }
    void OnSequenceEnd() override { stack_.pop_back(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        check_tag(mark, tag);
        open({.type = ParsedNode::Type::map, .mark = mark}, anchor);
    }
    void OnMapEnd() override { stack_.pop_back(); }

    const std::vector<ParsedNode>& nodes() const { return nodes_; }
    const std::map<YAML::anchor_t, std::size_t>& anchors() const { return anchors_; }

private:
    static void check_tag(const YAML::Mark& mark, const std::string& tag) {
        static const std::set<std::string> known = {
            "", "?", "!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"};
        if (known.count(tag) == 0) {
            throw ParseStop{mark, fmt::format("the YAML tag '{}' is not allowed", tag)};
        }
    }

    std::size_t add(ParsedNode node, YAML::anchor_t anchor) {
        if (nodes_.size() >= limits_.nodes) {
            throw ParseStop{node.mark, fmt::format("more than {} values", limits_.nodes)};
        }
        const std::size_t index = nodes_.size();
        if (anchor != 0) {
            anchors_[anchor] = index;
        }
        if (!stack_.empty()) {
            nodes_[stack_.back()].children.push_back(index);
        }
        nodes_.push_back(std::move(node));
        return index;
    }

    void open(ParsedNode node, YAML::anchor_t anchor) {
        if (stack_.size() >= limits_.depth) {
            throw ParseStop{node.mark, fmt::format("nested deeper than {} levels", limits_.depth)};
        }
        stack_.push_back(add(std::move(node), anchor));
    }

    const YamlLimits& limits_;
    std::vector<ParsedNode> nodes_;
    std::vector<std::size_t> stack_;
    std::map<YAML::anchor_t, std::size_t> anchors_;
    int documents_ = 0;
};

/// Whether the indentation of a line (from 1) has a tab: yaml-cpp then reports whatever it stumbles over
/// next.
bool indented_by_tab(std::string_view text, int line) {
    for (; line > 1 && !text.empty(); --line) {
        text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
    }
    const std::string_view indent = text.substr(0, text.find_first_not_of(" \t"));
    return indent.find('\t') != std::string_view::npos;
}

SourcePosition place(const YAML::Mark& mark) {
    return {mark.line + 1, mark.column + 1, {}};  // Mark counts from 0
}

/// Turns the nodes into the JSON tree, expanding aliases and merges within the limits.
class TreeBuilder {
public:
    TreeBuilder(const Collector& source, YamlDocument& document, Diagnostics& diagnostics,
                const YamlLimits& limits)
        : source_(source), document_(document), diagnostics_(diagnostics), limits_(limits) {}

    Json build(std::size_t index, const std::string& pointer, std::size_t depth = 0) {
        const ParsedNode& node = source_.nodes()[index];
        if (++made_ > limits_.nodes || depth > limits_.depth) {
            throw ParseStop{node.mark,
                            depth > limits_.depth
                                ? fmt::format("nested deeper than {} levels", limits_.depth)
                                : fmt::format("aliases expand to more than {} values", limits_.nodes)};
        }
        document_.positions.emplace(pointer, place(node.mark));
        switch (node.type) {
            case ParsedNode::Type::scalar: return node.value;
            case ParsedNode::Type::alias: return build(target(node), pointer, depth + 1);
            case ParsedNode::Type::sequence: {
                Json list = Json::array();
                for (const std::size_t child : node.children) {
                    list.push_back(build(child, fmt::format("{}/{}", pointer, list.size()), depth + 1));
                }
                return list;
            }
            case ParsedNode::Type::map: return map(node, pointer, depth);
        }
        return nullptr;
    }

private:
    std::size_t target(const ParsedNode& alias) const { return source_.anchors().at(alias.alias); }

    Json map(const ParsedNode& node, const std::string& pointer, std::size_t depth) {
        Json object = Json::object();
        std::map<std::string, SourcePosition> seen;
        for (std::size_t i = 0; i + 1 < node.children.size(); i += 2) {
            const ParsedNode& key = source_.nodes()[node.children[i]];
            if (!usable_key(key, pointer)) {
                continue;
            }
            if (key.plain && key.text == "<<") {
                merge(object, node.children[i + 1], pointer, depth);
                continue;
            }
            const auto [first, fresh] = seen.emplace(key.text, place(key.mark));
            if (!fresh) {
                complain(key.mark, pointer,
                         fmt::format("duplicate key '{}' (first on line {})", key.text, first->second.line));
                continue;
            }
            const std::string below = pointer + "/" + pointer_token(key.text);
            document_.forget(below);  // what a merge left
            document_.positions[below + "#"] = place(key.mark);
            object[key.text] = build(node.children[i + 1], below, depth + 1);
        }
        return object;
    }

    /// `<<: *base`: keys of the base that the map itself does not set (before or after).
    void merge(Json& object, std::size_t index, const std::string& pointer, std::size_t depth) {
        const std::string place_of_base = pointer + "/<<";
        const Json base = build(index, place_of_base, depth + 1);
        const auto take = [&](const Json& from, const std::string& at) {
            for (const auto& item : from.items()) {
                if (!object.contains(item.key())) {
                    object[item.key()] = item.value();
                    const std::string token = "/" + pointer_token(item.key());
                    document_.adopt(pointer + token, document_, at + token);
                }
            }
        };
        if (base.is_object()) {
            take(base, place_of_base);
        } else if (base.is_array()) {
            for (std::size_t i = 0; i < base.size(); ++i) {
                take(base[i], fmt::format("{}/{}", place_of_base, i));
            }
        } else {
            complain(source_.nodes()[index].mark, pointer, "'<<' needs a map to merge");
        }
    }

    bool usable_key(const ParsedNode& key, const std::string& pointer) {
        if (key.type != ParsedNode::Type::scalar) {
            complain(key.mark, pointer, "a key must be plain text");
            return false;
        }
        if (key.text.size() > limits_.key_bytes) {
            complain(key.mark, pointer, fmt::format("a key of {} bytes is too long", key.text.size()));
            return false;
        }
        return true;
    }

    void complain(const YAML::Mark& mark, const std::string& pointer, std::string message) {
        const SourcePosition at = place(mark);
        diagnostics_.add({.file = document_.file,
                          .line = at.line,
                          .column = at.column,
                          .pointer = pointer,
                          .message = std::move(message)});
    }

    const Collector& source_;
    YamlDocument& document_;
    Diagnostics& diagnostics_;
    const YamlLimits& limits_;
    std::size_t made_ = 0;
};

/// yaml-cpp 0.7 takes quotes that are never closed for closed when the file ends with a line break, and
/// everything after them is lost in the text (Scanner::ScanScalar looks for the end only inside a line). A
/// comment without line break at the end is not content, and shows it.
std::string with_end_line(std::string_view text) {
    return std::string(text) + (text.ends_with('\n') ? "#" : "");
}

/// "yaml-cpp: error at line 3, column 5: illegal map value" without its first part.
std::string plain_message(const YAML::Exception& fault) {
    return fault.msg.empty() ? std::string("cannot be read as YAML") : fault.msg;
}

}  // namespace

std::string pointer_token(std::string_view key) {
    std::string token;
    for (const char c : key) {
        token += c == '~' ? std::string("~0") : c == '/' ? std::string("~1") : std::string(1, c);
    }
    return token;
}

std::optional<YamlDocument> parse_yaml(std::string_view text, std::string file, Diagnostics& diagnostics,
                                       const YamlLimits& limits) {
    if (const std::optional<Diagnostic> fault = yaml_bytes_fault(text, file, limits)) {
        diagnostics.add(*fault);
        return std::nullopt;
    }
    YamlDocument document{.file = file, .root = nullptr, .positions = {}};
    try {
        std::istringstream stream{with_end_line(text)};
        YAML::Parser parser(stream);
        Collector collector(limits);
        while (parser.HandleNextDocument(collector)) {
        }
        if (!collector.nodes().empty()) {
            document.root = TreeBuilder(collector, document, diagnostics, limits).build(0, "");
        }
        return document;
    } catch (const ParseStop& stop) {
        const SourcePosition at = place(stop.mark);
        diagnostics.add(
            {.file = std::move(file), .line = at.line, .column = at.column, .message = stop.message});
    } catch (const YAML::Exception& fault) {
        const SourcePosition at = place(fault.mark);
        const bool tab = indented_by_tab(text, at.line);
        const int lines =
            static_cast<int>(std::count(text.begin(), text.end(), '\n')) + (text.ends_with('\n') ? 0 : 1);
        diagnostics.add(
            {.file = std::move(file),
             .line = std::min(at.line, lines),
             .column = at.line > lines ? 0 : at.column,
             .message = plain_message(fault),
             .suggestion = tab ? "indent with spaces; YAML does not allow tabs" : yaml_remedy(fault.msg)});
    }
    return std::nullopt;
}

YamlDocument load_yaml(const std::string& path, const YamlLimits& limits) {
    Diagnostics diagnostics;
    std::optional<YamlDocument> document =
        parse_yaml(read_file(path, limits.bytes), path, diagnostics, limits);
    diagnostics.throw_if_errors();
    return std::move(document).value();
}

}  // namespace imgforge
