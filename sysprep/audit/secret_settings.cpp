// SPDX-License-Identifier: GPL-3.0-or-later
// Passwords and keys that have no shape of their own: known by the name of the setting, or by their place in
// a URL.
#include <algorithm>
#include <array>

#include "sysprep/audit/secret_shapes.hpp"

#include "builder/base/text.hpp"

namespace imgforge::sysprep::audit {

namespace {

bool is_visible(char c) {
    return c > ' ' && c < 127;
}

/// What manuals and templates write in place of a value.
bool is_placeholder(std::string_view value) {
    static constexpr std::array<std::string_view, 46> words{
        "password",   "passwd",     "passwort",     "passphrase",    "secret",        "token",
        "changeme",   "change_me",  "change-me",    "changeit",      "required",      "optional",
        "sufficient", "disabled",   "enabled",      "default",       "string",        "compat",
        "files",      "systemd",    "unused",       "nothing",       "prompt",        "unknown",
        "undefined",  "undef",      "private",      "public",        "boolean",       "integer",
        "username",   "mypassword", "yourpassword", "your_password", "your-password", "somepassword",
        "somesecret", "redacted",   "hidden",       "external",      "internal",      "crypt",
        "shadow",     "sha512",     "md5_crypt",    "sssd"};
    const std::string text = lower_case(value);
    const bool word = std::find(words.begin(), words.end(), text) != words.end();
    const bool filling = text.find("xxxx") != std::string::npos || text.find("****") != std::string::npos ||
                         text.find("....") != std::string::npos || text.find("your_") == 0 ||
                         text.find("your-") == 0 || text.find("example") != std::string::npos ||
                         text.find("placeholder") != std::string::npos;
    return word || filling || entropy(value) < 1.5;
}

/// Text of a program or a reference, not a value.
bool is_expression(std::string_view value) {
    constexpr std::string_view starts = "$<{%*([@&\\|!`~";
    const bool path = value.starts_with('/') && value.find('/', 1) != std::string_view::npos &&
                      value.find('=') == std::string_view::npos && value.find('+') == std::string_view::npos;
    return starts.find(value.front()) != std::string_view::npos || path || value.starts_with("./") ||
           value.find('(') != std::string_view::npos || value.find("${"sv) != std::string_view::npos ||
           value.find("{{"sv) != std::string_view::npos || value.find("->"sv) != std::string_view::npos ||
           value.find("://"sv) != std::string_view::npos || value.starts_with("file:") ||
           value.starts_with("env:") || value.starts_with("vault:") || value.starts_with("-----BEGIN");
}

bool in_comment(std::string_view data, std::size_t at) {
    const auto newline = data.substr(0, at).rfind('\n');
    const std::size_t start = newline == std::string_view::npos ? 0 : newline + 1;
    const std::size_t text = start + run_of(
                                         data, start, [](char c) { return c == ' ' || c == '\t'; }, 80);
    // "//server/share … password=x" of fstab is not a comment: one has a blank behind its slashes.
    return text < data.size() && (data[text] == '#' || data[text] == ';' || data.substr(text, 3) == "// "sv ||
                                  data.substr(text, 2) == "* "sv || data.substr(text, 4) == "<!--"sv);
}

/// The expression ends six characters into the value.
Found setting(std::string_view data, std::size_t at) {
    const std::size_t length = run_of(
        data, at, [](char c) { return is_visible(c) && c != '"' && c != '\'' && c != '<' && c != ','; }, 400);
    const std::string_view value = data.substr(at, length);
    if (value.empty() || is_expression(value) || is_placeholder(value) || in_comment(data, at)) {
        return std::nullopt;
    }
    return Span{at, length};
}

/// Names that other things have too ("token: comma"): the value must not be a word.
Found setting_of_doubtful_name(std::string_view data, std::size_t at) {
    const Found found = setting(data, at);
    if (!found || found->length < 8) {
        return std::nullopt;
    }
    const std::string_view value = data.substr(found->start, found->length);
    const bool letters_only = std::all_of(value.begin(), value.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.' || c == ':' || c == '/';
    });
    return !letters_only && entropy(value) > 2.5 ? found : std::nullopt;
}

/// "scheme://user:password@host"; the expression ends at "@".
Found url_password(std::string_view data, std::size_t at) {
    const std::size_t from = at > look_behind ? at - look_behind : 0;
    const std::string_view before = data.substr(from, at - from);
    const auto scheme = before.rfind("://"sv);
    if (scheme == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view login = before.substr(scheme + 3);
    const auto colon = login.find(':');
    if (colon == std::string_view::npos || colon + 1 >= login.size()) {
        return std::nullopt;
    }
    const std::string user = lower_case(login.substr(0, colon));
    const std::string_view password = login.substr(colon + 1);
    static constexpr std::array<std::string_view, 14> users{"user",   "username", "usr",   "login", "name",
                                                            "joe",    "foo",      "me",    "you",   "myuser",
                                                            "userid", "uname",    "alice", "bob"};
    static constexpr std::array<std::string_view, 20> samples{
        "pass",      "pw",    "pwd",  "passw", "foo", "bar", "mypass", "mypassword", "userpass", "tiger",
        "secretkey", "guest", "port", "123",   "psw", "xxx", "test",   "passwrd",    "passcode", "1234"};
    const bool sample = std::find(users.begin(), users.end(), user) != users.end() ||
                        std::find(samples.begin(), samples.end(), lower_case(password)) != samples.end();
    const bool host = at + 1 < data.size() && (is_alnum(data[at + 1]) || data[at + 1] == '[');
    const std::string_view name = data.substr(at + 1, 40);
    const bool manual = name.starts_with("example.") || name.starts_with("host") ||
                        name.starts_with("server") || name.starts_with("proxyhost") ||
                        name.starts_with("www.example");
    if (sample || !host || manual || is_placeholder(password) || is_expression(password)) {
        return std::nullopt;
    }
    return Span{from + scheme + 3, login.size()};
}

/// Programs speak of passwords without holding one.
bool is_source(std::string_view name) {
    static constexpr std::array<std::string_view, 16> ends{".py", ".js",  ".ts",  ".go",   ".rs",  ".c",
                                                           ".h",  ".cpp", ".md",  ".html", ".css", ".java",
                                                           ".so", ".el",  ".vim", ".lua"};
    return std::any_of(ends.begin(), ends.end(), [&](std::string_view end) { return name.ends_with(end); });
}

bool is_settings_file(std::string_view path) {
    static constexpr std::array<std::string_view, 30> ends{
        ".conf",    ".cfg",        ".cnf",         ".ini", ".yml",   ".yaml",  ".json", ".toml",
        ".env",     ".properties", ".xml",         "rc",   ".php",   ".rb",    ".tf",   ".vars",
        ".hcl",     ".tfvars",     ".credentials", ".txt", "config", ".local", ".list", ".repo",
        ".service", ".fact",       ".tfstate",     ".j2",  ".sql",   ".sh"};
    static constexpr std::array<std::string_view, 14> programs{"/etc/init.d/",    "/etc/bash_completion.d/",
                                                               "/etc/X11/",       "/etc/pam.d/",
                                                               "/etc/ssl/certs/", "/etc/alternatives/",
                                                               "/etc/apparmor",   "/etc/selinux/",
                                                               "/etc/grub.d/",    "/etc/vim/",
                                                               "/etc/emacs/",     "/etc/ssh/moduli",
                                                               "/etc/kernel/",    "/etc/initramfs-tools/"};
    const auto starts = [&](std::string_view start) { return path.starts_with(start); };
    if (path.find('!') != std::string_view::npos || !is_site_file(path) ||
        std::any_of(programs.begin(), programs.end(), starts)) {
        return false;
    }
    const std::string_view name = path.substr(path.rfind('/') + 1);
    const bool home = path.starts_with("/root/") || path.starts_with("/home/");
    return path.starts_with("/etc/") || (home && !is_source(name)) || name.starts_with(".env") ||
           std::any_of(ends.begin(), ends.end(), [&](std::string_view end) { return path.ends_with(end); });
}

Pattern by_name(const char* label, std::string names, Found (*verify)(std::string_view, std::size_t)) {
    Pattern pattern = simple("secret:setting", label, std::string(6, 'x'), verify);
    pattern.caseless = true;
    pattern.where = is_settings_file;
    pattern.expression =
        "(" + names + R"()["'\]]{0,2}(>|[ \t]{0,8}(=>|:=|=|:)[ \t]{0,8})["']?(Basic |Bearer )?[^\s"'<,;]{6})";
    return pattern;
}

/// Files that hold commands: scripts, crontabs, units, whatever their ending.
bool is_command_file(std::string_view path) {
    static constexpr std::array<std::string_view, 6> folders{"/usr/local/bin/",  "/usr/local/sbin/",
                                                             "/var/spool/cron/", "/etc/cron",
                                                             "/etc/rc.local",    "/etc/systemd/"};
    return std::any_of(folders.begin(), folders.end(),
                       [&](std::string_view folder) { return path.starts_with(folder); }) ||
           is_settings_file(path);
}

/// "bindpw secret" of LDAP clients: the name alone at the start of a line, a blank, the value.
Pattern by_first_word() {
    Pattern pattern =
        simple("secret:setting", "password as a setting", std::string(6, 'x'), setting_of_doubtful_name);
    pattern.caseless = true;
    pattern.where = is_settings_file;
    pattern.expression = R"(\n[ \t]{0,8}(bindpw|rootbindpw|rootpwmodpw|rootpw|password|passwd|secret|psk))"
                         R"([ \t]{1,8}["']?[^\s"'<,;=:]{6})";
    return pattern;
}

Found command_password(std::string_view data, std::size_t at) {
    const Found found = setting(data, at);
    return found && found->length >= 4 && data[at] != '-' ? found : std::nullopt;
}

/// Passwords in the arguments of programs: the expression ends four characters into the value.
Pattern on_command_line(std::string expression) {
    Pattern pattern =
        simple("secret:setting", "password on a command line", std::string(4, 'x'), command_password);
    pattern.where = is_command_file;
    pattern.expression = std::move(expression);
    return pattern;
}

}  // namespace

bool is_site_file(std::string_view path) {
    static constexpr std::array<std::string_view, 10> folders{
        "/etc/", "/root/", "/home/", "/opt/", "/srv/", "/usr/local/", "/var/", "/data/", "/app/", "/boot/"};
    static constexpr std::array<std::string_view, 9> packages{
        "/var/lib/dpkg/",    "/var/lib/apt/",    "/var/cache/",
        "/var/lib/rpm/",     "/var/lib/pacman/", "/var/lib/docker/",
        "/var/lib/flatpak/", "/var/lib/snapd/s", "/var/lib/containers/"};
    const auto starts = [&](std::string_view start) { return path.starts_with(start); };
    return std::any_of(folders.begin(), folders.end(), starts) &&
           std::none_of(packages.begin(), packages.end(), starts);
}

std::vector<Pattern> setting_patterns() {
    Pattern url = simple("secret:url-password", "password in a URL", "@", url_password);
    url.expression = R"(://[A-Za-z0-9._%+~-]{1,64}:[^\s/@:"'<>\\\x00-\x1f\x7f-\xff]{3,64}@)";
    return {
        by_name("password as a setting",
                "password|passwd|passwort|passphrase|bindpw|rootpw|authtok|userpw|adminpw|[_-]pw|psk|pwd",
                setting),
        by_name("key or token as a setting",
                "secret|token|api[_-]?key|access[_-]?key|account[_-]?key|private[_-]?key|shared[_-]?key|"
                "auth[_-]?key|secret[_-]?id|client-key-data|license[_-]?key|enroll[a-z_-]{0,12}key|"
                "registration[_-]?key|join[_-]?key|unseal[_-]?key|pre-?shared-?key|encryption[_-]?key|"
                "signing[_-]?key|session[_-]?key|service[_-]?key|ingest[_-]?key|app[_-]?key|auth|"
                "authorization|credential|credentials|webhook[_-]?url|dsn|encrypt|community|"
                "connection[_-]?string|activation[_-]?key|agent[_-]?key|secretkey|security[_-]?key|[_-]key",
                setting_of_doubtful_name),
        by_first_word(),
        on_command_line(R"((curl|wget|lftp|http)\s[^\n]{0,120}(-u|--user)[ =]["']?)"
                        R"([A-Za-z0-9._@\\-]{1,64}:[^\s"'$:]{4})"),
        on_command_line(R"(sshpass\s{1,4}-p\s{0,4}["']?[^\s"'$]{4})"),
        on_command_line(
            R"((mysql|mysqldump|mysqladmin|mariadb|mariadb-dump)\s[^\n]{0,120}\s-p["']?[^\s"'$]{4})"),
        on_command_line(R"(\s--(pass|passwd|password|token|api-key|secret)\s["']?[^\s"'$-]{4})"),
        std::move(url)};
}

}  // namespace imgforge::sysprep::audit
