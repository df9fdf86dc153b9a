// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "builder/base/json.hpp"

namespace imgforge::sysprep {

namespace {

/// The hook is a Python script whose list of files is a JSON array. It is read, never run. Only paths below
/// the directories that the installer writes to count, so that a forged hook removes nothing else.
std::vector<std::string> files_named_in(const std::string& hook) {
    std::vector<std::string> files;
    const std::size_t open = hook.find('[');
    const std::size_t close = open == std::string::npos ? open : hook.find(']', open);
    if (close == std::string::npos) {
        return files;
    }
    const Json list = Json::parse(hook.substr(open, close - open + 1), nullptr, false);
    if (!list.is_array()) {
        return files;
    }
    for (const Json& item : list) {
        const std::string path = item.is_string() ? item.get<std::string>() : "";
        const bool expected = path.starts_with("/etc/cloud/") || path.starts_with("/etc/netplan/") ||
                              path.starts_with("/var/log/installer/");
        if (expected && path.find("/..") == std::string::npos) {
            files.push_back(path);
        }
    }
    return files;
}

/// What starts an installer or names its answers, as kernel parameters.
bool is_installer_word(std::string_view word) {
    static constexpr std::string_view starts[]{"ds=nocloud",   "cloud-config-url=", "inst.ks=",
                                               "inst.stage2=", "autoyast=",         "preseed/",
                                               "preseed-md5="};
    return word == "autoinstall" ||
           std::any_of(std::begin(starts), std::end(starts),
                       [&](std::string_view start) { return word.starts_with(start); });
}

/// A line that holds a kernel command line without those words; blanks beside them go with them.
std::string without_installer_words(const std::string& line) {
    constexpr std::string_view ends = " \t\"'";
    std::string out;
    for (std::size_t at = 0; at < line.size();) {
        const std::size_t end = std::min(line.size(), line.find_first_of(ends, at));
        const std::string_view word = std::string_view(line).substr(at, end - at);
        if (is_installer_word(word)) {
            at = end;
            const bool opens = out.ends_with('"') || out.ends_with('\'');
            if (at < line.size() && line[at] == ' ' && (opens || out.ends_with(' '))) {
                ++at;
            } else if (out.ends_with(' ')) {
                out.pop_back();
            }
            continue;
        }
        out += word;
        if (end < line.size()) {
            out += line[end];
        }
        at = end + 1;
    }
    return out;
}

/// Settings of GRUB, what was made of them, entries of systemd-boot and of BLS.
void forget_parameters(Cleaner& cleaner) {
    for (const std::string& file : cleaner.fs().glob_all(
             {"/etc/default/grub", "/etc/default/grub.d/*.cfg", "/etc/kernel/cmdline", "/boot/grub*/grub.cfg",
              "/boot/efi/EFI/*/grub.cfg", "/{boot,efi,boot/efi}/loader/entries/*.conf",
              "/boot/syslinux/*.cfg", "/boot/extlinux/*.conf", "/etc/zipl.conf"})) {
        cleaner.edit_lines(file, [](const std::string& line) -> std::optional<std::string> {
            const bool comment = line.find_first_not_of(" \t") != std::string::npos &&
                                 line[line.find_first_not_of(" \t")] == '#';
            return comment ? line : without_installer_words(line);
        });
    }
}

}  // namespace

Operation installer_datasource_operation() {
    return {
        .name = "installer-datasource",
        .heading = "Undo what the installer set for cloud-init",
        .reason =
            "after subiquity the only datasource is None: clones ignore every seed, keep the hostname and do "
            "not grow",
        .source = "subiquity models/subiquity.py clean.d/99-installer; ds-identify",
        .rows = {"D2"},
        .remove = {"/etc/cloud/cloud.cfg.d/"
                   "{99-installer,20-disable-cc-dpkg-grub,subiquity-disable-cloudinit-networking,00-"
                   "subiquity-disable-cloudinit-networking,"
                   "90-installer-network,curtin-preserve-sources}.cfg",
                   "/etc/cloud/ds-identify.cfg", "/etc/cloud/cloud-init.disabled"},
        .perform =
            [](Cleaner& cleaner) {
                forget_parameters(cleaner);
                for (const std::string& hook : cleaner.fs().glob("/etc/cloud/clean.d/*")) {
                    for (const std::string& path : files_named_in(cleaner.read(hook))) {
                        cleaner.remove(path);
                    }
                    if (guest::base_name(hook) == "99-installer") {
                        cleaner.remove(hook);
                    } else {
                        cleaner.note(hook +
                                     " is a clean-up hook of cloud-init that was not run, because guest code "
                                     "runs only on request");
                    }
                }
            },
    };
}

}  // namespace imgforge::sysprep
