// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "builder/base/diagnostics.hpp"
#include "builder/base/guest_yaml.hpp"
#include "builder/base/json.hpp"
#include "builder/base/strict_yaml.hpp"

namespace imgforge::seeds {

/// In front of the message of a warning that is mere advice: nothing goes wrong today.
inline constexpr std::string_view hint_mark = "hint: ";

/// True when there is anything to warn of, advice aside.
bool has_warnings(const Diagnostics& found);

/// Diagnostics::text() with advice as "file:line: hint: …".
std::string findings_text(const Diagnostics& found);

/// Diagnostics::to_json() with the severity "hint" for advice.
Json findings_json(const Diagnostics& found);

/// Puts findings at the places of a document.
class Findings {
public:
    Findings(const YamlDocument& document, Diagnostics& list) : document_(document), list_(list) {}

    void error(const std::string& pointer, std::string message, std::string suggestion = {},
               bool at_key = false) {
        list_.add(document_.at(pointer, std::move(message), std::move(suggestion), at_key));
    }
    void warning(const std::string& pointer, std::string message, std::string suggestion = {},
                 bool at_key = false) {
        Diagnostic found = document_.at(pointer, std::move(message), std::move(suggestion), at_key);
        found.severity = Diagnostic::Severity::warning;
        list_.add(std::move(found));
    }
    void hint(const std::string& pointer, const std::string& message, std::string suggestion = {},
              bool at_key = false) {
        warning(pointer, std::string(hint_mark) + message, std::move(suggestion), at_key);
    }

private:
    const YamlDocument& document_;
    Diagnostics& list_;
};

/// What checks of a format that is read line by line have in common: the findings, each at its line.
class LineCheck {
protected:
    explicit LineCheck(std::string file) : file_(std::move(file)) {}

    /// `line` 0: the file as a whole.
    void add(int line, bool is_error, std::string message, std::string suggestion = {});
    /// All findings in the order of their lines.
    Diagnostics sorted();

private:
    std::string file_;
    Diagnostics faults_;
};

/// What the bytes of a YAML text and then `check` find. `check` is not called for what is not YAML.
Diagnostics check_yaml(const std::string& text, const std::string& name,
                       const std::function<void(const GuestYaml&, Findings&, Diagnostics&)>& check);

/// The child of an object, or null.
inline const Json& child_of(const Json& value, const std::string& key) {
    static const Json nothing;
    const auto found = value.is_object() ? value.find(key) : value.end();
    return found == value.end() || !value.is_object() ? nothing : *found;
}

/// The text of a child; empty when it is missing or something else.
inline std::string text_child(const Json& value, const std::string& key) {
    const Json& child = child_of(value, key);
    return child.is_string() ? child.get<std::string>() : std::string();
}

}  // namespace imgforge::seeds
