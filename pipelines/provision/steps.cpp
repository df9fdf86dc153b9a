// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/provision/steps.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "builder/base/clock.hpp"

namespace fs = std::filesystem;

namespace imgforge::provision {
namespace {

constexpr std::array action_keys = {"run", "script", "upload", "ansible", "reboot", "wait-for"};
constexpr std::chrono::minutes default_timeout{30};
constexpr std::chrono::minutes reboot_timeout{15};
constexpr std::chrono::minutes wait_timeout{5};
constexpr std::size_t name_length = 60;

bool is_action(const std::string& key) {
    return std::find(action_keys.begin(), action_keys.end(), key) != action_keys.end();
}

/// A list as it stands, anything else as a list of one.
Json as_list(const Json& value) {
    return value.is_array() ? value : Json::array({value});
}

std::vector<std::string> texts(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found == object.end() ? std::vector<std::string>()
                                 : as_list(*found).get<std::vector<std::string>>();
}

std::string shortened(std::string text) {
    text = text.substr(0, text.find('\n'));
    return text.size() <= name_length ? text : text.substr(0, name_length - 3) + "...";
}

fs::path host_path(const fs::path& folder, const std::string& name) {
    return (folder / name).lexically_normal();
}

ScriptStep script_of(const Json& value, const fs::path& folder) {
    if (value.is_string()) {
        return {.file = host_path(folder, value)};
    }
    return {.file = host_path(folder, value.value("file", "")), .args = texts(value, "args")};
}

UploadStep upload_of(const Json& value, const fs::path& folder) {
    UploadStep step;
    for (const auto& [host, guest] : value.items()) {
        step.files.emplace_back(host_path(folder, host), guest.get<std::string>());
    }
    return step;
}

AnsibleStep ansible_of(const Json& value, const fs::path& folder) {
    if (value.is_string()) {
        return {.playbook = host_path(folder, value)};
    }
    AnsibleStep step{.playbook = host_path(folder, value.value("playbook", "")),
                     .extra_vars = value.value("extra-vars", Json::object()),
                     .arguments = texts(value, "args")};
    if (value.contains("requirements")) {
        step.requirements = host_path(folder, value["requirements"]);
    }
    for (const std::string& name : texts(value, "uses")) {
        step.uses.push_back(host_path(folder, name));
    }
    return step;
}

WaitStep wait_of(const Json& value) {
    if (value.is_number_integer()) {
        return {.kind = WaitStep::Kind::port, .value = value.dump()};
    }
    constexpr std::array kinds = {
        std::pair("port", WaitStep::Kind::port), std::pair("file", WaitStep::Kind::file),
        std::pair("service", WaitStep::Kind::service), std::pair("command", WaitStep::Kind::command)};
    for (const auto& [key, kind] : kinds) {
        if (const auto found = value.find(key); found != value.end()) {
            return {.kind = kind, .value = found->is_string() ? found->get<std::string>() : found->dump()};
        }
    }
    return {};
}

/// The actions of one key: a list of scripts or playbooks is several.
std::vector<Action> actions_of(const std::string& key, const Json& value, const fs::path& folder) {
    std::vector<Action> list;
    if (key == "run") {
        list.emplace_back(RunStep{as_list(value).get<std::vector<std::string>>()});
    } else if (key == "upload") {
        list.emplace_back(upload_of(value, folder));
    } else if (key == "reboot") {
        if (value != Json(false)) {
            list.emplace_back(RebootStep{});
        }
    } else {
        for (const Json& one : as_list(value)) {
            if (key == "script") {
                list.emplace_back(script_of(one, folder));
            } else if (key == "ansible") {
                list.emplace_back(ansible_of(one, folder));
            } else {
                list.emplace_back(wait_of(one));
            }
        }
    }
    return list;
}

struct Describe {
    std::string operator()(const RunStep& step) const {
        return step.lines.size() == 1 ? "run " + shortened(step.lines.front())
                                      : fmt::format("run {} commands", step.lines.size());
    }
    std::string operator()(const ScriptStep& step) const { return "script " + step.file.filename().string(); }
    std::string operator()(const UploadStep& step) const {
        return step.files.size() == 1 ? "upload " + step.files.front().second
                                      : fmt::format("upload {} files", step.files.size());
    }
    std::string operator()(const AnsibleStep& step) const {
        return "ansible " + step.playbook.filename().string();
    }
    std::string operator()(const RebootStep& /*step*/) const { return "reboot"; }
    std::string operator()(const WaitStep& step) const {
        switch (step.kind) {
            case WaitStep::Kind::port: return "wait for port " + step.value;
            case WaitStep::Kind::file: return "wait for " + step.value;
            case WaitStep::Kind::service: return "wait for service " + step.value;
            case WaitStep::Kind::command: return "wait for " + shortened(step.value);
        }
        return "wait";
    }
};

std::chrono::seconds timeout_of(const Action& action, const Json& written) {
    if (written.is_object() && written.contains("timeout") && written["timeout"].is_string()) {
        return parse_duration(written["timeout"].get<std::string>());
    }
    return std::holds_alternative<RebootStep>(action) ? reboot_timeout
           : std::holds_alternative<WaitStep>(action) ? wait_timeout
                                                      : default_timeout;
}

/// Adds the steps of one key. `modifiers` has name, env and timeout: the list's entry, or for a key of the
/// stage the value itself.
void add_steps(std::vector<Step>& steps, const std::string& key, const Json& value, const Json& modifiers,
               const Variables& env, const std::string& pointer, const fs::path& folder) {
    const auto own = [](const Json& from, const char* name) {
        return from.is_object() && from.contains(name) ? from[name] : Json();
    };
    const std::vector<Action> actions = actions_of(key, value, folder);
    for (std::size_t i = 0; i < actions.size(); ++i) {
        const Json one = value.is_array() && key != "run" ? value[i] : value;
        Step step{.name = std::visit(Describe{}, actions[i]), .action = actions[i], .env = env};
        for (const Json& from : {modifiers, one}) {
            if (const Json name = own(from, "name"); name.is_string()) {
                step.name = name;
            }
            if (key != "upload") {  // whose keys are files
                const Variables more = variables_of(own(from, "env"));
                step.env.insert(step.env.end(), more.begin(), more.end());
            }
        }
        step.timeout = timeout_of(actions[i], own(modifiers, "timeout").is_null() ? one : modifiers);
        step.pointer = pointer;
        steps.push_back(std::move(step));
    }
}

}  // namespace

std::string_view key_of(const Action& action) {
    return action_keys.at(action.index());
}

Variables variables_of(const Json& env) {
    Variables list;
    if (env.is_object()) {
        for (const auto& [name, value] : env.items()) {
            list.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
        }
    }
    return list;
}

std::vector<Step> parse_steps(const Json& options, const fs::path& folder) {
    std::vector<Step> steps;
    const Variables env = variables_of(options.value("env", Json::object()));
    for (const auto& [key, value] : options.items()) {
        if (is_action(key)) {
            add_steps(steps, key, value, Json(), env, "/" + key, folder);
        }
    }
    const Json list = options.value("steps", Json::array());
    for (std::size_t i = 0; i < list.size(); ++i) {
        for (const auto& [key, value] : list[i].items()) {
            if (is_action(key)) {
                add_steps(steps, key, value, list[i], env, fmt::format("/steps/{}", i), folder);
            }
        }
    }
    return steps;
}

Json steps_identity(const std::vector<Step>& steps) {
    Json list = Json::array();
    for (const Step& step : steps) {
        Json one = Json::array({std::string(key_of(step.action)), step.env});
        if (const auto* const run = std::get_if<RunStep>(&step.action)) {
            one.push_back(run->lines);
        } else if (const auto* const script = std::get_if<ScriptStep>(&step.action)) {
            one.push_back(script->args);
        } else if (const auto* const upload = std::get_if<UploadStep>(&step.action)) {
            for (const auto& [host, guest] : upload->files) {
                one.push_back(guest);
            }
        } else if (const auto* const ansible = std::get_if<AnsibleStep>(&step.action)) {
            one.push_back(parse_json(canonical(ansible->extra_vars), "extra-vars"));
            one.push_back(ansible->arguments);
        } else if (const auto* const wait = std::get_if<WaitStep>(&step.action)) {
            one.push_back(wait->value);
        }
        list.push_back(std::move(one));
    }
    return list;
}

std::vector<std::pair<std::string, fs::path>> step_files(const std::vector<Step>& steps) {
    // What ansible-playbook looks for beside a playbook (Ansible's "Sample directory layout").
    constexpr std::array beside = {"ansible.cfg", "collections", "files",     "filter_plugins",
                                   "group_vars",  "handlers",    "host_vars", "library",
                                   "roles",       "tasks",       "templates", "vars"};
    std::vector<std::pair<std::string, fs::path>> files;
    for (const Step& step : steps) {
        if (const auto* const script = std::get_if<ScriptStep>(&step.action)) {
            files.emplace_back("script", script->file);
        } else if (const auto* const upload = std::get_if<UploadStep>(&step.action)) {
            for (const auto& [host, guest] : upload->files) {
                files.emplace_back(guest, host);
            }
        } else if (const auto* const ansible = std::get_if<AnsibleStep>(&step.action)) {
            files.emplace_back("playbook", ansible->playbook);
            if (!ansible->requirements.empty()) {
                files.emplace_back("requirements", ansible->requirements);
            }
            for (const fs::path& path : ansible->uses) {
                files.emplace_back("playbook uses", path);
            }
            for (const char* const name : beside) {
                std::error_code code;
                if (const fs::path path = ansible->playbook.parent_path() / name; fs::exists(path, code)) {
                    files.emplace_back(fmt::format("playbook {}", name), path);
                }
            }
        }
    }
    return files;
}

}  // namespace imgforge::provision
