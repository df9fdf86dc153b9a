// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/provision/guest_script.hpp"

#include <charconv>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/base64.hpp"
#include "builder/base/process.hpp"
#include "pipelines/compose/references.hpp"

namespace imgforge::provision {
namespace {

std::string exports(const Variables& env, const SecretSource& secret) {
    // A guest's locale may not exist yet: programs that warn of it fill the log.
    std::string text = "export LC_ALL=C DEBIAN_FRONTEND=noninteractive\n";
    for (const auto& [name, value] : env) {
        text += fmt::format("export {}={}\n", name, shell_quote(compose::with_secrets(value, secret)));
    }
    return text;
}

/// The line with shell variables for its secrets, which are added to `exports`.
std::string with_secret_variables(const std::string& line, std::set<std::string>& used) {
    return compose::with_secrets(line, [&](const std::string& name) {
        used.insert(name);
        return "${" + compose::secret_variable(name) + "}";
    });
}

std::string secret_exports(const std::set<std::string>& used, const SecretSource& secret) {
    std::string text;
    for (const std::string& name : used) {
        text += fmt::format("export {}={}\n", compose::secret_variable(name), shell_quote(secret(name)));
    }
    return text;
}

/// "#!/usr/bin/env python3 -u" -> {"/usr/bin/env", "python3", "-u"}; sh without one. The kernel gives all
/// that follows the interpreter as one argument; env(1) splits no more than that either, so blanks are kept
/// to one split here.
std::vector<std::string> interpreter_of(std::string_view content) {
    if (!content.starts_with("#!")) {
        return {"sh"};
    }
    std::string line(content.substr(2, std::min(content.find('\n'), content.size()) - 2));
    const auto blank = " \t\r";
    const std::size_t begin = line.find_first_not_of(blank);
    if (begin == std::string::npos) {
        return {"sh"};
    }
    line = line.substr(begin, line.find_last_not_of(blank) - begin + 1);
    const std::size_t end = line.find_first_of(blank);
    if (end == std::string::npos) {
        return {line};
    }
    return {line.substr(0, end), line.substr(line.find_first_not_of(blank, end))};
}

}  // namespace

std::string run_script(const RunStep& step, const Variables& env, const SecretSource& secret) {
    std::set<std::string> used;
    std::string lines;
    for (std::size_t i = 0; i < step.lines.size(); ++i) {
        lines +=
            fmt::format("sh -c {} || {{ code=$?; echo '{}{}' >&2; exit $code; }}\n",
                        shell_quote(with_secret_variables(step.lines[i], used)), failed_line_mark, i + 1);
    }
    return "cd /\n" + exports(env, secret) + secret_exports(used, secret) + lines;
}

std::string script_script(const ScriptStep& step, std::string_view content, const Variables& env,
                          const SecretSource& secret) {
    std::string command;
    for (const std::string& word : interpreter_of(content)) {
        command += shell_quote(word) + " ";
    }
    command += "\"$imgforge_script\"";
    for (const std::string& argument : step.args) {
        command += " " + shell_quote(compose::with_secrets(argument, secret));
    }
    // Beside the step itself, in memory. It is started through its interpreter: /run is mounted noexec.
    return fmt::format(
        "cd /\n{}imgforge_script=${{0%/*}}/{}\nbase64 -d >\"$imgforge_script\" <<'IMGFORGE_END'\n{}\n"
        "IMGFORGE_END\nexec {}\n",
        exports(env, secret), shell_quote(step.file.filename().string()), base64_encode(content), command);
}

std::string wait_script(const WaitStep& step, const Variables& env, const SecretSource& secret) {
    switch (step.kind) {
        case WaitStep::Kind::port: {
            unsigned port = 0;
            std::from_chars(step.value.data(), step.value.data() + step.value.size(), port);
            return listens_line(port) + "\n";
        }
        case WaitStep::Kind::file: return fmt::format("test -e {}\n", shell_quote(step.value));
        case WaitStep::Kind::service: return active_line(step.value) + "\n";
        case WaitStep::Kind::command: return run_script({{step.value}}, env, secret);
    }
    return {};
}

std::optional<std::size_t> failed_line(std::string_view line) {
    if (!line.starts_with(failed_line_mark)) {
        return std::nullopt;
    }
    line.remove_prefix(failed_line_mark.size());
    std::size_t number = 0;
    const auto [end, fault] = std::from_chars(line.data(), line.data() + line.size(), number);
    return fault == std::errc() && number > 0 ? std::optional(number) : std::nullopt;
}

Json with_secrets_in(const Json& value, const SecretSource& secret) {
    if (value.is_string()) {
        return compose::with_secrets(value.get<std::string>(), secret);
    }
    if (!value.is_structured()) {
        return value;
    }
    Json filled = value.is_array() ? Json::array() : Json::object();
    for (const auto& item : value.items()) {
        if (value.is_array()) {
            filled.push_back(with_secrets_in(item.value(), secret));
        } else {
            filled[compose::with_secrets(item.key(), secret)] = with_secrets_in(item.value(), secret);
        }
    }
    return filled;
}

std::string listens_line(unsigned port) {
    // Fourth field 0A is LISTEN; the second ends with the port in hexadecimal (proc(5)).
    return fmt::format(
        "cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | "
        "awk '$4 == \"0A\" && $2 ~ /:{:04X}$/ {{found = 1}} END {{exit !found}}'",
        port);
}

std::string active_line(const std::string& service) {
    const std::string name = shell_quote(service);
    return fmt::format(
        "if [ -d /run/systemd/system ]; then systemctl is-active {0}; else rc-service {0} status; fi", name);
}

}  // namespace imgforge::provision
