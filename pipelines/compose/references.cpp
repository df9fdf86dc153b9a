// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/compose/references.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace imgforge::compose {
namespace {

bool is_name(const std::string& text) {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
    return !text.empty() && letter(text[0]) && std::all_of(text.begin(), text.end(), [&](char c) {
        return letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
    });
}

}  // namespace

std::vector<Piece> pieces_of(const std::string& text) {
    std::vector<Piece> pieces;
    std::string plain;
    const auto flush = [&] {
        if (!plain.empty()) {
            pieces.push_back({Piece::Type::plain, plain});
            plain.clear();
        }
    };
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t dollar = text.find("${", at);
        if (dollar == std::string::npos) {
            plain += text.substr(at);
            break;
        }
        plain += text.substr(at, dollar - at);
        const std::size_t end = text.find('}', dollar);
        if (dollar > at && text[dollar - 1] == '$') {
            if (text.compare(dollar + 2, secret_prefix.size(), secret_prefix) == 0) {
                pieces.push_back(
                    {Piece::Type::fault,
                     "a plain ${secrets.…} cannot be written here; put it into a file to upload"});
                return pieces;
            }
            plain += "{";  // of "$${" the first dollar is in `plain` already
            at = dollar + 2;
            continue;
        }
        if (end == std::string::npos) {
            pieces.push_back({Piece::Type::fault, "'${' without '}'; a plain ${ is written $${"});
            return pieces;
        }
        const std::string name = text.substr(dollar + 2, end - dollar - 2);
        if (!is_name(name)) {
            pieces.push_back(
                {Piece::Type::fault,
                 fmt::format("'{}' is not the name of a variable; a plain ${{ is written $${{", name)});
            return pieces;
        }
        flush();
        pieces.push_back({Piece::Type::reference, name, dollar == 0 && end + 1 == text.size()});
        at = end + 1;
    }
    flush();
    return pieces;
}

std::string with_secrets(const std::string& text,
                         const std::function<std::string(const std::string& name)>& value) {
    static const std::string start = "${" + std::string(secret_prefix);
    std::string made;
    for (std::size_t at = 0;;) {
        const std::size_t found = text.find(start, at);
        const std::size_t end = found == std::string::npos ? found : text.find('}', found);
        if (end == std::string::npos) {
            return made + text.substr(at);
        }
        made += text.substr(at, found - at) +
                value(text.substr(found + start.size(), end - found - start.size()));
        at = end + 1;
    }
}

std::string secret_variable(const std::string& name) {
    std::string variable = "IMGFORGE_SECRET_" + name;
    std::replace(variable.begin(), variable.end(), '-', '_');
    return variable;
}

std::vector<std::string> secrets_in(const Json& value) {
    std::vector<std::string> names;
    const auto add = [&](const std::string& name) {
        if (std::find(names.begin(), names.end(), name) == names.end()) {
            names.push_back(name);
        }
        return std::string();
    };
    if (value.is_string()) {
        with_secrets(value.get<std::string>(), add);
    }
    if (value.is_structured()) {
        for (const auto& item : value.items()) {
            if (value.is_object()) {
                with_secrets(item.key(), add);
            }
            for (const std::string& name : secrets_in(item.value())) {
                add(name);
            }
        }
    }
    return names;
}

}  // namespace imgforge::compose
