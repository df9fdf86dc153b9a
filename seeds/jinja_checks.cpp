// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/jinja_checks.hpp"

#include <algorithm>

#include "seeds/config_checks.hpp"
#include "seeds/text.hpp"
#include "seeds/user_data.hpp"

namespace imgforge::seeds {
namespace {

/// `text` with the expressions of a template replaced by a word and its statements and comments by nothing;
/// lines stay where they are.
std::string without_jinja(const std::string& text) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const std::string_view open = std::string_view(text).substr(at, 2);
        const std::string_view close = open == "{{" ? "}}" : open == "{%" ? "%}" : open == "{#" ? "#}" : "";
        const std::size_t end = close.empty() ? std::string::npos : text.find(close, at + 2);
        if (end == std::string::npos) {
            out.push_back(text[at++]);
            continue;
        }
        out += open == "{{" ? "jinja" : "";
        out.append(
            static_cast<std::size_t>(std::count(text.begin() + static_cast<std::ptrdiff_t>(at),
                                                text.begin() + static_cast<std::ptrdiff_t>(end), '\n')),
            '\n');
        at = end + 2;
    }
    return out;
}

}  // namespace

Diagnostics check_jinja(const std::string& text, const std::string& name, const Guest& guest) {
    Diagnostics faults;
    const bool has_header = user_data_kind(text) == UserDataKind::jinja;
    const std::string body =
        without_jinja(has_header ? text.substr(std::min(text.find('\n'), text.size())) : text);
    const UserDataKind kind = kind_by_prefix(trimmed(body));
    if (kind == UserDataKind::unknown || kind == UserDataKind::empty) {
        faults.add({.file = name,
                    .line = 2,
                    .message = "below the jinja line must stand what the text is once it is filled in",
                    .suggestion = "#cloud-config"});
        return faults;
    }
    if (kind != UserDataKind::cloud_config) {
        return faults;
    }
    const bool has_statements = text.find("{%") != std::string::npos;
    const Diagnostics found = check_cloud_config(body, name, guest);
    for (Diagnostic fault : found.list()) {
        const bool unknown_key = fault.message.starts_with("unknown key");
        // A value may be anything once it is filled in, so that no error is certain.
        if (unknown_key || !has_statements) {
            fault.severity = Diagnostic::Severity::warning;
            faults.add(std::move(fault));
        }
    }
    return faults;
}

}  // namespace imgforge::seeds
