// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/provision/testinfra.hpp"

#include <algorithm>
#include <pugixml.hpp>

#include <fmt/format.h>

#include "builder/base/error.hpp"

namespace fs = std::filesystem;

namespace imgforge::provision {
namespace {

/// Debian's pytest has its own Python; one of a virtual environment in PATH may lack testinfra.
constexpr const char* python = "/usr/bin/python3";

bool has_testinfra(const std::vector<Check>& checks) {
    return std::any_of(checks.begin(), checks.end(),
                       [](const Check& check) { return std::holds_alternative<TestinfraCheck>(check.what); });
}

/// "test_nginx[ssh://imgforge-clone]" -> "test_nginx": which clone it was is said elsewhere.
std::string test_name(std::string name) {
    const std::size_t bracket = name.find("[ssh://");
    if (bracket != std::string::npos) {
        const std::size_t end = name.find_first_of("]-", bracket);
        const bool more = end != std::string::npos && name[end] == '-';
        name = name.substr(0, bracket) + (more ? "[" + name.substr(end + 1) : "");
    }
    return name;
}

}  // namespace

void require_testinfra(const std::vector<Check>& checks, ProcessRunner& processes) {
    if (!has_testinfra(checks)) {
        return;
    }
    const ProcessResult found = processes.run(
        {.program = python, .args = {"-c", "import pytest, testinfra"}, .timeout = std::chrono::seconds(60)});
    if (!found.ok()) {
        throw Error(Failure::host, "verify has testinfra files, and testinfra is not installed",
                    "install it on this host: apt-get install python3-testinfra (Debian, Ubuntu)");
    }
}

std::string testinfra_ssh_config(const lifecycle::SshTarget& target) {
    std::string text = fmt::format(
        "Host {}\n    HostName {}\n    Port {}\n    User {}\n    IdentityFile \"{}\"\n    IdentitiesOnly "
        "yes\n"
        "    UserKnownHostsFile \"{}\"\n    GlobalKnownHostsFile /dev/null\n    HostKeyAlias {}\n"
        "    StrictHostKeyChecking yes\n    BatchMode yes\n    ConnectTimeout 20\n    LogLevel ERROR\n",
        target.machine, target.host, target.port, target.user, target.identity.string(),
        target.known_hosts.string(), target.machine);
    if (!target.jump.empty()) {
        text += fmt::format("    ProxyJump {}\n", target.jump);
    }
    return text;
}

ProcessSpec testinfra_command(const fs::path& file, const lifecycle::SshTarget& target,
                              const fs::path& ssh_config, const fs::path& junit) {
    ProcessSpec spec{.program = python,
                     .args = {"-m", "pytest", "-p", "no:cacheprovider", "--hosts=ssh://" + target.machine,
                              "--ssh-config=" + ssh_config.string(), "--junit-xml=" + junit.string()}};
    if (target.user != "root") {
        spec.args.emplace_back("--sudo");
    }
    spec.args.push_back(file.string());
    spec.cwd = file.parent_path();
    spec.env = {{"PYTHONDONTWRITEBYTECODE", "1"}};
    return spec;
}

std::vector<CheckResult> testinfra_results(const std::string& junit, const std::string& prefix) {
    pugi::xml_document document;
    const pugi::xml_parse_result parsed = document.load_buffer(junit.data(), junit.size());
    if (!parsed || !document.select_node("//testsuite")) {
        throw Error(Failure::tool,
                    fmt::format("pytest's result file cannot be read: {}", parsed.description()));
    }
    std::vector<CheckResult> results;
    for (const pugi::xpath_node& node : document.select_nodes("//testcase")) {
        const pugi::xml_node test = node.node();
        CheckResult result{.name = prefix + ": " + test_name(test.attribute("name").as_string()),
                           .ok = true,
                           .seconds = test.attribute("time").as_double()};
        for (const char* const bad : {"failure", "error"}) {
            if (const pugi::xml_node fault = test.child(bad)) {
                result.ok = false;
                const std::string text = fault.text().as_string();
                result.output += text.empty() ? fault.attribute("message").as_string() : text;
            }
        }
        if (const pugi::xml_node skipped = test.child("skipped")) {
            result.output = fmt::format("skipped: {}", skipped.attribute("message").as_string());
        }
        results.push_back(std::move(result));
    }
    return results;
}

}  // namespace imgforge::provision
