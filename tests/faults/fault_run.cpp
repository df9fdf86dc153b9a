// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/faults/fault_run.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"

namespace fs = std::filesystem;

namespace imgforge::test {
namespace {

// Far more than any of the short operations takes, on a loaded machine too.
constexpr auto run_timeout = std::chrono::seconds(120);

[[noreturn]] void become(const std::vector<std::string>& argv,
                         const std::map<std::string, std::string>& environment, int output) {
    ::setpgid(0, 0);
    ::dup2(output, 1);
    ::dup2(output, 2);
    for (const auto& [name, value] : environment) {
        ::setenv(name.c_str(), value.c_str(), 1);
    }
    ::setenv("IMGFORGE_FAULT_VICTIM", std::to_string(::getpid()).c_str(), 1);
    std::vector<char*> words;
    for (const std::string& word : argv) {
        words.push_back(const_cast<char*>(word.c_str()));
    }
    words.push_back(nullptr);
    ::execv(words[0], words.data());
    ::_exit(127);
}

/// Exit code or negated signal; ends the whole group when it hangs, and what a killed program has left
/// running in any case.
int wait_for(pid_t child) {
    const auto deadline = std::chrono::steady_clock::now() + run_timeout;
    int status = 0;
    bool hangs = false;
    while (::waitpid(child, &status, WNOHANG) == 0) {
        if (!hangs && std::chrono::steady_clock::now() > deadline) {
            hangs = true;
            ::kill(-child, SIGKILL);
        }
        ::usleep(2000);
    }
    ::kill(-child, SIGKILL);
    return hangs ? -1000 : WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

FaultResult run_with_fault(const std::vector<std::string>& argv, const fs::path& folder, const Fault& fault,
                           const std::map<std::string, std::string>& environment, const fs::path& log) {
    const TempDir work("imgforge-fault");
    write_file_atomically(work / "calls", std::string(sizeof(std::uint64_t), '\0'));
    std::map<std::string, std::string> values = environment;
    values["LD_PRELOAD"] = FAULT_SHIM;
    values["IMGFORGE_FAULT_BELOW"] = folder.string();
    values["IMGFORGE_FAULT_COUNTER"] = (work / "calls").string();
    if (!log.empty()) {
        values["IMGFORGE_FAULT_LOG"] = log.string();
    }
    if (!fault.what.empty()) {
        values["IMGFORGE_FAULT_WHAT"] = fault.what;
        values["IMGFORGE_FAULT_AT"] = std::to_string(fault.at);
        values["IMGFORGE_FAULT_UNTIL"] = fault.from_then_on ? "0" : std::to_string(fault.at);
    }
    const Fd output = open_fd(work / "output", O_RDWR | O_CREAT);
    const pid_t child = ::fork();
    if (child == 0) {
        become(argv, values, output.get());
    }
    if (child < 0) {
        throw system_error("fork", argv.at(0), errno);
    }
    FaultResult result;
    result.code = wait_for(child);
    result.out = read_file(work / "output");
    const std::string calls = read_file(work / "calls");
    std::copy_n(calls.begin(), sizeof result.calls, reinterpret_cast<char*>(&result.calls));
    return result;
}

}  // namespace imgforge::test
