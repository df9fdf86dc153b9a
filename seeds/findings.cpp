// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/findings.hpp"

#include <algorithm>

namespace imgforge::seeds {
namespace {

bool is_hint(const Diagnostic& found) {
    return found.severity == Diagnostic::Severity::warning && found.message.starts_with(hint_mark);
}

}  // namespace

bool has_warnings(const Diagnostics& found) {
    return std::any_of(found.list().begin(), found.list().end(), [](const Diagnostic& one) {
        return one.severity == Diagnostic::Severity::warning && !is_hint(one);
    });
}

std::string findings_text(const Diagnostics& found) {
    std::string all;
    for (const Diagnostic& one : found.list()) {
        std::string line = to_text(one);
        constexpr std::string_view kind = "warning: ";
        if (const std::size_t at = is_hint(one) ? line.find("warning: hint: ") : std::string::npos;
            at != std::string::npos) {
            line.erase(at, kind.size());
        }
        all += line + "\n";
    }
    return all;
}

Json findings_json(const Diagnostics& found) {
    Json list = found.to_json();
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (is_hint(found.list()[i])) {
            list[i]["severity"] = "hint";
            list[i]["message"] = found.list()[i].message.substr(hint_mark.size());
        }
    }
    return list;
}

void LineCheck::add(int line, bool is_error, std::string message, std::string suggestion) {
    faults_.add({.file = file_,
                 .line = line,
                 .severity = is_error ? Diagnostic::Severity::error : Diagnostic::Severity::warning,
                 .message = std::move(message),
                 .suggestion = std::move(suggestion)});
}

Diagnostics LineCheck::sorted() {
    faults_.sort();
    return faults_;
}

Diagnostics check_yaml(const std::string& text, const std::string& name,
                       const std::function<void(const GuestYaml&, Findings&, Diagnostics&)>& check) {
    Diagnostics found;
    if (const auto yaml = parse_guest_yaml(text, name, found)) {
        Findings findings(yaml->document, found);
        check(*yaml, findings, found);
    }
    return found;
}

}  // namespace imgforge::seeds
