// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <optional>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/process.hpp"
#include "builder/base/temp_dir.hpp"
#include "pipelines/lifecycle/cleanup.hpp"
#include "pipelines/lifecycle/lifecycle.hpp"
#include "pipelines/lifecycle/spawn.hpp"
#include "pipelines/store/publish.hpp"
#include "tests/support/disk_maker.hpp"
#include "tests/support/require.hpp"

namespace imgforge::test {

/// A home with a golden image of random bytes: machines of it never get beyond their firmware, which is all
/// these tests need.
class MachineHome {
public:
    MachineHome() {
        places.create();
        make_disk(processes, folder / "disk.qcow2", {.data_mib = 1, .virtual_mib = 8});
        StateDb database(places.state_db());
        store::Store store(places, database, clock);
        store::publish(store, processes, {.image = "tiny", .disk = folder / "disk.qcow2"}, monitor);
        store.promote("tiny", 1);
    }

    /// As a command of its own would open it.
    lifecycle::Lifecycle open(const std::string& connection = "embedded") {
        return lifecycle::Lifecycle({.places = places,
                                     .settings = settings,
                                     .processes = &processes,
                                     .clock = &clock,
                                     .monitor = &monitor,
                                     .connection = connection});
    }

    /// `body` in a process of its own; 0 when it returned, 3 for a domain error, 1 for any other.
    static pid_t in_process(const std::function<void()>& body) {
        const pid_t child = ::fork();
        if (child != 0) {
            return child;
        }
        int code = 0;
        try {
            body();
        } catch (const Error& error) {
            code = error.kind() == Failure::domain ? 3 : 1;
            if (code == 1) {
                fmt::print(stderr, "{}\n", error.describe());
            }
        } catch (const std::exception& error) {
            fmt::print(stderr, "{}\n", error.what());
            code = 1;
        }
        ::_exit(code);
    }

    /// Exit code of a child, -1 when a signal ended it.
    static int exit_code(pid_t child) {
        int status = 0;
        ::waitpid(child, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

    /// Processes whose command line names this home.
    std::vector<std::string> processes_left() const {
        std::vector<std::string> found;
        std::error_code gone;
        for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
            const auto file = entry.path() / "cmdline";
            if (entry.path().filename() == std::to_string(::getpid()) ||
                !std::filesystem::exists(file, gone)) {
                continue;
            }
            try {
                const std::string line = read_file(file);
                if (line.find(folder.path().string()) != std::string::npos) {
                    found.push_back(line.substr(0, line.find('\0')));
                }
            } catch (const Error&) {
                // it ended meanwhile
            }
        }
        return found;
    }

    /// What lies in instances/ apart from the lock.
    std::vector<std::string> folders() const {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(places.instances())) {
            if (entry.path().filename() != ".lock") {
                names.push_back(entry.path().filename().string());
            }
        }
        return names;
    }

    TempDir folder{"imgforge-machines", "/var/tmp"};
    Places places{folder / "home"};
    Settings settings{.acceleration = AccelerationSetting::tcg};
    SystemProcessRunner processes;
    SystemClock clock;
    NullMonitor monitor;
};

/// A test on a MachineHome; skipped where QEMU is missing.
class MachineTest : public testing::Test {
protected:
    void SetUp() override {
        for (const char* const program : {"qemu-system-x86_64", "qemu-img"}) {
            if (!find_program(program)) {
                IMGFORGE_SKIP("tools", fmt::format("{} is not installed", program));
            }
        }
        home_.emplace();
    }

    std::optional<MachineHome> home_;
};

}  // namespace imgforge::test
