// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "builder/base/byte_size.hpp"
#include "builder/base/diagnostics.hpp"
#include "builder/base/strict_yaml.hpp"

namespace imgforge::templates {

/// Reads one YAML mapping key by key into plain fields: absent keys leave the field as it is, a wrong type is
/// an error, and finish() reports the keys nobody asked for.
class RowReader {
public:
    /// `check_patterns` compiles every regular expression to find errors, which takes most of the time of a
    /// load.
    RowReader(const YamlDocument& document, const Json& node, std::string pointer, Diagnostics& faults,
              bool check_patterns);

    void text(std::string_view key, std::string& field);
    /// A text that is a regular expression.
    void pattern(std::string_view key, std::string& field);
    void flag(std::string_view key, bool& field);
    void number(std::string_view key, double& field);
    void seconds(std::string_view key, std::chrono::seconds& field);
    void size(std::string_view key, ByteSize& field);
    /// A list of texts, or one text alone.
    void texts(std::string_view key, std::vector<std::string>& field);
    void patterns(std::string_view key, std::vector<std::string>& field);
    void text_map(std::string_view key, std::map<std::string, std::string>& field);
    /// A mapping, read by `body`.
    void mapping(std::string_view key, const std::function<void(RowReader&)>& body);
    /// A list of mappings, each read by `body`.
    void mappings(std::string_view key, const std::function<void(RowReader&)>& body);

    bool has(std::string_view key) const;
    void fault(std::string_view key, std::string message, std::string suggestion = {});
    /// Reports unknown keys.
    void finish();

private:
    const Json* find(std::string_view key);
    std::string pointer_of(std::string_view key) const;

    const YamlDocument& document_;
    const Json& node_;
    std::string pointer_;
    Diagnostics& faults_;
    bool check_patterns_;
    std::vector<std::string> known_;
};

}  // namespace imgforge::templates
