// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <array>
#include <map>
#include <set>

#include <fmt/format.h>

#include "builder/base/suggestion.hpp"
#include "seeds/answer_formats.hpp"
#include "seeds/passwords.hpp"
#include "seeds/text.hpp"

namespace imgforge::seeds {
namespace {

constexpr std::array<std::string_view, 9> types{"string", "boolean",  "select", "multiselect", "note",
                                                "text",   "password", "title",  "error"};

/// Well-known questions of debian-installer's components with their type; d-i takes string and select for
/// each other.
const std::map<std::string, std::string>& known_questions() {
    static const std::map<std::string, std::string> table = [] {
        std::map<std::string, std::string> out;
        const auto add = [&out](std::string_view type, std::string_view names) {
            while (!names.empty()) {
                const std::size_t end = std::min(names.find(' '), names.size());
                out.emplace(names.substr(0, end), type);
                names.remove_prefix(std::min(end + 1, names.size()));
            }
        };
        add("string",
            "debian-installer/locale debian-installer/language debian-installer/country netcfg/hostname "
            "netcfg/get_hostname "
            "netcfg/get_domain "
            "netcfg/domain netcfg/get_nameservers netcfg/get_ipaddress netcfg/get_netmask netcfg/get_gateway "
            "netcfg/dhcp_timeout "
            "netcfg/link_wait_timeout netcfg/wireless_essid netcfg/dhcp_hostname hw-detect/firmware-lookup "
            "mirror/http/hostname "
            "mirror/http/directory mirror/http/proxy mirror/https/hostname mirror/https/directory "
            "mirror/https/proxy mirror/suite "
            "mirror/udeb/suite mirror/udeb/components passwd/user-fullname passwd/username passwd/user-uid "
            "passwd/user-default-groups "
            "clock-setup/ntp-server time/zone partman-auto/disk partman-auto/init_automatically_partition "
            "partman-auto/method "
            "partman-auto/expert_recipe partman-auto/expert_recipe_file partman-auto-lvm/guided_size "
            "partman-auto-lvm/new_vg_name "
            "partman-auto-raid/recipe partman-partitioning/default_label partman/mount_style "
            "partman/default_filesystem "
            "partman/early_command base-installer/kernel/image base-installer/kernel/override-image "
            "base-installer/debootstrap_variant "
            "base-installer/includes apt-setup/security_host apt-setup/local0/repository "
            "apt-setup/local0/comment apt-setup/local0/key "
            "pkgsel/include debian-installer/add-kernel-opts grub-installer/bootdev preseed/early_command "
            "preseed/late_command "
            "preseed/include "
            "preseed/run preseed/url preseed/file anna/choose_modules debian-installer/allow_unauthenticated "
            "log_host lowmem/low "
            "partman-auto/cap-ram partman-crypto/weak_passphrase rescue/enable apt-setup/restricted "
            "apt-setup/universe "
            "apt-setup/multiverse "
            "apt-setup/backports apt-setup/proposed live-installer/net-image console-setup/layoutcode "
            "network-console/start "
            "ubiquity/summary");
        add("boolean",
            "netcfg/enable netcfg/disable_autoconfig netcfg/disable_dhcp netcfg/use_autoconfig "
            "netcfg/confirm_static "
            "hw-detect/load_firmware "
            "hw-detect/load_media passwd/make-user passwd/root-login passwd/user-crypted-password "
            "user-setup/allow-password-weak "
            "user-setup/encrypt-home passwd/allow-password-empty clock-setup/utc clock-setup/ntp "
            "partman/confirm "
            "partman/confirm_nooverwrite "
            "partman/confirm_new_label partman-basicfilesystems/no_swap "
            "partman-basicfilesystems/no_mount_point partman-efi/non_efi_system "
            "partman-lvm/device_remove_lvm partman-lvm/confirm partman-lvm/confirm_nooverwrite "
            "partman-md/device_remove_md "
            "partman-md/confirm "
            "partman-md/confirm_nooverwrite partman-partitioning/confirm_write_new_label "
            "partman-partitioning/confirm_new_label "
            "partman-auto/purge_lvm_from_device partman-auto-crypto/erase_disks partman-crypto/confirm "
            "partman-crypto/confirm_nooverwrite "
            "base-installer/install-recommends apt-setup/use_mirror apt-setup/no_mirror apt-setup/non-free "
            "apt-setup/non-free-firmware "
            "apt-setup/contrib apt-setup/cdrom/set-first apt-setup/cdrom/set-next apt-setup/cdrom/set-failed "
            "apt-setup/cdrom/set-double "
            "apt-setup/disable-cdrom-entries apt-setup/enable-source-repositories apt-setup/local0/source "
            "pkgsel/run_tasksel "
            "pkgsel/install-language-support popularity-contest/participate grub-installer/only_debian "
            "grub-installer/with_other_os "
            "grub-installer/skip grub-installer/force-efi-extra-removable grub-installer/make_active "
            "finish-install/keep-consoles "
            "cdrom-detect/eject debian-installer/exit/halt debian-installer/exit/poweroff "
            "debian-installer/exit/reboot "
            "debian-installer/splash anna/no_kernel_modules preseed/interactive save-logs/menu "
            "mirror/http/mirror-fallback "
            "partman-swapfile/use apt-mirror-setup/use_mirror debian-installer/framebuffer "
            "cdrom-checker/start");
        add("select",
            "keyboard-configuration/xkb-keymap keyboard-configuration/layoutcode "
            "keyboard-configuration/variantcode "
            "keyboard-configuration/modelcode keyboard-configuration/toggle keymap netcfg/choose_interface "
            "netcfg/wireless_security_type "
            "mirror/country mirror/protocol mirror/http/countries mirror/http/mirror "
            "partman-auto/choose_recipe partman/choose_partition "
            "partman-partitioning/choose_label pkgsel/upgrade pkgsel/update-policy "
            "base-installer/initramfs-tools/driver-policy "
            "base-installer/kernel/which grub-installer/choose_bootdev debian-installer/main-menu "
            "languagechooser/language-name "
            "countrychooser/shortlist "
            "localechooser/supported-locales");
        add("multiselect", "tasksel/first apt-setup/services-select tasksel/skip-tasks");
        add("note",
            "finish-install/reboot_in_progress apt-setup/security-updates-failed cdrom-detect/success");
        add("password",
            "passwd/root-password passwd/root-password-again passwd/root-password-crypted "
            "passwd/user-password passwd/user-password-again "
            "passwd/user-password-crypted grub-installer/password grub-installer/password-again "
            "grub-installer/password-crypted "
            "partman-crypto/passphrase partman-crypto/passphrase-again netcfg/wireless_wep "
            "netcfg/wireless_wpa");
        return out;
    }();
    return table;
}

struct Entry {
    int line = 0;
    std::string type;
    std::string value;
};

std::string_view take_word(std::string_view& rest) {
    const std::size_t end = std::min(rest.find_first_of(" \t"), rest.size());
    const std::string_view word = rest.substr(0, end);
    rest.remove_prefix(end);
    return word;
}

bool interchangeable(std::string_view one, std::string_view other) {
    const auto textual = [](std::string_view type) {
        return type == "string" || type == "select" || type == "text" || type == "password";
    };
    return one == other || (textual(one) && textual(other)) || (one == "multiselect" && textual(other)) ||
           (other == "multiselect" && textual(one));
}

class PreseedCheck {
public:
    PreseedCheck(std::string_view text, std::string file) : text_(text), file_(std::move(file)) {}

    Diagnostics run() {
        std::string pending;
        int first = 0;
        int number = 0;
        for (const std::string_view raw : lines_of(text_)) {
            ++number;
            first = pending.empty() ? number : first;
            const bool is_comment = pending.empty() && (trimmed(raw).empty() || trimmed(raw).front() == '#');
            if (!is_comment && !raw.empty() && raw.back() == '\\') {
                pending += std::string(raw.substr(0, raw.size() - 1)) + " ";
                continue;
            }
            if (!is_comment) {
                line(pending + std::string(raw), first);
            }
            pending.clear();
        }
        if (!pending.empty()) {
            add(number, true, "the file ends in the middle of a continued line");
            line(pending, first);
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

    void line(const std::string& whole_line, int number) {
        std::string_view rest = trimmed(whole_line);
        const auto blanks = [&rest] {
            rest = rest.substr(std::min(rest.find_first_not_of(" \t"), rest.size()));
        };
        const std::string owner(take_word(rest));
        blanks();
        const std::string question(take_word(rest));
        blanks();
        const std::string type(take_word(rest));
        if (type.empty()) {
            add(number, true, "a line is `owner question type value`", "d-i time/zone string UTC");
            return;
        }
        if (question.find('/') == std::string::npos && question != "keymap" && question != "log_host") {
            add(number, true, fmt::format("'{}' is no question: those have a slash in their name", question),
                nearest(question, names()).value_or(""));
            return;
        }
        if (type != "seen" && std::find(types.begin(), types.end(), type) == types.end()) {
            add(number, true, fmt::format("'{}' is no type of a question", type),
                nearest(type, {types.begin(), types.end()}).value_or(""));
            return;
        }
        if (rest.size() > 1 && (rest[1] == ' ' || rest[1] == '\t')) {
            add(number, false,
                "only one blank separates type and value, the others become part of the value");
        }
        question_line(owner, question, {number, type, std::string(rest.empty() ? rest : rest.substr(1))});
    }

    static std::vector<std::string> names() {
        std::vector<std::string> out;
        for (const auto& [name, type] : known_questions()) {
            out.push_back(name);
        }
        return out;
    }

    void question_line(const std::string& owner, const std::string& question, const Entry& entry) {
        if (entry.value.find("\\n") != std::string::npos) {
            add(entry.line, true,
                "debconf turns \\n in a value into a line break, so the command arrives broken",
                "put the command into a script, or use echo twice");
        }
        const auto known = known_questions().find(question);
        if (known == known_questions().end()) {
            if (const auto near = nearest(question, names()); near && owner == "d-i") {
                add(entry.line, false, fmt::format("unknown question {}", question), *near);
            }
        } else if (entry.type != "seen" && !interchangeable(known->second, entry.type)) {
            add(entry.line, true,
                fmt::format("{} is of type {}, not {}", question, known->second, entry.type), known->second);
        }
        if (entry.type == "boolean" && entry.value != "true" && entry.value != "false") {
            add(entry.line, true, fmt::format("a boolean is true or false, not '{}'", entry.value), "true");
        }
        value_faults(question, entry);
        if (const auto before = seen_.find(question); before != seen_.end() && entry.type != "seen") {
            add(entry.line, false,
                fmt::format("{} was already answered in line {}; this one counts", question,
                            before->second.line));
        }
        seen_[question] = entry;
    }

    void value_faults(const std::string& question, const Entry& entry) {
        const bool is_hash =
            question.size() > 17 && question.compare(question.size() - 17, 17, "-password-crypted") == 0;
        if (is_hash) {
            if (const auto reason = password_hash_fault(trimmed(entry.value))) {
                add(entry.line, true, fmt::format("the value of {}: {}", question, *reason));
            }
        }
        if (question == "passwd/root-password" || question == "passwd/user-password") {
            add(entry.line, false, "a password in plain text",
                fmt::format("d-i {}-crypted password HASH", question));
        }
        if (question == "partman-auto/expert_recipe" && !entry.value.empty() &&
            trimmed(entry.value).back() != '.') {
            add(entry.line, true, "a partition recipe ends with a dot after its last partition",
                "… mountpoint{ / } .");
        }
        if (question == "partman-auto/method" && entry.value != "regular" && entry.value != "lvm" &&
            entry.value != "crypto" && entry.value != "raid") {
            add(entry.line, true, fmt::format("'{}' is no partitioning method", entry.value),
                nearest(entry.value, {"regular", "lvm", "crypto", "raid"}).value_or("regular"));
        }
    }

    bool is_true(const std::string& question) const {
        const auto found = seen_.find(question);
        return found != seen_.end() && trimmed(found->second.value) == "true";
    }

    void need(const std::string& question, const std::string& line, std::string_view why) {
        const auto found = seen_.find(question);
        if (found == seen_.end() || trimmed(found->second.value) == "false") {
            add(found == seen_.end() ? 0 : found->second.line, false,
                fmt::format("{} is not answered: {}", question, why), line);
        }
    }

    void whole() {
        if (seen_.empty()) {
            add(0, true, "there is no answer in this file");
            return;
        }
        if (seen_.contains("preseed/include") || seen_.contains("preseed/run")) {
            return;  // the rest may be answered elsewhere
        }
        need("partman-auto/method", "d-i partman-auto/method string regular",
             "the installer will ask how to partition");
        need("partman-partitioning/confirm_write_new_label",
             "d-i partman-partitioning/confirm_write_new_label boolean true",
             "the installer will ask before it writes a new partition table");
        need("partman/choose_partition", "d-i partman/choose_partition select finish",
             "the installer will stop at the partition list");
        need("partman/confirm", "d-i partman/confirm boolean true",
             "the installer will ask before it writes to the disk");
        need("partman/confirm_nooverwrite", "d-i partman/confirm_nooverwrite boolean true",
             "the installer will ask before it writes to the disk");
        if (const auto method = seen_.find("partman-auto/method");
            method != seen_.end() && method->second.value == "lvm") {
            need("partman-lvm/confirm", "d-i partman-lvm/confirm boolean true",
                 "the installer will ask before it sets up the volume group");
            need("partman-lvm/confirm_nooverwrite", "d-i partman-lvm/confirm_nooverwrite boolean true",
                 "the installer will ask before it sets up the volume group");
        }
        if (!is_true("debian-installer/exit/poweroff")) {
            add(0, false, "the machine is not told to power off at the end",
                "d-i debian-installer/exit/poweroff boolean true");
        }
        need("finish-install/reboot_in_progress", "d-i finish-install/reboot_in_progress note",
             "the installer will wait at its last message");
    }

    std::string_view text_;
    std::string file_;
    Diagnostics faults_;
    std::map<std::string, Entry> seen_;
};

}  // namespace

Diagnostics check_preseed(std::string_view text, const std::string& file) {
    return PreseedCheck(text, file).run();
}

}  // namespace imgforge::seeds
