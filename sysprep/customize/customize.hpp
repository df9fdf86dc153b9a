// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "builder/base/json.hpp"
#include "sysprep/customize/file_steps.hpp"
#include "sysprep/offline_session.hpp"

namespace imgforge::sysprep {

/// A user to be made (or changed, when the name exists).
struct UserSpec {
    std::string name;
    std::string shell = "/bin/bash";
    std::vector<std::string> groups{};
    std::vector<std::string> ssh_keys{};  ///< public keys, one line each
    std::string password_hash{};          ///< crypt(3); never a plain password
    bool sudo = false;                    ///< password-free sudo by a file of its own in /etc/sudoers.d
    bool system = false;
};

/// What a customize stage shall do, in the order of the members.
struct CustomizeSpec {
    bool update = false;  ///< refresh lists and upgrade all packages
    std::vector<std::string> install{};
    std::vector<std::string> remove{};
    std::vector<std::pair<std::filesystem::path, std::string>>
        upload{};                                              ///< host file or directory -> guest path
    std::vector<std::pair<std::string, std::string>> write{};  ///< guest path -> content
    std::vector<std::string> mkdir{};
    std::vector<std::pair<std::string, std::string>> link{};  ///< link -> target
    FileSteps files{};                                        ///< after the lists above
    std::vector<UserSpec> users{};
    std::map<std::string, std::vector<std::string>> ssh_keys{};    ///< existing user -> public keys
    std::vector<std::pair<std::string, std::string>> passwords{};  ///< user -> see parse_password()
    std::string password_crypto = "sha512";                        ///< see parse_password()
    std::filesystem::path folder{};                                ///< of relative files in `passwords`
    std::string timezone{};
    std::string locale{};
    std::string hostname{};
    std::vector<std::string> run{};  ///< shell lines, each with its own log
    std::vector<std::pair<std::string, std::string>>
        variables{};  ///< shell variables of the run lines: secrets; in no log, no report and no file
    std::vector<std::filesystem::path> run_scripts{};  ///< host files, run in the guest
    std::vector<std::string> firstboot{};              ///< shell lines at the first boot of every clone
    std::vector<std::string> firstboot_install{};      ///< packages installed at that boot, before the lines
    bool selinux_relabel = false;  ///< labels are made anew: now, where the guest has setfiles; else at boot
    bool network = false;  ///< asked for; package work needs it unless the guest has an offline source
    std::chrono::seconds timeout{std::chrono::hours(1)};  ///< per command
};

/// What was done, for reports and for the sysprep that follows (nothing put in on purpose is a leftover).
struct CustomizeReport {
    std::vector<std::string> steps;      ///< sentences
    std::vector<std::string> paths;      ///< written on purpose, as glob-quoted patterns
    std::vector<std::string> passwords;  ///< users whose password was set on purpose
    std::vector<std::filesystem::path> logs;
    /// Drawn here for `random`: user -> password. Part of the result only, of no log and no file.
    std::map<std::string, std::string> generated;
    Json to_json() const;
};

/// Reads the options of the stage (already checked against customize_schema()); relative host paths are under
/// `folder`.
CustomizeSpec customize_spec(const Json& options, const std::filesystem::path& folder);
/// False for a spec that changes nothing.
bool has_work(const CustomizeSpec& spec);
/// Every error at once, as (JSON pointer below the options, message).
std::vector<std::pair<std::string, std::string>> check_customize(const CustomizeSpec& spec);
const Json& customize_schema();

/// Applies the spec. Each command's output goes to `logs/NN-what.log`; a failure names the command and shows
/// the end of its output.
CustomizeReport customize(OfflineSession& session, const CustomizeSpec& spec,
                          const std::filesystem::path& logs);

/// The shell line that installs, removes or upgrades with the guest's own manager. Throws Failure::guest for
/// unknown ones.
enum class PackageAction { refresh, upgrade, install, remove, clean };
std::string package_command(const guest::Inspection& os, PackageAction action,
                            const std::vector<std::string>& packages);

}  // namespace imgforge::sysprep
