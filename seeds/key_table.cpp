// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/key_table.hpp"

#include <array>
#include <mutex>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/places.hpp"
#include "seeds/text.hpp"

namespace imgforge::seeds {
namespace {

constexpr std::array<std::string_view, 12> flag_words{"+req",  "+uniq",   "+one",    "+lax",
                                                      "+min=", "+max=",   "+low=",   "+high=",
                                                      "+pat=", "+since=", "+until=", "+old="};

/// Where `mark` stands outside of brackets, or npos.
std::size_t outside(std::string_view text, std::string_view mark) {
    int depth = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (depth == 0 && text.substr(i).starts_with(mark)) {
            return i;
        }
        depth += text[i] == '[' || text[i] == '{' ? 1 : text[i] == ']' || text[i] == '}' ? -1 : 0;
    }
    return std::string_view::npos;
}

/// Where the flags begin. Choices may have a plus of their own ("gz+base64").
std::size_t flags_at(std::string_view spec) {
    std::size_t first = spec.size();
    for (const std::string_view word : flag_words) {
        first = std::min(first, outside(spec, word));
    }
    return first;
}

std::vector<std::string> split(std::string_view text, std::string_view mark) {
    std::vector<std::string> out;
    for (;;) {
        const std::size_t end = std::min(outside(text, mark), text.size());
        out.emplace_back(text.substr(0, end));
        if (end == text.size()) {
            return out;
        }
        text.remove_prefix(end + mark.size());
    }
}

Error bad(std::string_view what) {
    return Error(Failure::tool, fmt::format("'{}' is not understood in a key table", what));
}

void read_flag(KeyRule& rule, const std::string& flag) {
    const std::size_t equals = flag.find('=');
    const std::string name = flag.substr(0, equals);
    const std::string value = equals == std::string::npos ? std::string() : flag.substr(equals + 1);
    if (name == "req") {
        rule.required = true;
    } else if (name == "one") {
        rule.one_of = true;
    } else if (name == "lax") {
        rule.lax = true;
    } else if (name == "uniq") {
        rule.unique = true;
    } else if (name == "min") {
        rule.fewest = std::stoul(value);
    } else if (name == "max") {
        rule.most = std::stoul(value);
    } else if (name == "low") {
        rule.low = std::stod(value);
    } else if (name == "high") {
        rule.high = std::stod(value);
    } else if (name == "since") {
        rule.since = parse_cloud_init_version(value);
    } else if (name == "until") {
        rule.until = parse_cloud_init_version(value);
    } else if (name == "old") {
        rule.old = value;
    } else {
        throw bad(flag);
    }
}

KeyRule read_rule(std::string_view spec, const std::string& own_map);

void read_type(KeyRule& rule, const std::string& type, const std::string& own_map) {
    static const std::map<std::string, unsigned> words{
        {"null", KeyRule::null_type}, {"bool", KeyRule::bool_type}, {"int", KeyRule::int_type},
        {"num", KeyRule::num_type},   {"text", KeyRule::text_type}, {"list", KeyRule::list_type},
        {"any", KeyRule::any_type}};
    static const std::map<std::string, KeyRule::Form> forms{{"ip", KeyRule::Form::ip},
                                                            {"cidr", KeyRule::Form::cidr},
                                                            {"mac", KeyRule::Form::mac},
                                                            {"route", KeyRule::Form::route}};
    if (const auto word = words.find(type); word != words.end()) {
        rule.types |= word->second;
    } else if (const auto form = forms.find(type); form != forms.end()) {
        rule.types |= KeyRule::text_type;
        rule.form = form->second;
    } else if (type == "map" || type.starts_with('@')) {
        rule.types |= KeyRule::map_type;
        rule.map = type == "map" ? own_map : type;
    } else if (type.starts_with('=')) {
        rule.choices = split(std::string_view(type).substr(1), ",");
    } else if (type.starts_with('[') && type.ends_with(']')) {
        rule.types |= KeyRule::list_type;
        rule.item = std::make_shared<KeyRule>(read_rule(type.substr(1, type.size() - 2), own_map));
    } else if (type.starts_with('{') && type.ends_with('}')) {
        rule.types |= KeyRule::map_type;
        rule.value = std::make_shared<KeyRule>(read_rule(type.substr(1, type.size() - 2), own_map));
    } else {
        throw bad(type);
    }
}

KeyRule read_rule(std::string_view spec, const std::string& own_map) {
    KeyRule rule;
    if (const std::size_t pattern = outside(spec, "+pat="); pattern != std::string_view::npos) {
        rule.pattern = spec.substr(pattern + 5);  // always the last flag: it may hold any character
        spec = spec.substr(0, pattern);
    }
    for (const std::string& alternative : split(spec, "|")) {
        const std::size_t flags = flags_at(alternative);
        read_type(rule, alternative.substr(0, flags), own_map);
        if (flags < alternative.size()) {
            for (const std::string& flag : split(std::string_view(alternative).substr(flags + 1), "+")) {
                read_flag(rule, flag);
            }
        }
    }
    return rule;
}

std::vector<std::string> words_of(std::string_view line) {
    std::vector<std::string> words;
    for (;;) {
        line = trimmed(line);
        if (line.empty()) {
            return words;
        }
        const std::size_t end = std::min(line.find(' '), line.size());
        words.emplace_back(line.substr(0, end));
        line.remove_prefix(end);
    }
}

}  // namespace

KeyTable::KeyTable(std::string_view text) {
    std::string section;
    std::vector<std::pair<std::string, std::string>> includes;
    for (const std::string_view line : lines_of(text)) {
        if (trimmed(line).empty() || line.front() == '#') {
            continue;
        }
        const std::vector<std::string> words = words_of(line);
        const std::size_t close = line.find(']');
        const bool opens = line.front() == '[' && (words.size() == 1 || line.ends_with("] open"));
        if (opens) {
            section = std::string(line.substr(1, close - 1));
            maps_[section].open = line.ends_with("] open");
            continue;
        }
        for (std::size_t i = 1; i < words.size(); ++i) {
            const std::string own = section.empty() ? words[i] : section + "." + words[i];
            if (words[i] == ".") {
                includes.emplace_back(section, words[0]);
            } else if (words[i] == "*") {
                maps_[section].other = std::make_shared<KeyRule>(read_rule(words[0], own));
            } else {
                maps_[section].keys[words[i]] = read_rule(words[0], own);
            }
        }
    }
    for (const auto& [into, from] : includes) {
        maps_[into].keys.insert(maps_.at(from).keys.begin(), maps_.at(from).keys.end());
    }
}

const KeyTable& key_table(const std::string& file) {
    static std::mutex lock;
    static std::map<std::string, std::unique_ptr<KeyTable>> tables;
    const std::scoped_lock guard(lock);
    auto& table = tables[file];
    if (!table) {
        table = std::make_unique<KeyTable>(read_file(data_path("seeds/schemas/" + file)));
    }
    return *table;
}

}  // namespace imgforge::seeds
