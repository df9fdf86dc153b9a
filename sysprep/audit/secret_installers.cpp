// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <array>

#include "sysprep/audit/secret_shapes.hpp"

namespace imgforge::sysprep::audit {

namespace {

/// debconf preseed: "passwd/root-password password VALUE" and "…-crypted password VALUE".
Found preseed_password(std::string_view data, std::size_t at) {
    std::size_t pos = at + run_of(
                               data, at, [](char c) { return is_alnum(c) || c == '/' || c == '-'; }, 60);
    if (skip_blanks(data, pos) == pos) {
        return std::nullopt;
    }
    pos = skip_blanks(data, pos);
    if (!data.substr(pos).starts_with("password"sv)) {
        return std::nullopt;
    }
    const std::size_t value = skip_blanks(data, pos + 8);
    const std::size_t length = run_of(
        data, value, [](char c) { return c > ' ' && c < 127; }, 200);
    return value > pos + 8 && length >= 3 ? Found(Span{at, value + length - at}) : std::nullopt;
}

/// cdebconf questions.dat: "Name: passwd/root-password", some lines, "Value: …".
Found cdebconf_password(std::string_view data, std::size_t at) {
    const std::string_view paragraph = data.substr(at, data.substr(at, 600).find("\n\n"sv));
    const auto value = paragraph.find("\nValue: "sv);
    if (paragraph.substr(0, 60).find("password"sv) == std::string_view::npos ||
        value == std::string_view::npos) {
        return std::nullopt;
    }
    const std::size_t length = run_of(
        paragraph, value + 8, [](char c) { return c > ' ' && c < 127; }, 200);
    return length >= 3 ? Found(Span{at, value + 8 + length}) : std::nullopt;
}

/// kickstart "rootpw [--plaintext|--iscrypted] VALUE" at the start of a line.
Found kickstart_password(std::string_view data, std::size_t at) {
    if (at != 0 && data[at - 1] != '\n' && data[at - 1] != '\0') {
        return std::nullopt;
    }
    std::size_t pos = at + 7;
    while (data.substr(pos).starts_with("--"sv)) {
        const std::size_t option = run_of(
            data, pos, [](char c) { return c > ' ' && c < 127; }, 40);
        if (data.substr(pos, option) == "--lock"sv) {
            return std::nullopt;
        }
        pos = skip_blanks(data, pos + option);
    }
    const std::size_t length = run_of(
        data, pos, [](char c) { return c > ' ' && c < 127; }, 200);
    return length >= 3 ? Found(Span{at, pos + length - at}) : std::nullopt;
}

/// "password=VALUE" / "password: VALUE" in files where installers and their logs keep answers.
Found assigned_password(std::string_view data, std::size_t at) {
    std::size_t pos = at + 8;
    pos += run_of(
        data, pos, [](char c) { return c == '"' || c == '\''; }, 1);
    if (pos >= data.size() || (data[pos] != '=' && data[pos] != ':')) {
        return std::nullopt;
    }
    pos = skip_blanks(data, pos + 1);
    pos += run_of(
        data, pos, [](char c) { return c == '"' || c == '\''; }, 1);
    const std::size_t length = run_of(
        data, pos, [](char c) { return c > ' ' && c < 127 && c != '"' && c != '\'' && c != ','; }, 200);
    const std::string_view value = data.substr(pos, length);
    const bool empty_word = value == "true" || value == "false" || value == "null" || value == "none" ||
                            value.starts_with("****") || value.starts_with("$") || value.starts_with("<") ||
                            value.starts_with("{");
    return length >= 4 && !empty_word ? Found(Span{at, pos + length - at}) : std::nullopt;
}

bool is_installer_file(std::string_view path) {
    constexpr std::array<std::string_view, 12> marks{"/var/log/installer/",
                                                     "/var/log/anaconda/",
                                                     "/var/log/YaST2/",
                                                     "/var/adm/autoinstall/",
                                                     "ks.cfg",
                                                     "preseed",
                                                     "autoinst",
                                                     "autoinstall",
                                                     "/root/answers",
                                                     "user-data",
                                                     "/var/lib/cloud/",
                                                     "/etc/cloud/cloud.cfg.d/99-installer"};
    return std::any_of(marks.begin(), marks.end(),
                       [&](std::string_view mark) { return path.find(mark) != std::string_view::npos; });
}

}  // namespace

std::vector<Pattern> installer_patterns() {
    std::vector<Pattern> all{
        simple("secret:installer-password", "password answer of a preseed", "passwd/root-password",
               preseed_password),
        simple("secret:installer-password", "password answer of a preseed", "passwd/user-password",
               preseed_password),
        simple("secret:installer-password", "password answer in cdebconf", "Name: passwd/",
               cdebconf_password),
        simple("secret:installer-password", "rootpw of a kickstart", "rootpw ", kickstart_password),
    };
    Pattern assigned =
        simple("secret:installer-password", "password in an installer's file", "password", assigned_password);
    assigned.caseless = true;
    assigned.where = is_installer_file;
    all.push_back(std::move(assigned));
    return all;
}

}  // namespace imgforge::sysprep::audit
