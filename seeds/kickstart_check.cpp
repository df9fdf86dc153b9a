// SPDX-License-Identifier: GPL-3.0-or-later
// Commands and sections of pykickstart's documentation up to Fedora 42 and RHEL 10.
#include <algorithm>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "builder/base/suggestion.hpp"
#include "seeds/answer_formats.hpp"
#include "seeds/text.hpp"

namespace imgforge::seeds {
namespace {

const std::set<std::string, std::less<>>& commands() {
    static const std::set<std::string, std::less<>> table{"auth",
                                                          "authconfig",
                                                          "authselect",
                                                          "autopart",
                                                          "autostep",
                                                          "bootc",
                                                          "bootloader",
                                                          "btrfs",
                                                          "cdrom",
                                                          "clearpart",
                                                          "cmdline",
                                                          "device",
                                                          "deviceprobe",
                                                          "dmraid",
                                                          "driverdisk",
                                                          "eula",
                                                          "fcoe",
                                                          "firewall",
                                                          "firstboot",
                                                          "graphical",
                                                          "group",
                                                          "halt",
                                                          "harddrive",
                                                          "hmc",
                                                          "ignoredisk",
                                                          "install",
                                                          "iscsi",
                                                          "iscsiname",
                                                          "keyboard",
                                                          "lang",
                                                          "langsupport",
                                                          "liveimg",
                                                          "logging",
                                                          "logvol",
                                                          "lilocheck",
                                                          "mediacheck",
                                                          "method",
                                                          "module",
                                                          "monitor",
                                                          "mount",
                                                          "mouse",
                                                          "multipath",
                                                          "network",
                                                          "nfs",
                                                          "nvdimm",
                                                          "ostreecontainer",
                                                          "ostreesetup",
                                                          "part",
                                                          "partition",
                                                          "poweroff",
                                                          "raid",
                                                          "realm",
                                                          "reboot",
                                                          "repo",
                                                          "reqpart",
                                                          "rescue",
                                                          "rhsm",
                                                          "rootpw",
                                                          "selinux",
                                                          "services",
                                                          "shutdown",
                                                          "skipx",
                                                          "snapshot",
                                                          "sshkey",
                                                          "sshpw",
                                                          "syspurpose",
                                                          "text",
                                                          "timesource",
                                                          "timezone",
                                                          "tmpfs",
                                                          "unsupported_hardware",
                                                          "updates",
                                                          "upgrade",
                                                          "url",
                                                          "user",
                                                          "vnc",
                                                          "volgroup",
                                                          "xconfig",
                                                          "zerombr",
                                                          "zfcp",
                                                          "zipl",
                                                          "%include",
                                                          "%ksappend"};
    return table;
}

const std::vector<std::string> sections{"%packages",  "%pre",   "%pre-install", "%post",       "%onerror",
                                        "%traceback", "%addon", "%anaconda",    "%certificate"};

class KickstartCheck {
public:
    KickstartCheck(std::string_view text, std::string file) : text_(text), file_(std::move(file)) {}

    Diagnostics run() {
        int number = 0;
        for (const std::string_view raw : lines_of(text_)) {
            ++number;
            line(raw, number);
        }
        if (!section_.empty()) {
            add(section_line_, true, fmt::format("the section {} has no %end", section_), "%end");
        }
        whole();
        faults_.sort();
        return faults_;
    }

private:
    void add(int line, bool is_error, std::string message, std::string suggestion = {}) {
        faults_.add({.file = file_,
                     .line = line,
                     .severity = is_error ? Diagnostic::Severity::error : Diagnostic::Severity::warning,
                     .message = std::move(message),
                     .suggestion = std::move(suggestion)});
    }

    void line(std::string_view raw, int number) {
        const std::string_view text = trimmed(raw);
        if (text.empty() || text.front() == '#') {
            return;
        }
        const std::string word(text.substr(0, text.find_first_of(" \t")));
        if (text.front() == '%' && word != "%include" && word != "%ksappend") {
            section_mark(word, number);
        } else if (section_.empty()) {
            command(word, text, number);
        } else if (section_ == "%packages" && text.find_first_of("\"'`") != std::string_view::npos) {
            add(number, true, fmt::format("'{}' is no package name", text));
        }
    }

    void section_mark(const std::string& word, int number) {
        if (word == "%end") {
            if (section_.empty()) {
                add(number, true, "%end without a section before it");
            }
            section_.clear();
            return;
        }
        const bool known = std::find(sections.begin(), sections.end(), word) != sections.end();
        if (!section_.empty()) {
            if (!known) {
                return;  // a script may hold such a line
            }
            add(section_line_, true,
                fmt::format("the section {} has no %end before the next one begins in line {}", section_,
                            number),
                "%end");
        }
        if (!known) {
            add(number, true, fmt::format("unknown section {}", word), nearest(word, sections).value_or(""));
        }
        section_ = word;
        section_line_ = number;
    }

    void command(const std::string& word, std::string_view text, int number) {
        if (!commands().contains(word)) {
            add(number, true, fmt::format("unknown command '{}'", word),
                nearest(word, {commands().begin(), commands().end()}).value_or(""));
            return;
        }
        if (word == "rootpw" || word == "user") {
            if (text.find("--plaintext") != std::string_view::npos) {
                add(number, false, "a password in plain text", "--iscrypted HASH");
            }
        }
        if (word == "network") {
            network(text, number);
        }
        seen_.insert(word);
    }

    void network(std::string_view text, int number) {
        const std::size_t at = text.find("--bootproto=");
        if (at == std::string_view::npos) {
            return;
        }
        const std::string value(text.substr(at + 12, text.find_first_of(" \t", at) - at - 12));
        const std::vector<std::string> words{"dhcp", "bootp", "ibft", "static", "query"};
        if (std::find(words.begin(), words.end(), value) == words.end()) {
            add(number, true, fmt::format("'{}' is no --bootproto", value),
                nearest(value, words).value_or(""));
        }
    }

    void whole() {
        if (seen_.contains("%include") || seen_.contains("%ksappend")) {
            return;
        }
        if (!seen_.contains("poweroff") && !seen_.contains("shutdown") && !seen_.contains("reboot")) {
            add(0, false, "no action at the end: Anaconda will wait at 'Press ENTER to quit'", "poweroff");
        }
        if (seen_.contains("reboot") || seen_.contains("halt")) {
            add(0, false, "the machine must power itself off when it is done", "poweroff");
        }
        if (!seen_.contains("rootpw") && !seen_.contains("user")) {
            add(0, false, "neither rootpw nor user: Anaconda will stop at the missing root password",
                "rootpw --lock");
        }
        const bool has_storage = seen_.contains("autopart") || seen_.contains("part") ||
                                 seen_.contains("partition") || seen_.contains("logvol") ||
                                 seen_.contains("mount") || seen_.contains("btrfs");
        if (!has_storage) {
            add(0, false, "no partitions are asked for: Anaconda will stop there", "autopart");
        }
    }

    std::string_view text_;
    std::string file_;
    Diagnostics faults_;
    std::set<std::string> seen_;
    std::string section_;
    int section_line_ = 0;
};

}  // namespace

Diagnostics check_kickstart(std::string_view text, const std::string& file) {
    return KickstartCheck(text, file).run();
}

}  // namespace imgforge::seeds
