// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "builder/base/clock.hpp"
#include "builder/base/file.hpp"
#include "builder/base/process.hpp"

namespace imgforge::test {

/// A second libvirt daemon on a socket of its own, with files, network and processes of its own; gone with
/// everything that runs on it when this object goes.
class OtherHost {
public:
    explicit OtherHost(std::filesystem::path folder) : folder_(std::move(folder)) {
        std::filesystem::create_directories(folder_ / "pool");
        pid_ = ::fork();
        if (pid_ == 0) {
            ::execlp("unshare", "unshare", "--mount", "--net", "--pid", "--fork", "--kill-child",
                     "--mount-proc", SECOND_LIBVIRTD, folder_.c_str(), nullptr);
            ::_exit(127);
        }
    }
    ~OtherHost() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    OtherHost(const OtherHost&) = delete;
    OtherHost& operator=(const OtherHost&) = delete;

    /// Whether this process may make the namespaces.
    static bool possible() {
        SystemProcessRunner runner;
        return runner
            .run({.program = "unshare",
                  .args = {"--mount", "--net", "--pid", "--fork", "--mount-proc", "true"},
                  .timeout = std::chrono::seconds(20)})
            .ok();
    }

    /// Until it answers.
    void wait(Clock& clock) const {
        wait_until(
            clock, "second libvirtd", std::chrono::seconds(60),
            [&] { return virsh({"uri"}).find("error") == std::string::npos; }, [&] { return log(); });
    }
    /// A pool of directory files on it.
    void make_pool(const std::string& name) const {
        virsh({"pool-define-as", name, "dir", "--target", pool().string()});
        virsh({"pool-start", name});
    }

    std::filesystem::path socket() const { return folder_ / "sock" / "libvirt-sock"; }
    std::string uri() const { return "qemu+unix:///system?socket=" + socket().string(); }
    std::filesystem::path pool() const { return folder_ / "pool"; }

    std::string virsh(std::vector<std::string> words) const {
        words.insert(words.begin(), {"-q", "-c", uri()});
        SystemProcessRunner runner;
        const ProcessResult result =
            runner.run({.program = "virsh", .args = words, .timeout = std::chrono::seconds(60)});
        return result.out + result.err;
    }

    /// What a failing libvirtd had to say.
    std::string log() const {
        return std::filesystem::exists(folder_ / "libvirtd.log") ? read_file(folder_ / "libvirtd.log") : "";
    }

private:
    std::filesystem::path folder_;
    pid_t pid_ = -1;
};

}  // namespace imgforge::test
