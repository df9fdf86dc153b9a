// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/lazy/nbdkit.hpp"

#include <signal.h>

#include <charconv>

#include <fmt/format.h>

#include "builder/base/clock.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/process_watch.hpp"

namespace imgforge::lifecycle {
namespace {

namespace fs = std::filesystem;

int read_pid(const fs::path& file) {
    const std::string text = fs::exists(file) ? read_file(file) : std::string();
    int pid = 0;
    std::from_chars(text.data(), text.data() + text.size(), pid);
    return pid;
}

/// The command line, with zeros between its words; empty without such a process.
std::string command_line(int pid) {
    const fs::path file = fmt::format("/proc/{}/cmdline", pid);
    std::error_code gone;
    if (pid <= 0 || !fs::exists(file, gone)) {
        return {};
    }
    try {
        return read_file(file);
    } catch (const Error&) {
        return {};  // it ended in this moment
    }
}

/// In the background, with the requests it sends in its log. `retry` opens the connection anew; the reads of
/// one boot are small and near to each other, which `readahead` turns into fewer requests.
std::vector<std::string> nbdkit_words(const LazyRoot& lazy, const fs::path& pid_file) {
    return {"-r",
            "-U",
            lazy.socket.string(),
            "-P",
            pid_file.string(),
            "--filter=readahead",
            "--filter=retry",
            "curl",
            "url=" + lazy.url,
            "timeout=30",
            "retries=4",
            "retry-delay=2"};
}

}  // namespace

bool nbdkit_runs(const MachineRecord& record) {
    const std::string line = command_line(record.lazy->pid);
    return line.find("nbdkit") != std::string::npos &&
           line.find(record.lazy->socket.string()) != std::string::npos;
}

void ensure_nbdkit(Lifecycle& lifecycle, MachineRecord& record) {
    if (nbdkit_runs(record)) {
        return;
    }
    const fs::path pid_file = record.lazy->socket.string() + ".pid";
    remove_tree(record.lazy->socket);
    remove_tree(pid_file);
    ProcessSpec start{.program = "nbdkit", .args = nbdkit_words(*record.lazy, pid_file)};
    start.timeout = std::chrono::minutes(1);
    const ProcessResult result = lifecycle.processes().run(start);
    if (result.outcome == ProcessResult::Outcome::not_found) {
        throw Error(Failure::host, "--lazy needs nbdkit, which is not installed", "apt install nbdkit");
    }
    if (!result.ok()) {
        throw Error(Failure::tool, fmt::format("nbdkit cannot serve {}: {}", record.lazy->url, result.err),
                    "is the whole disk there (`files: true` of the directory that is pushed to)?");
    }
    // QEMU of qemu:///system runs as a user of its own. What is served is as readable as any golden image.
    fs::permissions(record.lazy->socket, fs::perms(0666));
    // The parent ends a moment before its child writes the number.
    int pid = 0;
    wait_until(
        lifecycle.clock(), fmt::format("the process of nbdkit in {}", pid_file.string()),
        std::chrono::seconds(10), [&] { return (pid = read_pid(pid_file)) > 0; },
        [] { return std::string("the file has no number"); }, std::chrono::milliseconds(20));
    record.lazy->pid = pid;
}

void end_nbdkit(const MachineRecord& record) {
    if (!record.lazy) {
        return;
    }
    // First the pidfd, then the look at the command line: the number cannot come to mean another process.
    const auto nbdkit = ProcessWatch::open(record.lazy->pid);
    constexpr std::chrono::seconds polite{10};
    if (nbdkit && nbdkit_runs(record) && nbdkit->signal(SIGTERM) && !nbdkit->ended_within(polite)) {
        static_cast<void>(nbdkit->signal(SIGKILL));  // it waits for a server that does not answer
    }
}

}  // namespace imgforge::lifecycle
