// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/provision/guest_shell.hpp"

#include <fmt/format.h>

#include "builder/base/error.hpp"

namespace imgforge::provision {
namespace {

constexpr std::size_t output_limit = 8U << 20U;
constexpr std::chrono::seconds probe_timeout{40};

/// `inner` by sh, as root.
std::string root_command(const std::string& inner) {
    const std::string quoted = shell_quote(inner);
    return fmt::format("if [ \"$(id -u)\" = 0 ]; then exec sh -c {0}; else exec sudo -n sh -c {0}; fi",
                       quoted);
}

}  // namespace

std::string step_command() {
    return "umask 077; d=$(mktemp -d /run/imgforge-step.XXXXXX) || exit 254; trap 'rm -rf \"$d\"' EXIT; "
           "cat >\"$d/step\" || exit 254; umask 022; sh \"$d/step\" </dev/null";
}

GuestShell::GuestShell(ProcessRunner& processes, lifecycle::SshTarget target)
    : processes_(&processes), target_(std::move(target)) {}

ProcessResult GuestShell::as_root(const std::string& inner, std::string input,
                                  std::chrono::milliseconds timeout, const LineSink& on_line) const {
    ProcessSpec spec{.program = "ssh", .args = lifecycle::ssh_arguments(target_, root_command(inner), true)};
    // A machine that vanished is noticed after a minute, long before the deadline of a long step.
    spec.args.insert(spec.args.begin(), {"-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=8"});
    spec.stdin_text = std::move(input);
    spec.timeout = timeout;
    spec.output_limit = output_limit;
    ProcessResult result = processes_->run(spec, on_line);
    if (result.outcome == ProcessResult::Outcome::not_found) {
        throw process_error(spec, result);
    }
    return result;
}

ProcessResult GuestShell::run(const std::string& script, std::chrono::milliseconds timeout,
                              const LineSink& on_line) const {
    return as_root(step_command(), script, timeout, on_line);
}

ProcessResult GuestShell::unpack(const std::string& archive, std::chrono::milliseconds timeout) const {
    // GNU tar would put a directory in the place of a link to one (/lib); busybox knows neither problem nor
    // option.
    return as_root(
        "keep=; if tar --help 2>&1 | grep -q -e --keep-directory-symlink; then "
        "keep=--keep-directory-symlink; fi; exec tar -x -p $keep -f - -C /",
        archive, timeout, {});
}

std::string GuestShell::boot_id(std::string& seen) const {
    const lifecycle::SshProbe probe =
        lifecycle::probe_ssh(*processes_, target_, "cat /proc/sys/kernel/random/boot_id", probe_timeout);
    seen = probe.seen;
    return probe.reached ? probe.output.substr(0, probe.output.find('\n')) : std::string();
}

}  // namespace imgforge::provision
