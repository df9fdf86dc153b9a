// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/target_script.hpp"

#include <fmt/format.h>

#include "builder/base/process.hpp"

namespace imgforge::seeds {
namespace {

constexpr std::string_view failure_file = "/root/imgforge-failed";

/// A here-document keeps hashes and keys out of process lists and free of quoting.
std::string here(std::string_view command, const std::string& text) {
    return fmt::format("{} <<'IMGFORGE_END'\n{}\nIMGFORGE_END\n", command, text);
}

std::string keys_for(const std::string& owner, const std::string& home,
                     const std::vector<std::string>& keys) {
    if (keys.empty()) {
        return {};
    }
    std::string lines;
    for (const std::string& key : keys) {
        lines += (lines.empty() ? "" : "\n") + key;
    }
    return fmt::format("mkdir -p {0}/.ssh && chmod 0700 {0}/.ssh\n", home) +
           here(fmt::format("cat > {}/.ssh/authorized_keys", home), lines) +
           fmt::format("chmod 0600 {1}/.ssh/authorized_keys && chown -R {0}: {1}/.ssh\n", owner, home);
}

std::string user_lines(const AnswerUser& user) {
    const std::string full = shell_quote(user.full_name);
    // Alpine has adduser of busybox only. A locked password there would also lock out SSH keys, so it becomes
    // '*'.
    std::string out = fmt::format(
        "if ! id -u {0} >/dev/null 2>&1; then\n"
        "  if command -v useradd >/dev/null; then useradd -m -s /bin/bash -c {1} {0}; else adduser -D -g {1} "
        "{0}; fi\n"
        "fi\n",
        user.name, full);
    out += here("chpasswd -e", user.name + ":" + (user.password_hash.empty() ? "*" : user.password_hash));
    for (const std::string& group : user.groups) {
        out += fmt::format(
            "grep -q '^{1}:' /etc/group || groupadd {1} 2>/dev/null || addgroup {1}\n"
            "if command -v usermod >/dev/null; then usermod -a -G {1} {0}; else addgroup {0} {1}; fi\n",
            user.name, group);
    }
    if (user.sudo) {
        out += "mkdir -p /etc/sudoers.d && chmod 0750 /etc/sudoers.d\n" +
               here(fmt::format("cat > /etc/sudoers.d/90-imgforge-{}", user.name),
                    user.name + " ALL=(ALL) NOPASSWD:ALL") +
               fmt::format("chmod 0440 /etc/sudoers.d/90-imgforge-{}\n", user.name);
    }
    return out + keys_for(user.name, "/home/" + user.name, user.ssh_keys);
}

}  // namespace

std::string target_script(const Answers& answers) {
    std::string out;
    for (const AnswerUser& user : answers.users) {
        out += user_lines(user);
    }
    out += keys_for("root", "/root", answers.root_ssh_keys);
    for (std::size_t i = 0; i < answers.post.size(); ++i) {
        const std::string title = fmt::format("post command {} of {}", i + 1, answers.post.size());
        out += fmt::format("imgforge_step={0}; echo \"imgforge: $imgforge_step\"\n{1}\n", shell_quote(title),
                           answers.post[i]);
    }
    if (out.empty()) {
        return out;
    }
    // What went wrong is left where the installer's own script finds it: the console cannot be reached from
    // inside everywhere.
    return fmt::format(
               "#!/bin/sh\nset -e\numask 022\nimgforge_step='users and keys'\n"
               "trap 'imgforge_code=$?; [ $imgforge_code = 0 ] || echo \"$imgforge_step, exit code "
               "$imgforge_code\" > {}' EXIT\n",
               failure_file) +
           out;
}

std::string failure_report(const AnswerFacts& facts, const std::string& root, std::string_view log) {
    return fmt::format(
        "echo \"IMGFORGE-RESULT: failed, $(cat {0}{1} 2>/dev/null || echo see the {2})\" > /dev/{3}", root,
        failure_file, log, facts.console);
}

std::string marker_script(const AnswerFacts& facts, const std::string& root) {
    const std::string line = marker_line(facts.nonce);
    return fmt::format("mkdir -p {0}/var/lib\necho '{1}' > {0}{2}\nsync\necho '{1}' > /dev/{3}\n", root, line,
                       result_file, facts.console);
}

std::string host_name(const Answers& answers) {
    return answers.hostname.empty() ? "localhost" : answers.hostname;
}

std::string full_name(const Answers& answers) {
    return answers.domain.empty() ? host_name(answers) : host_name(answers) + "." + answers.domain;
}

bool is_offline(const Answers& answers, const AnswerFacts& facts) {
    return answers.offline.value_or(facts.offline && answers.mirror.empty());
}

std::string install_disk(const Answers& answers, const AnswerFacts& facts) {
    return answers.disk.device.empty() ? facts.disk : answers.disk.device;
}

bool is_release(const AnswerFacts& facts, std::string_view release) {
    return facts.version == release || facts.version.starts_with(std::string(release) + ".");
}

}  // namespace imgforge::seeds
