// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/user_data_checks.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "builder/base/base64.hpp"
#include "builder/base/error.hpp"
#include "builder/base/suggestion.hpp"
#include "seeds/config_checks.hpp"
#include "seeds/jinja_checks.hpp"
#include "seeds/mime_parts.hpp"
#include "seeds/text.hpp"
#include "seeds/user_data.hpp"

namespace imgforge::seeds {
namespace {

constexpr int nested_levels = 4;

Diagnostic finding(const std::string& name, std::string message, std::string suggestion = {},
                   Diagnostic::Severity severity = Diagnostic::Severity::error, int line = 1) {
    return {.file = name,
            .line = line,
            .column = line > 0 ? 1 : 0,
            .severity = severity,
            .message = std::move(message),
            .suggestion = std::move(suggestion)};
}

/// What is packed in a way that cloud-init does not unpack, by its first bytes.
std::string packed_as(std::string_view text) {
    constexpr std::array<std::pair<std::string_view, const char*>, 5> magics{{
        {"\xfd\x37zXZ", "xz"},
        {"BZh", "bzip2"},
        {"\x28\xb5\x2f\xfd", "zstd"},
        {"PK\x03\x04", "zip"},
        {"\x1f\x9d", "compress"},
    }};
    for (const auto& [magic, word] : magics) {
        if (text.starts_with(magic)) {
            return word;
        }
    }
    return {};
}

/// base64 of something that cloud-init would know.
bool is_base64_of_user_data(std::string_view text) {
    std::string one_line(text);
    one_line.erase(std::remove_if(one_line.begin(), one_line.end(),
                                  [](char c) { return c == '\n' || c == '\r' || c == ' '; }),
                   one_line.end());
    // Whatever padding there is, or too much of it: it is the alphabet that tells.
    one_line.erase(std::remove(one_line.begin(), one_line.end(), '='), one_line.end());
    one_line.append((4 - one_line.size() % 4) % 4, '=');
    const auto bytes = one_line.size() >= 8 ? base64_decode(one_line) : std::nullopt;
    return bytes && (bytes->starts_with("\x1f\x8b") || bytes->starts_with("#"));
}

std::string unknown_beginning(std::string_view text, std::string& suggestion) {
    const std::string_view word = trimmed(text.substr(0, text.find('\n')));
    std::string lower = lower_case(word);
    suggestion = "#cloud-config";
    if (text.starts_with("\xef\xbb\xbf")) {
        suggestion = "save it without";
        return "the file begins with a byte order mark, so cloud-init does not see the '#cloud-config' line";
    }
    if (const std::string packed = packed_as(text); !packed.empty()) {
        suggestion = "use gzip, or no compression";
        return fmt::format("this is {} data, which cloud-init does not unpack", packed);
    }
    if (is_base64_of_user_data(text)) {
        suggestion = "decode it first";
        return "this is base64: cloud-init does not decode user-data in a seed";
    }
    if (lower.starts_with("##") && lower.find("template") != std::string::npos) {
        suggestion = "## template: jinja";
        return fmt::format("the first line is '{}', which cloud-init does not know for a template", word);
    }
    if (word.starts_with("--") && text.find("Content-Type:") != std::string_view::npos) {
        suggestion = "put Content-Type: multipart/mixed; boundary=\"…\" and MIME-Version: 1.0 before it";
        return "this is the body of a MIME message without its header";
    }
    if (lower == "# cloud-config" || lower == "cloud-config" || lower.starts_with("#cloud") ||
        nearest(lower, {"#cloud-config"})) {
        return fmt::format("the first line is '{}', which cloud-init does not know", word);
    }
    if (text.find("\n#cloud-config") != std::string_view::npos) {
        return "'#cloud-config' must be the very first line, something stands before it";
    }
    return "the first line must say what this is, cloud-init ignores the file otherwise";
}

/// Judges one text; a MIME message and an archive judge their parts through it again.
class Judge {
public:
    Judge(const Guest& guest, Diagnostics& out) : guest_(guest), out_(out) {}

    /// `type` is what a MIME part or an archive says; empty: the text's own beginning decides.
    void judge(const std::string& raw, const std::string& name, const std::string& type, int first_line,
               int level) {
        std::string text;
        try {
            text = gunzipped(gunzipped(raw, name), name);  // cloud-init unpacks the whole and each part
        } catch (const Error& error) {
            out_.add(finding(name, error.message(), error.hint(), Diagnostic::Severity::error, 0));
            return;
        }
        if (level > nested_levels) {
            out_.add(finding(name, fmt::format("nested deeper than {} levels", nested_levels)));
        } else if (type.empty() || type == "text/plain" || type == "text/x-not-multipart" ||
                   type == "application/octet-stream" || type.find("gzip") != std::string::npos) {
            by_beginning(text, name, first_line, level);
        } else {
            by_type(text, name, type, first_line, level);
        }
    }

private:
    void by_beginning(const std::string& text, const std::string& name, int first_line, int level) {
        const UserDataKind kind = user_data_kind(text);
        if (kind == UserDataKind::empty) {
            out_.add(finding(name, "the file is empty, the machine would learn nothing from it",
                             "#cloud-config", Diagnostic::Severity::warning, 0));
            return;
        }
        if (kind == UserDataKind::mime) {
            message(text, name, level);
            return;
        }
        if (kind == UserDataKind::unknown) {
            std::string suggestion;
            const std::string reason = unknown_beginning(text, suggestion);
            out_.add(finding(name, reason, suggestion, Diagnostic::Severity::error, first_line));
            return;
        }
        if (!begins_exactly(text)) {
            out_.add(finding(name,
                             "the first line is not written exactly as cloud-init documents it: it is taken, "
                             "but `cloud-init schema` refuses it",
                             std::string(header_of(kind)), Diagnostic::Severity::warning, first_line));
        }
        content(kind, text, name, first_line, level);
    }

    void by_type(const std::string& text, const std::string& name, const std::string& type, int first_line,
                 int level) {
        const UserDataKind kind = kind_of_type(type);
        if (kind == UserDataKind::unknown) {
            out_.add(finding(name, fmt::format("cloud-init has no handler for the type {}", type),
                             "text/cloud-config, text/x-shellscript, text/jinja2 …",
                             Diagnostic::Severity::warning, first_line));
            return;
        }
        if (kind == UserDataKind::cloud_config && user_data_kind(text) == UserDataKind::jinja) {
            out_.add(finding(name, "a template in a part of type text/cloud-config is not filled in",
                             "Content-Type: text/jinja2", Diagnostic::Severity::error, first_line));
            return;
        }
        content(kind, text, name, first_line, level);
    }

    void content(UserDataKind kind, const std::string& text, const std::string& name, int first_line,
                 int level) {
        switch (kind) {
            case UserDataKind::cloud_config: add(check_cloud_config(text, name, guest_), first_line); break;
            case UserDataKind::jinja: add(check_jinja(text, name, guest_), first_line); break;
            case UserDataKind::script: script(text, name, first_line); break;
            case UserDataKind::archive: archive(text, name, level); break;
            case UserDataKind::jsonp: patch(text, name, first_line); break;
            default: break;  // hooks, handlers and include lists mean what cloud-init makes of them
        }
    }

    void add(const Diagnostics& found, int first_line) {
        for (Diagnostic one : found.list()) {
            one.line += one.line > 0 ? first_line - 1 : 0;
            out_.add(std::move(one));
        }
    }

    void script(const std::string& text, const std::string& name, int first_line) {
        const std::string_view first = std::string_view(text).substr(0, text.find('\n'));
        if (!first.starts_with("#!")) {
            out_.add(finding(name, "a script begins with #! and its interpreter", "#!/bin/sh",
                             Diagnostic::Severity::warning, first_line));
        } else if (first.ends_with('\r')) {
            out_.add(finding(name, "the lines end with CR LF, and no guest has an interpreter of that name",
                             "save it with LF line ends", Diagnostic::Severity::error, first_line));
        }
    }

    void patch(const std::string& text, const std::string& name, int first_line) {
        const std::string body = text.substr(std::min(text.find('\n'), text.size()));
        const Json value = Json::parse(body, nullptr, false);
        if (value.is_discarded() || !value.is_array()) {
            out_.add(finding(name, "below #cloud-config-jsonp must stand a JSON list of patches", {},
                             Diagnostic::Severity::error, first_line));
        }
    }

    void archive(const std::string& text, const std::string& name, int level) {
        Diagnostics faults;
        const auto yaml = parse_guest_yaml(text, name, faults);
        out_.append(faults);
        if (!yaml) {
            return;
        }
        const Json& root = yaml->document.root;
        if (!root.is_array()) {
            out_.add(yaml->document.at("", "a #cloud-config-archive is a list"));
            return;
        }
        for (std::size_t i = 0; i < root.size(); ++i) {
            const std::string part = fmt::format("{} part {}", name, i + 1);
            const Json& entry = root[i];
            if (entry.is_string()) {
                judge(entry.get<std::string>(), part, "", 1, level + 1);
            } else if (entry.is_object() && entry.contains("content") && entry["content"].is_string()) {
                const bool typed = entry.contains("type") && entry["type"].is_string();
                judge(entry["content"].get<std::string>(), part,
                      typed ? lower_case(entry["type"].get<std::string>()) : "", 1, level + 1);
            } else {
                out_.add(yaml->document.at(fmt::format("/{}", i), "a part is text, or a map with content"));
            }
        }
    }

    void message(const std::string& text, const std::string& name, int level) {
        const std::vector<MimePart> parts = mime_parts(text);
        if (parts.empty()) {
            out_.add(finding(name, "this MIME message has no part: each delimiter line begins with --",
                             "--BOUNDARY", Diagnostic::Severity::error));
        }
        int number = 0;
        for (const MimePart& part : parts) {
            ++number;
            const std::string part_name = part.as_written
                                              ? name
                                              : fmt::format("{} part {}{}", name, number,
                                                            part.name.empty() ? "" : " (" + part.name + ")");
            const bool eight_bit = std::any_of(part.bytes.begin(), part.bytes.end(),
                                               [](char c) { return static_cast<unsigned char>(c) > 0x7F; });
            if (part.damaged) {
                out_.add(finding(part_name, "the part is not base64, although its header says so", {},
                                 Diagnostic::Severity::error, part.first_line));
            } else if (part.as_written && eight_bit) {
                out_.add(
                    finding(part_name,
                            fmt::format("part {} has characters beyond ASCII: cloud-init drops it", number),
                            "encode it: Content-Transfer-Encoding: base64", Diagnostic::Severity::error,
                            part.first_line));
            } else if (user_data_kind(part.bytes) == UserDataKind::mime && level < nested_levels &&
                       (part.type.empty() || part.type == "text/plain") && !is_whole(part, text)) {
                message(part.bytes, part_name, level + 1);
            } else if (is_whole(part, text)) {
                whole(part, part_name, level);
            } else {
                judge(part.bytes, part_name, part.type, part.as_written ? part.first_line : 1, level + 1);
            }
        }
    }

    /// A text that only mentions MIME-Version somewhere is one leaf without a type.
    static bool is_whole(const MimePart& part, const std::string& text) {
        return part.type.empty() && part.bytes.size() + 1 >= text.size();
    }

    void whole(const MimePart& part, const std::string& name, int level) {
        const UserDataKind kind = kind_by_prefix(part.bytes);
        if (kind == UserDataKind::unknown) {
            std::string suggestion;
            const std::string reason = unknown_beginning(part.bytes, suggestion);
            out_.add(finding(name, reason, suggestion));
            return;
        }
        content(kind, part.bytes, name, 1, level);
    }

    const Guest& guest_;
    Diagnostics& out_;
};

}  // namespace

Diagnostics check_user_data(const std::string& bytes, const std::string& name, const Guest& guest) {
    Diagnostics found;
    Judge(guest, found).judge(bytes, name, "", 1, 0);
    return found;
}

Diagnostics check_user_part(const SeedPart& part, const Guest& guest) {
    Diagnostics found;
    Judge(guest, found).judge(part.bytes, part.name, part.type, 1, 0);
    return found;
}

}  // namespace imgforge::seeds
