// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "builder/base/json.hpp"

namespace imgforge::provision {

/// Environment variables in their order; values may mention `${secrets.NAME}`.
using Variables = std::vector<std::pair<std::string, std::string>>;

/// Shell lines run as root, each by a shell of its own; the first that fails ends the step.
struct RunStep {
    std::vector<std::string> lines;
};

/// A script of the host, run as root by the interpreter its first line names, else by sh.
struct ScriptStep {
    std::filesystem::path file;
    std::vector<std::string> args{};
};

/// Files and directories of the host, put into the guest with their modes, owned by root.
struct UploadStep {
    std::vector<std::pair<std::filesystem::path, std::string>> files;  ///< host, absolute path in the guest
};

/// A playbook, run by the host's ansible-playbook against the machine.
struct AnsibleStep {
    std::filesystem::path playbook;
    Json extra_vars = Json::object();           ///< values may mention secrets
    std::filesystem::path requirements{};       ///< roles and collections to install first; empty: none
    std::vector<std::filesystem::path> uses{};  ///< further files and directories whose content counts
    std::vector<std::string> arguments{};       ///< more arguments for ansible-playbook
};

struct RebootStep {};

/// Waits until something is there.
struct WaitStep {
    enum class Kind { port, file, service, command };
    Kind kind = Kind::port;
    std::string value;  ///< port number, path, unit or shell line
};

using Action = std::variant<RunStep, ScriptStep, UploadStep, AnsibleStep, RebootStep, WaitStep>;

/// One step of a provision stage.
struct Step {
    std::string name;  ///< as written, else what it does: "script setup.sh"
    Action action;
    Variables env{};                  ///< of the stage, then of the step
    std::chrono::seconds timeout{0};  ///< for the whole step
    std::string pointer{};            ///< where it stands below the stage's options: "/steps/2"
};

/// Word of the recipe for an action: "run", "wait-for".
std::string_view key_of(const Action& action);

/// Reads the options of the stage (already checked against provision_schema()). Keys beside `steps` are steps
/// as well, in their written order, before those of the list. Relative host paths are under `folder`.
std::vector<Step> parse_steps(const Json& options, const std::filesystem::path& folder);

/// Errors the schema cannot see: files that are missing, paths that are not absolute, steps with two actions.
/// {pointer below the options, message}.
std::vector<std::pair<std::string, std::string>> check_steps(const Json& options,
                                                             const std::filesystem::path& folder);

/// Schema of the stage.
const Json& provision_schema();

/// What of the steps shapes the disk, without names, deadlines and places of files: for fingerprints.
/// Contents of files are added by the stage.
Json steps_identity(const std::vector<Step>& steps);

/// Host files and directories whose content the steps depend on, each with what it is to them ("script",
/// "playbook", "/etc/motd"). For a playbook also the directories beside it that Ansible reads by itself.
std::vector<std::pair<std::string, std::filesystem::path>> step_files(const std::vector<Step>& steps);

/// Variables of an option `env:`.
Variables variables_of(const Json& env);

}  // namespace imgforge::provision
