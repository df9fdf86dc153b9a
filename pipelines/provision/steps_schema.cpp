// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "builder/base/clock.hpp"
#include "builder/base/error.hpp"
#include "pipelines/provision/steps.hpp"

namespace fs = std::filesystem;

namespace imgforge::provision {
namespace {

using Faults = std::vector<std::pair<std::string, std::string>>;

Json time_option(const char* description) {
    return {{"type", "string"},
            {"pattern", "^[0-9]+[smhd]?$"},
            {"x-affects-result", false},
            {"x-message", "must be a time such as 90s, 10m or 1h"},
            {"description", description}};
}

Json env_option(const char* description) {
    return {{"type", "object"},
            {"x-secrets", true},
            {"x-affects-result", false},
            {"propertyNames",
             {{"pattern", "^[A-Za-z_][A-Za-z0-9_]*$"},
              {"x-message", "must be letters, digits and '_', starting with a letter"}}},
            {"additionalProperties", {{"type", Json::array({"string", "number", "boolean"})}}},
            {"description", description}};
}

Json script_schema() {
    const Json properties = {
        {"file", {{"type", "string"}, {"format", "path"}, {"description", "script of the host"}}},
        {"args",
         {{"type", "array"},
          {"items", {{"type", "string"}}},
          {"x-secrets", true},
          {"description", "its arguments"}}},
        {"env", env_option("environment variables of this script")},
        {"name", {{"type", "string"}, {"description", "name in logs and errors"}}},
        {"timeout", time_option("longest time it may take; default 30m")}};
    const Json one = {{"type", Json::array({"string", "object"})},
                      {"format", "path"},
                      {"additionalProperties", false},
                      {"required", {"file"}},
                      {"properties", properties}};
    Json schema = one;
    schema["type"] = {"string", "object", "array"};
    schema["items"] = one;
    schema["description"] =
        "script of the host, run as root by the interpreter in its first line; or {file, args, env, "
        "timeout}, or a list";
    return schema;
}

Json ansible_schema() {
    const Json path = {{"type", "string"}, {"format", "path"}};
    Json playbook = path;
    playbook["description"] = "playbook file of the host";
    Json requirements = path;
    requirements["description"] = "file of roles and collections that ansible-galaxy installs first";
    const Json properties = {
        {"playbook", playbook},
        {"extra-vars",
         {{"type", "object"},
          {"x-secrets", true},
          {"additionalProperties", true},
          {"description", "variables for the playbook"}}},
        {"requirements", requirements},
        {"uses",
         {{"type", "array"},
          {"items", path},
          {"description",
           "other files and directories that the playbook reads: when they change, the stage runs again"}}},
        {"args",
         {{"type", "array"},
          {"items", {{"type", "string"}}},
          {"description", "additional arguments for ansible-playbook, such as --tags web"}}},
        {"name", {{"type", "string"}, {"description", "name in logs and errors"}}},
        {"timeout", time_option("longest time it may take; default 30m")}};
    const Json one = {{"type", Json::array({"string", "object"})},
                      {"format", "path"},
                      {"additionalProperties", false},
                      {"required", {"playbook"}},
                      {"properties", properties}};
    Json schema = one;
    schema["type"] = {"string", "object", "array"};
    schema["items"] = one;
    schema["description"] =
        "playbook, run by ansible-playbook of this host against the machine: a file, {playbook, extra-vars, "
        "requirements}, or a list";
    return schema;
}

Json wait_schema() {
    const Json properties = {
        {"port",
         {{"type", "integer"},
          {"minimum", 1},
          {"maximum", 65535},
          {"description", "TCP port the guest listens on"}}},
        {"file", {{"type", "string"}, {"description", "path that exists in the guest"}}},
        {"service", {{"type", "string"}, {"description", "service that is active"}}},
        {"command",
         {{"type", "string"}, {"x-secrets", true}, {"description", "shell line that exits with 0"}}},
        {"timeout", time_option("how long to wait; default 5m")}};
    return {{"type", Json::array({"integer", "object"})},
            {"minimum", 1},
            {"maximum", 65535},
            {"additionalProperties", false},
            {"properties", properties},
            {"description", "wait for a port, or {port|file|service|command, timeout}"}};
}

/// The keys that are steps, for the stage and for entries of `steps`.
Json action_properties() {
    Json properties = {
        {"upload",
         {{"type", "object"},
          {"format", "path"},
          {"additionalProperties", {{"type", "string"}}},
          {"description", "host file or directory: path in the guest"}}},
        {"script", script_schema()},
        {"run",
         {{"type", Json::array({"string", "array"})},
          {"items", {{"type", "string"}}},
          {"x-secrets", true},
          {"description", "shell lines, run as root; the first that fails ends the build"}}},
        {"ansible", ansible_schema()},
        {"reboot",
         {{"type", Json::array({"boolean", "object"})},
          {"additionalProperties", false},
          {"properties", {{"timeout", time_option("longest time until it responds again; default 15m")}}},
          {"description", "reboot the machine and wait until it responds"}}},
        {"wait-for", wait_schema()}};
    for (auto& item : properties.items()) {
        // The stage says what counts: contents of files, not their names.
        item.value()["x-affects-result"] = false;
    }
    return properties;
}

Json make_schema() {
    Json step = action_properties();
    step["name"] = {{"type", "string"}, {"description", "name of the step in logs and errors"}};
    step["env"] = env_option("environment variables of the step");
    step["timeout"] = time_option("longest time the step may take");
    Json properties = action_properties();
    properties["steps"] = {
        {"type", "array"},
        {"x-affects-result", false},
        {"items", {{"type", "object"}, {"additionalProperties", false}, {"properties", step}}},
        {"description",
         "steps, run in this order, one action each (upload, script, run, ansible, reboot, "
         "wait-for); they run after the actions given next to this key"}};
    properties["env"] = env_option("environment variables of all scripts and commands");
    properties["network"] = {
        {"enum", {"off", "user", "nat"}},
        {"default", "off"},
        {"description", "network of the guest: none, QEMU's user network, or libvirt's network \"default\""}};
    properties["memory"] = {{"type", "string"},
                            {"x-affects-result", false},
                            {"pattern", "^[0-9]+(\\.[0-9]+)? ?[KMGT](i?B)?$"},
                            {"x-message", "must be a size with its unit such as 2G"},
                            {"description", "memory of the machine; default: machine.memory"}};
    properties["boot-timeout"] = time_option("how long until SSH answers; default 5m with KVM, 15m without");
    properties["timeout"] = time_option("longest time for all steps together; default 4h");
    return {{"type", "object"}, {"additionalProperties", false}, {"properties", properties}};
}

bool is_absolute_guest_path(const std::string& path) {
    return path.starts_with("/") && path.size() > 1 && path.find("/../") == std::string::npos &&
           !path.ends_with("/..");
}

void need_file(Faults& faults, const std::string& pointer, const fs::path& file, bool folder_too = false) {
    std::error_code code;
    const bool there = folder_too ? fs::exists(file, code) : fs::is_regular_file(file, code);
    if (!there) {
        faults.emplace_back(pointer, fmt::format("{} does not exist", file.string()));
    }
}

void check_action(Faults& faults, const Step& step) {
    if (const auto* const run = std::get_if<RunStep>(&step.action)) {
        for (const std::string& line : run->lines) {
            if (line.find_first_not_of(" \t\n") == std::string::npos) {
                faults.emplace_back(step.pointer, "an empty command");
            }
        }
    } else if (const auto* const script = std::get_if<ScriptStep>(&step.action)) {
        need_file(faults, step.pointer, script->file);
    } else if (const auto* const upload = std::get_if<UploadStep>(&step.action)) {
        for (const auto& [host, guest] : upload->files) {
            need_file(faults, step.pointer, host, true);
            if (!is_absolute_guest_path(guest)) {
                faults.emplace_back(step.pointer, fmt::format("'{}' is not an absolute path", guest));
            }
        }
    } else if (const auto* const ansible = std::get_if<AnsibleStep>(&step.action)) {
        need_file(faults, step.pointer, ansible->playbook);
        if (!ansible->requirements.empty()) {
            need_file(faults, step.pointer, ansible->requirements);
        }
        for (const fs::path& path : ansible->uses) {
            need_file(faults, step.pointer, path, true);
        }
    } else if (const auto* const wait = std::get_if<WaitStep>(&step.action); wait && wait->value.empty()) {
        faults.emplace_back(step.pointer, "wait-for needs one of port, file, service and command");
    }
}

}  // namespace

const Json& provision_schema() {
    static const Json schema = make_schema();
    return schema;
}

Faults check_steps(const Json& options, const fs::path& folder) {
    Faults faults;
    const Json actions = action_properties();
    const Json list = options.value("steps", Json::array());
    for (std::size_t i = 0; i < list.size(); ++i) {
        std::size_t count = 0;
        for (const auto& item : list[i].items()) {
            count += actions.contains(item.key()) ? 1U : 0U;
        }
        if (count != 1) {
            faults.emplace_back(
                fmt::format("/steps/{}", i),
                fmt::format("a step has one action, not {}: upload, script, run, ansible, reboot or "
                            "wait-for",
                            count));
        }
    }
    const std::vector<Step> steps = parse_steps(options, folder);
    if (steps.empty() && faults.empty()) {
        faults.emplace_back(
            "", "nothing to do: provision needs one of upload, script, run, ansible, reboot and steps");
    }
    for (const Step& step : steps) {
        check_action(faults, step);
    }
    return faults;
}

}  // namespace imgforge::provision
