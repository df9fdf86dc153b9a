// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

#include "builder/base/json.hpp"

namespace imgforge::sysprep {

namespace {

/// The hook is a Python script whose list of files is a JSON array. It is read, never run. Only paths below
/// the folders that the installer writes to count, so that a forged hook removes nothing else.
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

}  // namespace

Operation installer_datasource_operation() {
    return {
        .name = "installer-datasource",
        .heading = "Undo what the installer told cloud-init",
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
