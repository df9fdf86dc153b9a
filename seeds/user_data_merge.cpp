// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include <fmt/format.h>

#include "builder/base/base64.hpp"
#include "seeds/cloud_yaml.hpp"
#include "seeds/user_data.hpp"

namespace imgforge::seeds {
namespace {

/// The same for the same texts, and in none of them.
std::string unused_boundary(const std::vector<SeedPart>& users, std::string_view ours) {
    for (unsigned number = 0;; ++number) {
        const std::string boundary = fmt::format("==imgforge-{:04}==", number);
        const bool used = std::any_of(users.begin(), users.end(), [&](const SeedPart& part) {
            return part.bytes.find(boundary) != std::string::npos;
        });
        if (!used && ours.find(boundary) == std::string_view::npos) {
            return boundary;
        }
    }
}

/// Body of a MIME part with its transfer encoding's header. Bytes beyond ASCII travel as base64: of an 8bit
/// body in UTF-8 Python's e-mail package gives cloud-init surrogates, and all of the part is dropped ("Failed
/// loading yaml blob"; seen with cloud-init 25.1.4).
std::string encoded_part(const std::string& name, const std::string& more_headers, const std::string& body) {
    const bool ascii =
        std::none_of(body.begin(), body.end(), [](char c) { return static_cast<unsigned char>(c) > 0x7F; });
    std::string text = ascii ? body : std::string();
    if (!ascii) {
        const std::string coded = base64_encode(body);
        constexpr std::size_t line = 76;  // RFC 2045, 6.8
        for (std::size_t at = 0; at < coded.size(); at += line) {
            text += coded.substr(at, line) + "\n";
        }
    }
    return fmt::format(
        "Content-Transfer-Encoding: {}\nContent-Disposition: attachment; filename=\"{}\"\n{}\n{}",
        ascii ? "7bit" : "base64", name, more_headers, text);
}

/// A file name that a header bears without quoting.
std::string part_name(const std::string& name) {
    std::string out = name.substr(name.rfind('/') + 1);
    std::replace_if(
        out.begin(), out.end(),
        [](char c) {
            return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\' || (c & 0x80) != 0;
        },
        '_');
    return out.empty() ? "part" : out;
}

}  // namespace

std::string merged_user_data(const std::vector<SeedPart>& users, const Json& ours) {
    const std::string config = ours.empty() ? std::string() : cloud_config_text(ours);
    const std::string boundary = unused_boundary(users, config);
    std::string out =
        fmt::format("Content-Type: multipart/mixed; boundary=\"{}\"\nMIME-Version: 1.0\n\n", boundary);
    for (const SeedPart& part : users) {
        out += fmt::format("--{}\n", boundary);
        const UserDataKind kind = user_data_kind(part.bytes);
        if (kind == UserDataKind::mime && part.type.empty() &&
            kind_by_prefix(part.bytes) == UserDataKind::unknown) {
            out += part.bytes;  // its own headers make it a nested multipart, which cloud-init walks into
        } else {
            const std::string_view type =
                part.type.empty() ? mime_type(kind_by_prefix(part.bytes)) : std::string_view(part.type);
            out += fmt::format("Content-Type: {}; charset=\"utf-8\"\nMIME-Version: 1.0\n",
                               type.empty() ? "text/plain" : type);
            out += encoded_part(part_name(part.name), "", part.bytes);
        }
        out += "\n";
    }
    if (!ours.empty()) {
        out += fmt::format("--{}\nContent-Type: text/cloud-config; charset=\"utf-8\"\nMIME-Version: 1.0\n",
                           boundary);
        // cloud-init mergers/m_dict.py: "no_replace" lets what stands win, "recurse_list" hands lists to the
        // list merger.
        out += encoded_part("imgforge", "Merge-Type: list(append)+dict(no_replace,recurse_list)+str()\n",
                            config);
        out += "\n";
    }
    return out + fmt::format("--{}--\n", boundary);
}

}  // namespace imgforge::seeds
