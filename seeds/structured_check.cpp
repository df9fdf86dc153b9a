// SPDX-License-Identifier: GPL-3.0-or-later
// Checks of the answer files that are YAML, JSON, XML or shell variables.
#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <vector>

#include <fmt/format.h>
#include <pugixml.hpp>

#include "builder/base/suggestion.hpp"
#include "seeds/answer_formats.hpp"
#include "seeds/schema_check.hpp"
#include "seeds/text.hpp"

namespace imgforge::seeds {
namespace {

Diagnostic note(const std::string& file, int line, bool is_error, std::string message,
                std::string suggestion = {}) {
    return {.file = file,
            .line = line,
            .severity = is_error ? Diagnostic::Severity::error : Diagnostic::Severity::warning,
            .message = std::move(message),
            .suggestion = std::move(suggestion)};
}

int line_at(std::string_view text, std::ptrdiff_t offset) {
    const auto end = static_cast<std::size_t>(
        std::clamp<std::ptrdiff_t>(offset, 0, static_cast<std::ptrdiff_t>(text.size())));
    return 1 +
           static_cast<int>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
}

/// The sections of an AutoYaST profile.
constexpr std::array<std::string_view, 54> profile_sections = {"general",
                                                               "report",
                                                               "bootloader",
                                                               "language",
                                                               "timezone",
                                                               "keyboard",
                                                               "networking",
                                                               "partitioning",
                                                               "users",
                                                               "user_defaults",
                                                               "groups",
                                                               "login_settings",
                                                               "software",
                                                               "scripts",
                                                               "services-manager",
                                                               "firewall",
                                                               "ntp-client",
                                                               "add-on",
                                                               "suse_register",
                                                               "kdump",
                                                               "files",
                                                               "security",
                                                               "ssh_import",
                                                               "host",
                                                               "proxy",
                                                               "runlevel",
                                                               "sysconfig",
                                                               "printer",
                                                               "sound",
                                                               "nis",
                                                               "ldap",
                                                               "nfs",
                                                               "nfs_server",
                                                               "samba-client",
                                                               "tftp-server",
                                                               "mail",
                                                               "inetd",
                                                               "iscsi-client",
                                                               "fcoe-client",
                                                               "classes",
                                                               "ask-list",
                                                               "configuration_management",
                                                               "deploy_image",
                                                               "image",
                                                               "dhcp-server",
                                                               "dns-server",
                                                               "ftp-server",
                                                               "http-server",
                                                               "squid",
                                                               "upgrade",
                                                               "rules",
                                                               "merge",
                                                               "language-settings",
                                                               "init"};

void walk_profile(const pugi::xml_node& profile, std::string_view text, const std::string& file,
                  Diagnostics& faults) {
    static const std::vector<std::string> known(profile_sections.begin(), profile_sections.end());
    for (const pugi::xml_node& child : profile.children()) {
        if (child.type() == pugi::node_element &&
            std::find(known.begin(), known.end(), child.name()) == known.end()) {
            faults.add(note(file, line_at(text, child.offset_debug()), false,
                            fmt::format("unknown section <{}>", child.name()),
                            nearest(child.name(), known).value_or("")));
        }
    }
}

/// Elements that AutoYaST's grammar gives a type: without it YaST stops and shows the error.
void check_types(const pugi::xml_node& node, std::string_view text, const std::string& file,
                 Diagnostics& faults) {
    static const std::map<std::string, std::string, std::less<>> types{{"confirm", "boolean"},
                                                                       {"halt", "boolean"},
                                                                       {"final_halt", "boolean"},
                                                                       {"second_stage", "boolean"},
                                                                       {"initialize", "boolean"},
                                                                       {"create", "boolean"},
                                                                       {"format", "boolean"},
                                                                       {"install_recommended", "boolean"},
                                                                       {"do_online_update", "boolean"},
                                                                       {"encrypted", "boolean"},
                                                                       {"users", "list"},
                                                                       {"partitioning", "list"},
                                                                       {"partitions", "list"},
                                                                       {"packages", "list"},
                                                                       {"patterns", "list"},
                                                                       {"products", "list"},
                                                                       {"interfaces", "list"},
                                                                       {"chroot-scripts", "list"},
                                                                       {"post-scripts", "list"},
                                                                       {"pre-scripts", "list"},
                                                                       {"init-scripts", "list"},
                                                                       {"partition_id", "integer"},
                                                                       {"partition_nr", "integer"},
                                                                       {"timeout", "integer"},
                                                                       {"keep_install_network", "boolean"}};
    for (const pugi::xml_node& child : node.children()) {
        if (child.type() != pugi::node_element) {
            continue;
        }
        const auto want = types.find(child.name());
        const char* const attribute = child.attribute("config:type") ? "config:type"
                                      : child.attribute("xsi:type")  ? "xsi:type"
                                                                     : "t";
        const std::string given = child.attribute(attribute).value();
        if (want != types.end() && given != want->second) {
            faults.add(note(
                file, line_at(text, child.offset_debug()), true,
                given.empty() ? fmt::format("<{}> has no type", child.name())
                              : fmt::format("<{}> is of type {}, not {}", child.name(), want->second, given),
                fmt::format("<{} config:type=\"{}\">", child.name(), want->second)));
        }
        check_types(child, text, file, faults);
    }
}

/// subiquity stops without one of them: it would have to ask for the first user.
void check_accounts(const std::string& text, const std::string& file, Diagnostics& faults) {
    Diagnostics ignored;
    const auto document = parse_yaml(text, file, ignored);
    if (!document || !document->root.is_object() || !document->root.contains("autoinstall") ||
        !document->root["autoinstall"].is_object()) {
        return;
    }
    const Json& body = document->root["autoinstall"];
    const Json sections = body.value("interactive-sections", Json::array());
    if (!body.contains("identity") && !body.contains("user-data") && !body.contains("reset-partition-only") &&
        sections.empty()) {
        faults.add(document->at("/autoinstall",
                                "neither 'identity' nor 'user-data' with users: the installer stops there",
                                "identity: {hostname: …, username: …, password: HASH}"));
    }
}

}  // namespace

Diagnostics check_autoinstall(std::string_view text, const std::string& file) {
    Diagnostics faults;
    if (text.substr(0, 13) != "#cloud-config") {
        faults.add(note(file, 1, true,
                        "an autoinstall file begins with '#cloud-config', or the installer never sees it",
                        "#cloud-config"));
    }
    faults.append(check_schema_text("autoinstall.json", std::string(text), file));
    check_accounts(std::string(text), file, faults);
    faults.sort();
    return faults;
}

Diagnostics check_autoyast(std::string_view text, const std::string& file) {
    Diagnostics faults;
    pugi::xml_document document;
    const pugi::xml_parse_result result = document.load_buffer(text.data(), text.size());
    if (!result) {
        faults.add(note(file, line_at(text, result.offset), true,
                        fmt::format("not well-formed XML: {}", result.description())));
        return faults;
    }
    const pugi::xml_node profile = document.child("profile");
    if (!profile) {
        faults.add(note(file, 1, true, "the outer element of an AutoYaST profile is <profile>"));
        return faults;
    }
    if (std::strcmp(profile.attribute("xmlns").value(), "http://www.suse.com/1.0/yast2ns") != 0) {
        faults.add(note(file, line_at(text, profile.offset_debug()), true,
                        "the namespace of <profile> is missing or wrong",
                        "xmlns=\"http://www.suse.com/1.0/yast2ns\""));
    }
    walk_profile(profile, text, file, faults);
    const pugi::xml_node mode = profile.child("general").child("mode");
    const auto value = [&](const char* name) { return std::string(trimmed(mode.child(name).text().get())); };
    const int line = line_at(text, mode ? mode.offset_debug() : profile.offset_debug());
    if (const std::string confirm = value("confirm"); confirm != "false") {
        faults.add(
            note(file, line, !confirm.empty(),
                 confirm.empty()
                     ? "general/mode/confirm is missing, and YaST would wait at its proposal: false is added"
                     : "general/mode/confirm is not false: YaST will stop at its proposal and wait",
                 "<confirm config:type=\"boolean\">false</confirm>"));
    }
    if (value("halt") != "true" && value("final_halt") != "true") {
        faults.add(note(file, line, false, "the machine does not power off at the end: halt is added",
                        "<halt config:type=\"boolean\">true</halt>"));
    }
    check_types(profile, text, file, faults);
    if (!profile.child("partitioning")) {
        faults.add(note(file, 0, false, "no <partitioning>: YaST takes its own proposal"));
    }
    const pugi::xml_node errors = profile.child("report").child("errors");
    if (errors && std::string(trimmed(errors.child("timeout").text().get())) != "0") {
        faults.add(note(file, line_at(text, errors.offset_debug()), false,
                        "errors with a timeout pass unseen and the installation goes on",
                        "<timeout config:type=\"integer\">0</timeout>"));
    }
    faults.sort();
    return faults;
}

Diagnostics check_agama(std::string_view text, const std::string& file) {
    // JSON is YAML too, and our YAML reader knows the lines.
    if (!Json::accept(text)) {
        Diagnostics faults;
        try {
            const Json never = Json::parse(text);
        } catch (const Json::parse_error& fault) {
            faults.add(note(file, line_at(text, static_cast<std::ptrdiff_t>(fault.byte)), true,
                            "not JSON; a jsonnet profile must be evaluated first"));
        }
        return faults;
    }
    return check_schema_text("agama.json", std::string(text), file);
}

Diagnostics check_alpine(std::string_view text, const std::string& file) {
    static const std::vector<std::string> known{
        "KEYMAPOPTS", "HOSTNAMEOPTS", "DEVDOPTS",  "INTERFACESOPTS", "DNSOPTS",    "TIMEZONEOPTS",
        "PROXYOPTS",  "APKREPOSOPTS", "USEROPTS",  "USERSSHKEY",     "SSHDOPTS",   "ROOTSSHKEY",
        "NTPOPTS",    "DISKOPTS",     "LBUOPTS",   "APKCACHEOPTS",   "KERNELOPTS", "ERASE_DISKS",
        "BOOTLOADER", "BOOT_SIZE",    "SWAP_SIZE", "ROOTFS",         "BOOTFS",     "USE_EFI"};
    Diagnostics faults;
    std::set<std::string> seen;
    char quote = '\0';
    int number = 0;
    int opened = 0;
    for (const std::string_view raw : lines_of(text)) {
        ++number;
        std::string_view line = trimmed(raw);
        if (quote == '\0' && !line.empty() && line.front() != '#') {
            line = line.substr(0, 7) == "export " ? line.substr(7) : line;
            const std::string name(line.substr(0, line.find('=')));
            if (line.find('=') == std::string_view::npos || name.find_first_of(" \t") != std::string::npos) {
                faults.add(note(file, number, true,
                                "a line is NAME=value without blanks around the equals sign",
                                "DISKOPTS=\"-m sys /dev/vda\""));
            } else if (std::find(known.begin(), known.end(), name) == known.end()) {
                faults.add(note(file, number, false, fmt::format("unknown answer {}", name),
                                nearest(name, known).value_or("")));
            }
            seen.insert(name);
        }
        for (std::size_t i = 0; i < raw.size(); ++i) {
            if (quote == '\0' ? (raw[i] == '"' || raw[i] == '\'') : raw[i] == quote) {
                opened = quote == '\0' ? number : opened;
                quote = quote == '\0' ? raw[i] : '\0';
            } else if (raw[i] == '\\' && quote != '\'') {
                ++i;
            } else if (raw[i] == '#' && quote == '\0') {
                break;
            }
        }
    }
    if (quote != '\0') {
        faults.add(
            note(file, opened, true, fmt::format("the quote {} that opens here is never closed", quote)));
    }
    for (const char* const name : {"KEYMAPOPTS", "HOSTNAMEOPTS", "INTERFACESOPTS", "TIMEZONEOPTS",
                                   "PROXYOPTS", "APKREPOSOPTS", "SSHDOPTS", "NTPOPTS", "DISKOPTS"}) {
        if (!seen.contains(name)) {
            faults.add(note(file, 0, false, fmt::format("{} is missing: setup-alpine will ask", name)));
        }
    }
    faults.sort();
    return faults;
}

}  // namespace imgforge::seeds
