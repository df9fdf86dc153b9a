// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/trace_names.hpp"

#include "builder/base/text.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <regex>

namespace imgforge::sysprep {

namespace {

template <std::size_t N>
bool starts_with_one(std::string_view text, const std::array<std::string_view, N>& starts) {
    return std::any_of(starts.begin(), starts.end(),
                       [&](std::string_view start) { return text.starts_with(start); });
}

template <std::size_t N>
bool contains_one(std::string_view text, const std::array<std::string_view, N>& parts) {
    return std::any_of(parts.begin(), parts.end(),
                       [&](std::string_view part) { return text.find(part) != std::string_view::npos; });
}

constexpr std::array<std::string_view, 9> state_folders{
    "/var/lib", "/var/opt", "/var/db", "/opt", "/srv", "/etc", "/data", "/app", "/usr/local/var"};

/// Packages, images of containers, and identities that other operations judge.
constexpr std::array<std::string_view, 26> other_folders{
    "/var/lib/dpkg/",      "/var/lib/rpm/",        "/var/lib/apt/",     "/var/lib/ucf/",
    "/var/lib/docker/",    "/var/lib/containers/", "/var/lib/flatpak/", "/var/lib/snapd/",
    "/var/lib/containerd", "/var/lib/pacman/",     "/var/lib/lxc/",     "/var/lib/lxd/",
    "/var/lib/incus/",     "/var/lib/machines/",   "/var/lib/dbus/",    "/var/lib/gems/",
    "/etc/machine-id",     "/etc/hostid",          "/etc/ssh/",         "/etc/lvm/",
    "/etc/systemd/",       "/etc/alternatives/",   "/etc/ssl/",         "/etc/pam.d/",
    "/etc/security/",      "/etc/apparmor"};

constexpr std::array<std::string_view, 8> program_folders{
    "/site-packages/", "/dist-packages/", "/node_modules/", "/gems/",
    "/share/",         "/include/",       "/src/",          "/bin/"};

constexpr std::array<std::string_view, 24> program_endings{
    ".py", ".pyc", ".lua",  ".vim", ".el",  ".js", ".ts",  ".go",   ".rs", ".c",   ".h",       ".md",
    ".so", ".css", ".html", ".svg", ".png", ".mo", ".zsh", ".fish", ".sh", ".rst", ".desktop", ".ttf"};

constexpr std::array<std::string_view, 26> tool_folders{".ssh",
                                                        ".cargo",
                                                        ".rustup",
                                                        ".nvm",
                                                        ".pyenv",
                                                        ".rbenv",
                                                        ".oh-my-zsh",
                                                        ".npm",
                                                        ".vim/plugged",
                                                        ".vim/bundle",
                                                        ".vim/pack",
                                                        ".local/lib",
                                                        ".local/bin",
                                                        ".local/share/man",
                                                        ".local/share/icons",
                                                        ".gem",
                                                        ".local/share/fonts",
                                                        ".local/share/pipx",
                                                        ".local/share/applications",
                                                        ".local/share/uv",
                                                        ".config/systemd",
                                                        ".m2/repository",
                                                        ".gradle/wrapper",
                                                        ".emacs.d/elpa",
                                                        ".julia/packages",
                                                        ".sdkman"};

/// Words in the names of files and directories, in lower case.
constexpr std::array<std::string_view, 50> personal_words{"history",
                                                          "_hist",
                                                          "-hist",
                                                          ".hist",
                                                          "hist.",
                                                          "pythonhist",
                                                          "session",
                                                          "cookie",
                                                          "token",
                                                          "credential",
                                                          "secret",
                                                          "passwd",
                                                          "password",
                                                          "passphrase",
                                                          "login",
                                                          "keyring",
                                                          "apikey",
                                                          "api_key",
                                                          "api-key",
                                                          "recent",
                                                          "globalstorage",
                                                          "workspacestorage",
                                                          "indexeddb",
                                                          "local storage",
                                                          "leveldb",
                                                          "account_info",
                                                          "wallet",
                                                          "telemetry",
                                                          "machineid",
                                                          "machine_id",
                                                          "machine-id",
                                                          "device_id",
                                                          "deviceid",
                                                          "device-id",
                                                          "installation_id",
                                                          "installationid",
                                                          "uuid",
                                                          "oauth",
                                                          "auth.json",
                                                          "auth.toml",
                                                          "breakpoints",
                                                          "viewed",
                                                          "view-info",
                                                          "user_id",
                                                          "userid",
                                                          "client_id",
                                                          "clientid",
                                                          "access.json",
                                                          ".log",
                                                          "trust tokens"};

}  // namespace

bool names_identity(std::string_view path) {
    const bool placed = std::any_of(state_folders.begin(), state_folders.end(), [&](std::string_view folder) {
        return path.starts_with(folder) && path.substr(folder.size()).starts_with('/');
    });
    if (!placed || starts_with_one(path, other_folders) || contains_one(path, program_folders)) {
        return false;
    }
    static const std::regex name(
        R"re([._]?([a-z0-9]+[-_.])*(node|agent|client|server|instance|host|machine|device|peer|)re"
        R"re(member|cluster|compute|install|installation|system|unit|runner|worker|broker|site|sensor|)re"
        R"re(hardware|hw|collector|forwarder|anonymous|tracking|telemetry|appliance|gateway|proxy|minion|)re"
        R"re(endpoint|computer)[-_.]?(id|uid|uuid|guid)([.](txt|json|dat|conf|ya?ml))?)re"
        R"re(|(.*[-_.])?(uuid|guid)([.](txt|json|dat))?|myid|.*[-_]uid|device[.]txt)re"
        R"re(|.*[.](sk|nk)|(node|machine|host|agent|device|peer|identity|member)[-_]key)re"
        R"re(|identity([.](key|json|secret|dat))?)re",
        std::regex::icase | std::regex::optimize);
    const std::string_view base = path.substr(path.rfind('/') + 1);
    constexpr std::size_t longest = 80;
    return base.size() <= longest && std::regex_match(base.begin(), base.end(), name);
}

std::vector<std::string> identity_candidates() {
    constexpr int depths = 6;
    std::vector<std::string> out;
    for (const std::string_view root : state_folders) {
        std::string folder(root);
        for (int depth = 0; depth < depths; ++depth) {
            out.push_back(folder + "/*{[dDyk],[dDy].[tjdcy]*,evice.txt}");
            out.push_back(folder + "/.*[dD]");
            folder += "/*";
        }
    }
    return out;
}

bool may_hold_personal_state(std::string_view below) {
    const bool hidden = below.starts_with('.') || below == "snap" || below.starts_with("snap/");
    const bool tool = std::any_of(tool_folders.begin(), tool_folders.end(), [&](std::string_view folder) {
        return below.starts_with(folder) && (below.size() == folder.size() || below[folder.size()] == '/');
    });
    const std::string within = "/" + std::string(below) + "/";
    return hidden && !tool && !contains_one(within, program_folders) &&
           within.find("/.git/") == std::string::npos;
}

bool names_personal_state(std::string_view below) {
    const auto slash = below.rfind('/');
    const std::string_view folder = slash == std::string_view::npos ? below : below.substr(0, slash);
    const std::string name = lower_case(below);
    const bool program = std::any_of(program_endings.begin(), program_endings.end(),
                                     [&](std::string_view ending) { return name.ends_with(ending); });
    return may_hold_personal_state(folder) && !program && contains_one(name, personal_words);
}

}  // namespace imgforge::sysprep
