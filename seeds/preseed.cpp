// SPDX-License-Identifier: GPL-3.0-or-later
// debian-installer. Each answer here was met in real runs of Debian 12 and 13.
#include <algorithm>
#include <regex>
#include <sstream>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "seeds/answer_formats.hpp"
#include "seeds/target_script.hpp"
#include "seeds/text.hpp"

namespace imgforge::seeds {
namespace {

constexpr const char* late_script = "imgforge-late.sh";
constexpr const char* post_script = "imgforge-post.sh";
/// Its postinst makes the initramfs a second time, minutes under emulation, unless it runs before there is a
/// kernel (base-installer/includes goes to debootstrap --include). Every boot loader brings it later.
constexpr std::string_view early_package = "dmsetup";

class Preseed {
public:
    Preseed(const Answers& answers, const AnswerFacts& facts) : answers_(answers), facts_(facts) {}

    std::string text() {
        locale();
        network();
        accounts();
        partitions();
        base_system();
        packages();
        ending();
        return out_;
    }

private:
    void line(std::string_view question, std::string_view type, std::string_view value,
              std::string_view owner = "d-i") {
        // debconf unescapes "\n" in values, so a shell command holding it arrives broken (seen: "Illegal
        // number").
        if (!is_one_line(value) || value.find("\\n") != std::string_view::npos) {
            throw Error(
                Failure::recipe,
                fmt::format("the value of {} has a line break or \\n in it, which preseed cannot carry",
                            question));
        }
        out_ += value.empty() ? fmt::format("{} {} {}\n", owner, question, type)
                              : fmt::format("{} {} {} {}\n", owner, question, type, value);
    }
    void yes(std::string_view question) { line(question, "boolean", "true"); }
    void no(std::string_view question) { line(question, "boolean", "false"); }

    void locale() {
        if (answers_.locale.find('_') == std::string::npos) {
            // The country is asked for at the highest priority when the locale names none (localechooser).
            const std::string language = answers_.locale.substr(0, answers_.locale.find_first_of(".@"));
            const bool neutral = language == "C" || language == "POSIX";
            line("debian-installer/language", "string",
                 !neutral                 ? language
                 : answers_.locale == "C" ? "C"
                                          : "en");
            line("debian-installer/country", "string", "US");
        }
        line("debian-installer/locale", "string", answers_.locale);
        line("keyboard-configuration/xkb-keymap", "select", answers_.keyboard);
        if (!answers_.keyboard_variant.empty()) {
            line("keyboard-configuration/variantcode", "string", answers_.keyboard_variant);
        }
        yes("clock-setup/utc");
        line("clock-setup/ntp", "boolean", is_offline(answers_, facts_) ? "false" : "true");
        line("time/zone", "string", answers_.timezone);
    }

    void network() {
        no("hw-detect/load_firmware");
        line("hw-detect/firmware-lookup", "string", "never");
        // Both names: `hostname` is taken from DHCP otherwise, `get_hostname` is the question shown.
        line("netcfg/hostname", "string", host_name(answers_));
        line("netcfg/get_hostname", "string", host_name(answers_));
        line("netcfg/get_domain", "string", answers_.domain);
        if (is_offline(answers_, facts_)) {
            no("netcfg/enable");
            no("apt-setup/use_mirror");
            yes("apt-setup/no_mirror");
            return;
        }
        line("netcfg/choose_interface", "select", "auto");
        mirror();
    }

    void mirror() {
        static const std::regex form("^(https?)://([^/]+)(/.*)?$");
        std::smatch part;
        if (answers_.mirror.empty()) {
            return;  // the installer's own default is not asked for at priority critical
        }
        if (!std::regex_match(answers_.mirror, part, form)) {
            throw Error(Failure::recipe, fmt::format("invalid mirror address '{}'", answers_.mirror),
                        "write it as http://HOST/debian");
        }
        const std::string protocol = part[1].str();
        line("mirror/country", "string", "manual");
        line("mirror/protocol", "string", protocol);
        line(fmt::format("mirror/{}/hostname", protocol), "string", part[2].str());
        line(fmt::format("mirror/{}/directory", protocol), "string", part[3].matched ? part[3].str() : "/");
        line(fmt::format("mirror/{}/proxy", protocol), "string", "");
        if (!facts_.suite.empty()) {
            line("mirror/suite", "string", facts_.suite);
        }
    }

    void accounts() {
        // "*" is not a hash, so nobody gets in by password. Not "!", which the installation guide names:
        // user-setup 1.107 (trixie) takes it for "nothing preseeded" and asks for a password. Users are made
        // by the late script, which also gives them their keys.
        line("passwd/root-password-crypted", "password",
             answers_.root_password_hash.empty() ? "*" : answers_.root_password_hash);
        no("passwd/make-user");
    }

    std::string volume(std::string_view sizes, std::string_view mountpoint,
                       std::string_view flags = {}) const {
        return fmt::format(
            "{0} {1} {2}{3}method{{ format }} format{{ }} use_filesystem{{ }} filesystem{{ {1} }} "
            "mountpoint{{ {4} }} . ",
            sizes, answers_.disk.filesystem, flags, flags.empty() ? "" : " ", mountpoint);
    }

    std::string recipe() const {
        using Layout = AnswerDisk::Layout;
        const bool lvm = answers_.disk.layout == Layout::lvm;
        std::string out = "imgforge :: ";
        if (facts_.uefi) {
            out += "300 300 512 free $iflabel{ gpt } $reusemethod{ } method{ efi } format{ } . ";
        }
        if (lvm) {
            out +=
                "400 500 512 ext4 $primary{ } $bootable{ } method{ format } format{ } use_filesystem{ } "
                "filesystem{ ext4 } mountpoint{ "
                "/boot } . ";
        }
        if (answers_.disk.swap > 0) {
            out += fmt::format("{0} {0} {0} linux-swap {1}method{{ swap }} format{{ }} . ",
                               answers_.disk.swap, lvm ? "$lvmok{ } " : "");
        }
        if (lvm) {
            return out + volume("1000 10000 -1", "/", "$lvmok{ }");
        }
        // A master boot record has room for four partitions; $primary keeps the root out of an extended one.
        const std::string_view root = facts_.uefi ? "" : "$primary{ } $bootable{ }";
        if (answers_.disk.layout == Layout::separate) {
            return out + volume("1500 4000 10000", "/", root) + volume("800 3000 10000", "/var") +
                   volume("300 10000 -1", "/home");
        }
        return out + volume("1000 10000 -1", "/", root);
    }

    void partitions() {
        const bool lvm = answers_.disk.layout == AnswerDisk::Layout::lvm;
        const std::string disk = install_disk(answers_, facts_);
        line("partman-auto/disk", "string", disk);
        line("partman-auto/method", "string", lvm ? "lvm" : "regular");
        std::string recipe_text = recipe();
        line("partman-auto/expert_recipe", "string", trimmed(recipe_text));
        line("partman-auto/choose_recipe", "select", "imgforge");
        if (lvm) {
            line("partman-auto-lvm/guided_size", "string", "max");
            line("partman-auto-lvm/new_vg_name", "string", "system");
            yes("partman-lvm/device_remove_lvm");
            yes("partman-lvm/confirm");
            yes("partman-lvm/confirm_nooverwrite");
        }
        if (facts_.uefi) {
            line("partman-partitioning/choose_label", "select", "gpt");
            line("partman-partitioning/default_label", "string", "gpt");
            yes("partman-efi/non_efi_system");
        }
        no("partman-basicfilesystems/no_swap");
        yes("partman-md/device_remove_md");
        yes("partman-partitioning/confirm_write_new_label");
        line("partman/choose_partition", "select", "finish");
        yes("partman/confirm");
        yes("partman/confirm_nooverwrite");
    }

    void base_system() {
        line("base-installer/includes", "string", early_package);
        line("base-installer/install-recommends", "boolean", answers_.recommends ? "true" : "false");
        const bool has_cloud_kernel = facts_.arch == "amd64" || facts_.arch == "arm64";
        line("base-installer/kernel/image", "string",
             answers_.kernel.empty() && !facts_.kernel.empty() ? facts_.kernel
             : answers_.kernel.empty()
                 ? fmt::format("linux-image-{}{}", has_cloud_kernel ? "cloud-" : "", facts_.arch)
                 : answers_.kernel);
        for (const std::string_view question : {"set-first", "set-next", "set-failed"}) {
            no(fmt::format("apt-setup/cdrom/{}", question));  // "another disc?"
        }
        // Empty, or the security archive is contacted even without a mirror.
        line("apt-setup/services-select", "multiselect",
             is_offline(answers_, facts_) ? "" : "security, updates");
        yes("apt-setup/disable-cdrom-entries");
    }

    void packages() {
        line("tasksel/first", "multiselect", "", "tasksel");
        no("pkgsel/run_tasksel");  // tasksel is seldom on the medium, and its absence fails the step
        line("pkgsel/include", "string", joined(answers_.packages, " "));
        line("pkgsel/upgrade", "select",
             answers_.security_updates && !is_offline(answers_, facts_) ? "safe-upgrade" : "none");
        line("pkgsel/update-policy", "select", "none");
        line("popularity-contest/participate", "boolean", "false", "popularity-contest");
    }

    void ending() {
        yes("grub-installer/only_debian");
        line("grub-installer/bootdev", "string", install_disk(answers_, facts_));
        if (facts_.uefi) {
            yes("grub-installer/force-efi-extra-removable");  // boots without an entry in NVRAM
        }
        if (const std::string early = preseed_early_command(answers_, facts_); !early.empty()) {
            line("preseed/early_command", "string", early);
        }
        line("preseed/late_command", "string", fmt::format("sh /{}", late_script));
        line("finish-install/reboot_in_progress", "note", "");
        no("cdrom-detect/eject");
        yes("debian-installer/exit/poweroff");
    }

    const Answers& answers_;
    const AnswerFacts& facts_;
    std::string out_ = "# Made by imgforge for debian-installer.\n";
};

}  // namespace

std::string preseed_early_command(const Answers& answers, const AnswerFacts& facts) {
    std::string out;
    if (!facts.log_console.empty()) {
        // Descriptors 3 to 6 are debconf's and log-output's: a child that keeps them open makes those wait
        // for ever.
        out = fmt::format(
            "if [ -c /dev/{0} ]; then tail -f /var/log/syslog >/dev/{0} 2>/dev/null </dev/null 3>&- 4>&- "
            "5>&- 6>&- & fi",
            facts.log_console);
    }
    if (answers.eatmydata && facts.medium_has_eatmydata) {
        out += std::string(out.empty() ? "" : "; ") + "anna-install eatmydata-udeb || true";
    }
    return out;
}

std::string preseed_text(const Answers& answers, const AnswerFacts& facts) {
    return Preseed(answers, facts).text();
}

std::string preseed_sources_script(const Answers& answers, const AnswerFacts& facts) {
    if (!is_offline(answers, facts) || facts.package_sources.empty()) {
        return {};
    }
    // The disc itself is still among the sources: finish-install.d/10apt-cdrom-setup takes it out after this.
    return fmt::format(
        "if [ -d /etc/apt ] && ! cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |\n"
        "    grep -v cdrom: | grep -q -e '^deb ' -e '^URIs:'; then\n"
        "    cat >>/etc/apt/sources.list <<'IMGFORGE-SOURCES'\n{}{}IMGFORGE-SOURCES\nfi\n",
        facts.package_sources, facts.package_sources.back() == '\n' ? "" : "\n");
}

AnswerFiles preseed_files(const std::string& text, const std::string& post, const AnswerFacts& facts) {
    AnswerFiles files{.main_file = "preseed.cfg"};
    files.initrd.push_back({.path = "preseed.cfg", .bytes = text});
    std::string late =
        "#!/bin/sh\n# Run by debian-installer as its last step; /target is the installed system.\n";
    late += fmt::format("trap '[ $? = 0 ] || {}' EXIT\nset -e\n",
                        failure_report(facts, "/target", "installer log"));
    if (!post.empty()) {
        late += fmt::format("cp /{0} /target/root/{0}\nin-target sh -e /root/{0}\nrm -f /target/root/{0}\n",
                            post_script);
        files.initrd.push_back({.path = post_script, .bytes = post, .mode = 0700});
    }
    files.initrd.push_back(
        {.path = late_script, .bytes = late + marker_script(facts, "/target"), .mode = 0700});
    return files;
}

std::vector<std::string> preseed_packages(const std::string& text) {
    static const std::regex asks(
        "^\\s*\\S+\\s+(?:pkgsel/include|base-installer/includes)\\s+string\\s+(.*)$");
    std::vector<std::string> names;
    std::string pending;
    for (const std::string_view raw : lines_of(text)) {
        pending += raw;
        if (!pending.empty() && pending.back() == '\\') {
            pending.back() = ' ';
            continue;
        }
        std::smatch part;
        if (pending.size() < 4096 && std::regex_match(pending, part, asks)) {
            std::string words = part[1].str();
            std::replace(words.begin(), words.end(), ',', ' ');
            std::istringstream in(words);
            for (std::string word; in >> word;) {
                word.erase(std::min(word.find_first_of("=/:"), word.size()));
                if (word != early_package) {  // nobody asked for it
                    names.push_back(word);
                }
            }
        }
        pending.clear();
    }
    return names;
}

std::string preseed_with_marker(const std::string& text, const AnswerFacts& facts) {
    const std::string call = fmt::format("sh /{}", late_script);
    std::string out;
    bool found = false;
    static const std::regex late("^(\\s*d-i\\s+preseed/late_command\\s+string\\s+)(.*\\S)\\s*$");
    std::string pending;
    for (const std::string_view raw : lines_of(text)) {
        pending += raw;
        if (!pending.empty() && pending.back() == '\\') {
            pending.pop_back();  // a continued line is one line to debconf
            continue;
        }
        std::smatch part;
        if (pending.find("preseed/late_command") != std::string::npos &&
            std::regex_match(pending, part, late) && part[2].str().find(late_script) == std::string::npos) {
            pending = fmt::format("{}( {} ) && {}", part[1].str(), part[2].str(), call);
            found = true;
        } else {
            found = found || pending.find(late_script) != std::string::npos;
        }
        out += pending + "\n";
        pending.clear();
    }
    out += pending;
    if (text.find("debian-installer/exit/poweroff") == std::string::npos) {
        out += "d-i debian-installer/exit/poweroff boolean true\n";
    }
    if (text.find("preseed/early_command") == std::string::npos) {
        if (const std::string early = preseed_early_command({.eatmydata = false}, facts); !early.empty()) {
            out += "d-i preseed/early_command string " + early + "\n";
        }
    }
    return found ? out : out + "d-i preseed/late_command string " + call + "\n";
}

}  // namespace imgforge::seeds
