// SPDX-License-Identifier: GPL-3.0-or-later
// Keys and passwords of programs that no table names, known by the name of their file.
#include <algorithm>
#include <array>
#include <regex>

#include <fmt/format.h>

#include "builder/base/text.hpp"
#include "sysprep/audit/rules.hpp"
#include "sysprep/audit/secret_shapes.hpp"
#include "sysprep/audit/site_rules.hpp"

namespace imgforge::sysprep::audit {

namespace {

/// Programs, their documentation, and what packages and systemd write about passwords without holding one.
bool speaks_of_secrets(std::string_view path) {
    static constexpr std::array<std::string_view, 19> places{
        "/boot/",          "/etc/alternatives/", "/etc/apparmor",     "/etc/bash_completion.d/",
        "/etc/init.d/",    "/etc/logrotate.d/",  "/etc/pam.d/",       "/etc/passwd",
        "/etc/security/",  "/etc/selinux/",      "/etc/ssl/certs/",   "/etc/systemd/system/",
        "/var/lib/pam/",   "/var/lib/selinux/",  "/var/lib/systemd/", "/var/lib/ucf/",
        "/var/lib/gconf/", "/var/log/",          "/var/lib/dkms/"};
    static constexpr std::array<std::string_view, 15> parts{
        "/share/",    "/site-packages/", "/dist-packages/", "/node_modules/", "/gems/",
        "/include/",  "/src/",           "/vendor/",        "/locale/",       "/i18n/",
        "/testdata/", "/test/",          "/tests/",         "/lib/python",    "/docs/"};
    static constexpr std::array<std::string_view, 33> endings{
        ".py",  ".pyc", ".pyi", ".js", ".ts",  ".go",  ".rs", ".c",       ".h",   ".cpp", ".java",
        ".rb",  ".php", ".pl",  ".pm", ".lua", ".sh",  ".el", ".vim",     ".md",  ".rst", ".html",
        ".css", ".so",  ".mo",  ".po", ".svg", ".png", ".gz", ".service", ".jar", ".pub", ".crt"};
    return std::any_of(places.begin(), places.end(),
                       [&](std::string_view place) { return path.starts_with(place); }) ||
           std::any_of(parts.begin(), parts.end(),
                       [&](std::string_view part) { return path.find(part) != std::string_view::npos; }) ||
           std::any_of(endings.begin(), endings.end(),
                       [&](std::string_view ending) { return path.ends_with(ending); });
}

/// "repo.pw", "server_ident.priv", "SECRET_KEY", "db-password.txt".
bool names_secret(std::string_view base) {
    static const std::regex name(
        R"re(.*[.](key|priv|jwk|p8|p12|pfx|kdbx?|jks|jceks|bcfks|keystore|keyring|ppk|psk|pw|pass|passwd|)re"
        R"re(password|stash|keytab|secrets?|creds?|credentials|token|tok|pin|htpasswd|pgpass|netrc|age|sops))re"
        R"re(|(.*[-_. ])?(secrets?|passwords?|passwd|passphrase|[.]?htpasswd|tokens?|credentials?|creds|)re"
        R"re(api[-_]?keys?|priv(ate)?[-_]?key|auth[-_]?keys?|master[-_]?key|shared[-_]?key|hmac[-_]?key|)re"
        R"re(sign(ing)?[-_]?key|encryption[-_]?key|access[-_]?key|host[-_]?key|root[-_]?key|key[-_]?file|)re"
        R"re(psk|keystore|keytab)([-_. ].*)?)re",
        std::regex::icase | std::regex::optimize);
    constexpr std::size_t longest = 80;
    return base.size() <= longest && std::regex_match(base.begin(), base.end(), name);
}

/// Keys that everybody may know.
bool is_public_text(std::string_view text) {
    static constexpr std::array<std::string_view, 4> marks{"BEGIN PGP PUBLIC KEY", "BEGIN PUBLIC KEY",
                                                           "DNSKEY", "BEGIN CERTIFICATE"};
    return text.find("PRIVATE KEY") == std::string_view::npos &&
           std::any_of(marks.begin(), marks.end(),
                       [&](std::string_view mark) { return text.find(mark) != std::string_view::npos; });
}

std::vector<Finding> secret_files(const GuestFacts& facts) {
    std::vector<Finding> out;
    for (const auto& [path, entry] : facts.tree.entries()) {
        if (entry.stat.type == guest::FileType::regular && entry.stat.size > 0 && is_site_file(path) &&
            names_secret(std::string_view(path).substr(path.rfind('/') + 1)) && !speaks_of_secrets(path) &&
            (!entry.content || has_lines(*entry.content)) && !is_public_text(facts.tree.read(path))) {
            out.push_back(leftover(
                path,
                fmt::format("by its name a key, token or password that all clones would share: remove it "
                            "with `imgforge sysprep --remove '{}'`, or accept it with the waiver "
                            "{{rule: 'site:secret-file', path: '{}'}}",
                            path, path)));
        }
    }
    return out;
}

}  // namespace

std::vector<GuestRule> name_rules() {
    return {{"site:secret-file", "no file whose name says that it is a key, token or password",
             "SYSPREP.md E5", secret_files}};
}

}  // namespace imgforge::sysprep::audit
