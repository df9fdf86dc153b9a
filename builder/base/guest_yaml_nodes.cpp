// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/guest_yaml_nodes.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include <fmt/format.h>
#include <yaml.h>

#include "builder/base/python_base64.hpp"
#include "builder/base/yaml_scalar.hpp"

namespace imgforge::guest_yaml {
namespace {

constexpr std::string_view core = "tag:yaml.org,2002:";
constexpr const char* tab_advice = "use blanks instead of the tab";

SourcePosition place(const yaml_mark_t& mark) {
    return {static_cast<int>(mark.line) + 1, static_cast<int>(mark.column) + 1};
}

std::string text_of(const yaml_char_t* text) {
    return text == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(text));
}

/// libyaml takes tabs between tokens, PyYAML does not (scanner.py scan_to_next_token: blanks only) but for
/// comments, quoted text and blocks. So a private character stands for each tab: where PyYAML refuses a tab
/// it becomes part of a plain scalar, and is found there.
class Tabs {
public:
    explicit Tabs(std::string_view text) {
        for (unsigned last = 0x80; text.find(mark_) != std::string_view::npos && last < 0xC0; ++last) {
            mark_ = fmt::format("\xee\x80{}", static_cast<char>(last));
        }
        for (std::size_t i = 0; i < text.size(); ++i) {
            const bool escaped = i > 0 && text[i - 1] == '\\';  // "\<tab>" is an escape of its own
            if (text[i] == '\t' && !escaped) {
                replaced_ += mark_;
            } else {
                replaced_ += text[i];
            }
        }
    }
    const std::string& text() const { return replaced_; }
    bool in(std::string_view text) const { return text.find(mark_) != std::string_view::npos; }
    std::string restored(std::string text) const {
        for (std::size_t at = text.find(mark_); at != std::string::npos; at = text.find(mark_, at)) {
            text.replace(at, mark_.size(), "\t");
        }
        return text;
    }
    /// True when a tab stands before `column` (from 1) or at it on `line` (from 1).
    bool on_line(int line) const {
        std::string_view rest = replaced_;
        for (int at = 1; at < line && !rest.empty(); ++at) {
            rest.remove_prefix(std::min(rest.find('\n'), rest.size() - 1) + 1);
        }
        return in(rest.substr(0, rest.find('\n')));
    }

private:
    std::string mark_ = "\xee\x80\x80";
    std::string replaced_;
};

/// libyaml's parser, closed at the end of its scope.
class Parser {
public:
    explicit Parser(const std::string& text) {
        if (yaml_parser_initialize(&parser_) == 0) {
            throw std::bad_alloc();
        }
        yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()),
                                     text.size());
    }
    Parser(const Parser&) = delete;
    Parser& operator=(const Parser&) = delete;
    ~Parser() { yaml_parser_delete(&parser_); }
    yaml_parser_t& get() { return parser_; }

private:
    yaml_parser_t parser_{};
};

class Collector {
public:
    Collector(const Tabs& tabs, const YamlLimits& limits)
        : tabs_(tabs), limits_(limits), parser_(tabs.text()) {}

    Nodes run() {
        bool more = true;
        while (more) {
            yaml_event_t event{};
            if (yaml_parser_parse(&parser_.get(), &event) == 0) {
                throw_fault();
            }
            try {
                take(event);
            } catch (...) {
                yaml_event_delete(&event);
                throw;
            }
            more = event.type != YAML_STREAM_END_EVENT;
            yaml_event_delete(&event);
        }
        return std::move(nodes_);
    }

private:
    [[noreturn]] void throw_fault() {
        const yaml_parser_t& parser = parser_.get();
        SourcePosition at = place(parser.problem_mark);
        if (parser.error == YAML_READER_ERROR) {
            const std::string_view before = std::string_view(tabs_.text()).substr(0, parser.problem_offset);
            at = {static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1, 0};
        }
        if (tabs_.on_line(at.line)) {
            throw Stop{at, "a tab stands where YAML for Python allows blanks only", tab_advice};
        }
        std::string message = parser.problem == nullptr ? "cannot be read as YAML" : parser.problem;
        if (parser.context != nullptr) {
            message += fmt::format(" ({}, from line {})", parser.context, parser.context_mark.line + 1);
        }
        throw Stop{at, std::move(message), advice(message)};
    }

    static std::string advice(std::string_view message) {
        constexpr std::array<std::pair<std::string_view, const char*>, 5> known{{
            {"mapping values are not allowed",
             "put a text that holds ': ' in quotes, and check the indentation"},
            {"cannot start any token", "put the text in quotes"},
            {"did not find expected key", "give all keys of a map the same indentation"},
            {"unexpected end of stream", "close the quotes"},
            {"did not find expected ',' or", "close the bracket"},
        }};
        const auto* const found = std::find_if(known.begin(), known.end(), [&](const auto& entry) {
            return message.find(entry.first) != std::string_view::npos;
        });
        return found == known.end() ? std::string() : found->second;
    }

    void take(const yaml_event_t& event) {
        switch (event.type) {
            case YAML_DOCUMENT_START_EVENT:
                if (documents_++ > 0) {
                    throw Stop{place(event.start_mark), "a second YAML document ('---') is not allowed here"};
                }
                break;
            case YAML_ALIAS_EVENT: alias(event); break;
            case YAML_SCALAR_EVENT: scalar(event); break;
            case YAML_SEQUENCE_START_EVENT:
                enter(event.data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE);
                open({.type = Node::Type::sequence, .at = place(event.start_mark)},
                     text_of(event.data.sequence_start.anchor), text_of(event.data.sequence_start.tag));
                break;
            case YAML_MAPPING_START_EVENT:
                enter(event.data.mapping_start.style == YAML_FLOW_MAPPING_STYLE);
                open({.type = Node::Type::map, .at = place(event.start_mark)},
                     text_of(event.data.mapping_start.anchor), text_of(event.data.mapping_start.tag));
                break;
            case YAML_SEQUENCE_END_EVENT:
            case YAML_MAPPING_END_EVENT:
                brackets_ -= brackets_ > 0 ? 1 : 0;
                open_.pop_back();
                break;
            default: break;
        }
    }

    /// Everything inside of a bracket is inside of it, however it is written.
    void enter(bool bracket) { brackets_ += bracket || brackets_ > 0 ? 1 : 0; }

    void alias(const yaml_event_t& event) {
        const std::string name = text_of(event.data.alias.anchor);
        const SourcePosition at = place(event.start_mark);
        const auto found = anchors_.find(name);
        if (found == anchors_.end()) {
            throw Stop{at, fmt::format("the alias '*{}' has no anchor before it", name)};
        }
        if (std::find(open_.begin(), open_.end(), found->second) != open_.end()) {
            throw Stop{at, fmt::format("the alias '*{}' stands inside of what it names", name)};
        }
        add({.type = Node::Type::alias, .at = at, .target = found->second}, {});
    }

    void scalar(const yaml_event_t& event) {
        const auto& data = event.data.scalar;
        Node node{.at = place(event.start_mark),
                  .text = std::string(reinterpret_cast<const char*>(data.value), data.length),
                  .tag = text_of(data.tag),
                  .plain = data.style == YAML_PLAIN_SCALAR_STYLE};
        if (node.plain && tabs_.in(node.text)) {
            throw Stop{node.at, "a tab stands where YAML for Python allows blanks only", tab_advice};
        }
        if (node.plain && brackets_ > 0 && node.text.find('?') != std::string::npos) {
            // scanner.py scan_plain: '?' ends a plain text there and begins a key; libyaml reads on.
            throw Stop{
                node.at,
                "'?' stands in a plain text inside of brackets, where Python's YAML takes it for a key",
                "put the text in quotes"};
        }
        node.text = tabs_.restored(std::move(node.text));
        if (node.tag == "!") {
            node.tag.clear();  // parser.py: the non-specific tag leaves the choice to the text
            node.plain = true;
        }
        add(std::move(node), text_of(data.anchor));
    }

    void open(Node node, const std::string& anchor, const std::string& tag) {
        static const std::set<std::string, std::less<>> lists{"", "!", "seq", "omap", "pairs"};
        static const std::set<std::string, std::less<>> maps{"", "!", "map", "set"};
        const bool own = tag.starts_with(core);
        const std::string_view word = std::string_view(tag).substr(own ? core.size() : 0);
        const auto& known = node.type == Node::Type::map ? maps : lists;
        if ((!own && word.size() > 1) || !known.contains(word)) {
            throw Stop{node.at, fmt::format("the YAML tag '{}' is not known here", tag)};
        }
        if (open_.size() >= limits_.depth) {
            throw Stop{node.at, fmt::format("nested deeper than {} levels", limits_.depth)};
        }
        open_.push_back(add(std::move(node), anchor));
    }

    std::size_t add(Node node, const std::string& anchor) {
        if (nodes_.list.size() >= limits_.nodes) {
            throw Stop{node.at, fmt::format("more than {} values", limits_.nodes)};
        }
        const std::size_t index = nodes_.list.size();
        if (!anchor.empty() && !anchors_.emplace(anchor, index).second) {
            // composer.py compose_node
            throw Stop{node.at, fmt::format("the anchor '&{}' is given twice", anchor)};
        }
        if (!open_.empty()) {
            nodes_.list[open_.back()].children.push_back(index);
        }
        nodes_.list.push_back(std::move(node));
        return index;
    }

    const Tabs& tabs_;
    const YamlLimits& limits_;
    Parser parser_;
    Nodes nodes_;
    std::vector<std::size_t> open_;
    std::size_t brackets_ = 0;  ///< depth inside of [ ] and { }
    std::map<std::string, std::size_t> anchors_;
    int documents_ = 0;
};

Json bytes_value(const Node& node) {
    const auto bytes = python_base64(node.text);
    if (!bytes) {
        throw Stop{node.at, "what follows !!binary is not base64"};
    }
    Json text(*bytes);
    try {
        static_cast<void>(text.dump());
        return text;
    } catch (const Json::type_error&) {  // not UTF-8
        return Json::binary({bytes->begin(), bytes->end()});
    }
}

}  // namespace

Nodes read_nodes(std::string_view text, const YamlLimits& limits) {
    if (text.starts_with("\xef\xbb\xbf")) {
        text.remove_prefix(3);  // reader.py: a byte order mark in front is skipped
    }
    const Tabs tabs(text);
    return Collector(tabs, limits).run();
}

Json scalar_value(const Node& node) {
    const std::string word = node.tag.starts_with(core) ? node.tag.substr(core.size()) : node.tag;
    try {
        if (node.tag.empty()) {
            return node.plain ? resolve_plain(node.text, YamlRules::pyyaml_1_1) : Json(node.text);
        }
        if (word == "str") {
            return node.text;
        }
        if (word == "null") {
            return nullptr;
        }
        if (word == "binary") {
            return bytes_value(node);
        }
        const Json value = resolve_plain(node.text, YamlRules::pyyaml_1_1);
        const bool fits =
            (word == "bool" && value.is_boolean()) || (word == "int" && value.is_number_integer()) ||
            (word == "float" && value.is_number()) || (word == "timestamp" && is_yaml_date(value));
        if (fits) {
            return value;
        }
    } catch (const YamlScalarFault& fault) {
        throw Stop{node.at, fault.message, "put it in quotes"};
    }
    throw Stop{node.at, fmt::format("the YAML tag '{}' is not known here, or does not fit '{}'", node.tag,
                                    node.text.substr(0, 40))};
}

}  // namespace imgforge::guest_yaml
