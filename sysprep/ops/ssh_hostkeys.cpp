// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

#include <strings.h>
#include <sstream>

namespace imgforge::sysprep {

namespace {

/// Paths of HostKey and HostCertificate lines; keywords are case-insensitive.
std::vector<std::string> key_files_named_in(const std::string& config) {
    std::vector<std::string> files;
    std::istringstream lines(config);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string keyword;
        std::string file;
        words >> keyword >> file;
        const bool names_a_key = ::strcasecmp(keyword.c_str(), "HostKey") == 0 ||
                                 ::strcasecmp(keyword.c_str(), "HostCertificate") == 0;
        if (names_a_key && file.starts_with("/") && file.find("/..") == std::string::npos) {
            files.push_back(file);
        }
    }
    return files;
}

}  // namespace

Operation ssh_hostkeys_operation() {
    return {
        .name = "ssh-hostkeys",
        .heading = "Remove the SSH host keys",
        .reason = "machines with one host key can impersonate each other",
        .source = "sshd_config(5) HostKey",
        .rows = {"A6"},
        .perform =
            [](Cleaner& cleaner) {
                std::vector<std::string> patterns{"/etc/ssh/ssh_host_*"};
                for (const std::string& file : cleaner.fs().glob_all(
                         {"/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/*.conf", "/usr/etc/ssh/sshd_config",
                          "/usr/etc/ssh/sshd_config.d/*.conf"})) {
                    for (const std::string& key : key_files_named_in(cleaner.read(file))) {
                        patterns.push_back(guest::glob_quote(key));
                        patterns.push_back(guest::glob_quote(key) + ".pub");
                    }
                }
                cleaner.remove_all(patterns);
            },
    };
}

}  // namespace imgforge::sysprep
