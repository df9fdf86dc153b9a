// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "pipelines/lifecycle/spool.hpp"

namespace imgforge::lifecycle {

/// Machines in memory.
class MemoryMachines final : public SpoolActions {
public:
    void spawn(const std::string& name, const SpoolProperties& properties) override {
        calls.push_back("spawn " + name);
        init = properties.init;
        if (properties.image == "missing") {
            throw Error(Failure::usage, "no image 'missing'");
        }
        list.push_back({name,
                        properties.image + "@1",
                        "running",
                        "192.0.2.1",
                        "now",
                        properties.comment,
                        {"52:54:00:00:00:01"},
                        false,
                        properties.spool});
    }
    void start(const std::string& name) override { need(name, "start"); }
    void stop(const std::string& name) override { need(name, "stop"); }
    void destroy(const std::string& name) override {
        need(name, "destroy");
        std::erase_if(list, [&](const auto& machine) { return machine.name == name; });
    }
    void set_autostart(const std::string& name, bool on) override {
        calls.push_back((on ? "autostart " : "no autostart ") + name);
        for (auto& machine : list) {
            machine.autostart = machine.name == name ? on : machine.autostart;
        }
    }
    void forget(const std::string& name) override { forgotten.push_back(name); }
    std::vector<SpoolMachine> machines() override { return list; }

    std::vector<std::string> calls;
    std::vector<std::string> forgotten;
    std::vector<SpoolMachine> list;
    std::string init;

private:
    void need(const std::string& name, const std::string& action) {
        calls.push_back(action + " " + name);
        if (std::none_of(list.begin(), list.end(),
                         [&](const auto& machine) { return machine.name == name; })) {
            throw Error(Failure::domain, "no machine named '" + name + "'");
        }
    }
};

class SpoolTest : public testing::Test {
protected:
    SpoolTest() { SpoolFolder{temp_.path()}.create(); }

    SpoolPass run(MemoryMachines& machines, const std::string& host = "alpha") {
        NullMonitor monitor;
        return Spool({temp_.path()}, host, machines, clock_, monitor).run();
    }
    void drop(const std::string& name, const std::string& text = "") const {
        write_file_atomically(temp_ / name, text);
    }
    bool exists(const std::string& name) const { return std::filesystem::exists(temp_ / name); }
    std::string text(const std::string& name) const { return read_file(temp_ / name); }

    TempDir temp_{"imgforge-test"};
    SystemClock clock_;
    MemoryMachines alpha_;
    MemoryMachines beta_;
};

}  // namespace imgforge::lifecycle
