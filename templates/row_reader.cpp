// SPDX-License-Identifier: GPL-3.0-or-later
#include "templates/row_reader.hpp"

#include <algorithm>
#include <regex>

#include <fmt/format.h>

#include "builder/base/clock.hpp"
#include "builder/base/error.hpp"
#include "builder/base/suggestion.hpp"

namespace imgforge::templates {

namespace {

std::string pattern_fault(const std::string& pattern) {
    try {
        static_cast<void>(std::regex(pattern, std::regex::ECMAScript));
        return {};
    } catch (const std::regex_error& error) {
        return fmt::format("invalid regular expression '{}': {}", pattern, error.what());
    }
}

}  // namespace

RowReader::RowReader(const YamlDocument& document, const Json& node, std::string pointer, Diagnostics& faults,
                     bool check_patterns)
    : document_(document),
      node_(node),
      pointer_(std::move(pointer)),
      faults_(faults),
      check_patterns_(check_patterns) {
    if (!node_.is_object())
        faults_.add(document_.at(pointer_, "a mapping is wanted here"));
}

std::string RowReader::pointer_of(std::string_view key) const {
    return pointer_ + "/" + pointer_token(key);
}

const Json* RowReader::find(std::string_view key) {
    known_.emplace_back(key);
    if (!node_.is_object())
        return nullptr;
    const auto found = node_.find(std::string(key));
    return found == node_.end() ? nullptr : &*found;
}

bool RowReader::has(std::string_view key) const {
    return node_.is_object() && node_.contains(std::string(key));
}

void RowReader::fault(std::string_view key, std::string message, std::string suggestion) {
    faults_.add(document_.at(pointer_of(key), std::move(message), std::move(suggestion)));
}

void RowReader::text(std::string_view key, std::string& field) {
    const Json* value = find(key);
    if (value == nullptr)
        return;
    if (value->is_string())
        field = value->get<std::string>();
    else
        fault(key, fmt::format("'{}' wants a text (quote numbers)", key));
}

void RowReader::pattern(std::string_view key, std::string& field) {
    text(key, field);
    if (!check_patterns_ || !has(key))
        return;
    if (const std::string wrong = pattern_fault(field); !wrong.empty())
        fault(key, wrong);
}

void RowReader::flag(std::string_view key, bool& field) {
    const Json* value = find(key);
    if (value == nullptr)
        return;
    if (value->is_boolean())
        field = value->get<bool>();
    else
        fault(key, fmt::format("'{}' wants true or false", key));
}

void RowReader::number(std::string_view key, double& field) {
    const Json* value = find(key);
    if (value == nullptr)
        return;
    if (value->is_number() && value->get<double>() >= 0)
        field = value->get<double>();
    else
        fault(key, fmt::format("'{}' wants a number that is not negative", key));
}

void RowReader::seconds(std::string_view key, std::chrono::seconds& field) {
    std::string words;
    text(key, words);
    if (words.empty())
        return;
    try {
        field = parse_duration(words);
    } catch (const Error& error) {
        fault(key, error.message());
    }
}

void RowReader::size(std::string_view key, ByteSize& field) {
    std::string words;
    text(key, words);
    if (words.empty())
        return;
    try {
        field = ByteSize::parse(words);
    } catch (const Error& error) {
        fault(key, error.message());
    }
}

void RowReader::texts(std::string_view key, std::vector<std::string>& field) {
    const Json* value = find(key);
    if (value == nullptr)
        return;
    const bool all_texts =
        value->is_array() &&
        std::all_of(value->begin(), value->end(), [](const Json& item) { return item.is_string(); });
    if (value->is_string())
        field = {value->get<std::string>()};
    else if (all_texts)
        field = value->get<std::vector<std::string>>();
    else
        fault(key, fmt::format("'{}' wants a list of texts", key));
}

void RowReader::patterns(std::string_view key, std::vector<std::string>& field) {
    texts(key, field);
    if (!check_patterns_ || !has(key))
        return;
    for (const std::string& one : field) {
        if (const std::string wrong = pattern_fault(one); !wrong.empty())
            fault(key, wrong);
    }
}

void RowReader::text_map(std::string_view key, std::map<std::string, std::string>& field) {
    mapping(key, [&](RowReader& inner) {
        for (const auto& item : inner.node_.items())
            inner.text(item.key(), field[item.key()]);
    });
}

void RowReader::mapping(std::string_view key, const std::function<void(RowReader&)>& body) {
    const Json* value = find(key);
    if (value == nullptr)
        return;
    RowReader inner(document_, *value, pointer_of(key), faults_, check_patterns_);
    if (!value->is_object())
        return;
    body(inner);
    inner.finish();
}

void RowReader::mappings(std::string_view key, const std::function<void(RowReader&)>& body) {
    const Json* value = find(key);
    if (value == nullptr)
        return;
    if (!value->is_array()) {
        fault(key, fmt::format("'{}' wants a list of mappings", key));
        return;
    }
    std::size_t index = 0;
    for (const Json& item : *value) {
        RowReader inner(document_, item, pointer_of(key) + "/" + std::to_string(index++), faults_,
                        check_patterns_);
        if (!item.is_object())
            continue;
        body(inner);
        inner.finish();
    }
}

void RowReader::finish() {
    if (!node_.is_object())
        return;
    for (const auto& item : node_.items()) {
        if (std::find(known_.begin(), known_.end(), item.key()) != known_.end())
            continue;
        faults_.add(document_.at(pointer_of(item.key()), fmt::format("unknown key '{}'", item.key()),
                                 nearest(item.key(), known_).value_or(std::string{}), true));
    }
}

}  // namespace imgforge::templates
