// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/ssh_access.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <sstream>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "pipelines/lifecycle/tcp_connect.hpp"

namespace imgforge::lifecycle {
namespace {

std::string last_line(const std::string& text) {
    std::string last;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (!line.empty()) {
            last = line;
        }
    }
    return last.empty() ? "no message" : last;
}

}  // namespace

std::vector<std::string> ssh_arguments(const SshTarget& target, const std::string& command, bool batch) {
    std::vector<std::string> args = {
        "-F", "/dev/null",  // the caller's own configuration must not redirect or forward anything
        "-i", target.identity.string(),
        "-o", "IdentitiesOnly=yes",
        "-o", "UserKnownHostsFile=" + target.known_hosts.string(),
        "-o", "GlobalKnownHostsFile=/dev/null",
        "-o", "HostKeyAlias=" + target.machine,
        "-o", "StrictHostKeyChecking=yes",
        "-o", "PasswordAuthentication=no",
        "-p", std::to_string(target.port),
    };
    if (batch) {
        for (const char* option : {"BatchMode=yes", "ConnectTimeout=10", "LogLevel=ERROR"}) {
            args.insert(args.end(), {"-o", option});
        }
    }
    if (!target.jump.empty()) {
        args.insert(args.end(), {"-J", target.jump});
    }
    args.push_back(fmt::format("{}@{}", target.user, target.host));
    if (!command.empty()) {
        args.push_back(command);
    }
    return args;
}

std::string ssh_paste_line(const SshTarget& target) {
    ProcessSpec spec{.program = "ssh"};
    spec.args = {"-i", target.identity.string(),
                 "-o", "UserKnownHostsFile=" + target.known_hosts.string(),
                 "-o", "HostKeyAlias=" + target.machine};
    if (target.port != 22) {
        spec.args.insert(spec.args.end(), {"-p", std::to_string(target.port)});
    }
    if (!target.jump.empty()) {
        spec.args.insert(spec.args.end(), {"-J", target.jump});
    }
    spec.args.push_back(fmt::format("{}@{}", target.user, target.host));
    return paste_line(spec);
}

std::string known_hosts_line(const std::string& machine, const std::string& public_key) {
    const std::size_t blob = public_key.find(' ');
    const std::size_t comment = blob == std::string::npos ? blob : public_key.find(' ', blob + 1);
    return fmt::format("{} {}\n", machine, public_key.substr(0, comment));
}

std::string read_banner(const std::string& host, std::uint16_t port, std::chrono::milliseconds timeout,
                        std::string& seen) {
    const Deadline deadline = std::chrono::steady_clock::now() + timeout;
    const TcpAttempt attempt = connect_tcp(host, port, deadline);
    if (!attempt.is_address) {
        seen = fmt::format("'{}' is not an address", host);
        return {};
    }
    if (!attempt.fd) {
        seen = fmt::format("{} port {}: {}", host, port, errno_text(attempt.error));
        return {};
    }
    const Fd& fd = attempt.fd;
    std::string line;
    std::array<char, 256> buffer{};
    while (line.find('\n') == std::string::npos && line.size() < buffer.size() &&
           wait_for_events(fd.get(), POLLIN, deadline)) {
        const ssize_t count = recv(fd.get(), buffer.data(), buffer.size(), 0);
        if (count <= 0) {
            break;
        }
        line.append(buffer.data(), static_cast<std::size_t>(count));
    }
    line = line.substr(0, line.find_first_of("\r\n"));
    // QEMU's user network accepts at once and only then asks the guest: an open port without a banner is a
    // guest still booting.
    seen = line.empty() ? fmt::format("port {} is open, no SSH banner yet", port) : line;
    return line;
}

SshProbe probe_ssh(ProcessRunner& processes, const SshTarget& target, const std::string& command,
                   std::chrono::milliseconds timeout) {
    SshProbe probe;
    if (target.jump.empty()) {
        const auto banner_timeout = std::min(timeout, std::chrono::milliseconds(5000));
        if (read_banner(target.host, target.port, banner_timeout, probe.seen).rfind("SSH-", 0) != 0) {
            return probe;
        }
    }
    ProcessSpec spec{.program = "ssh", .args = ssh_arguments(target, command, true)};
    spec.timeout = timeout;
    const ProcessResult result = processes.run(spec);
    if (result.outcome == ProcessResult::Outcome::not_found) {
        throw process_error(spec, result);
    }
    probe.reached = result.ok();
    probe.output = result.out;
    if (!probe.reached) {
        const std::string before = probe.seen.empty() ? "" : probe.seen + ", then: ";
        probe.seen = before + (result.outcome == ProcessResult::Outcome::timed_out ? "no answer to the login"
                                                                                   : last_line(result.err));
    }
    return probe;
}

}  // namespace imgforge::lifecycle
