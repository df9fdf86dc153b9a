// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <map>
#include <sstream>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "pipelines/engine/stage.hpp"
#include "pipelines/lifecycle/control.hpp"
#include "pipelines/lifecycle/erase.hpp"
#include "pipelines/lifecycle/observe.hpp"
#include "pipelines/lifecycle/spawn.hpp"
#include "pipelines/provision/checks.hpp"
#include "pipelines/stages/clones.hpp"
#include "pipelines/stages/stage_types.hpp"

namespace imgforge::stages {
namespace {

using engine::StageResult;
using engine::StageTask;

/// What a clone is asked once it can be logged in to: one "name value" line each. Everything here must differ
/// between clones. Sources: machine-id(5); sshd host keys; cloud-init's instance-id; random-seed of
/// systemd-random-seed.service(8). With sudo where the login user may not read: cloud-init before 23 gives
/// the public host keys it writes from a seed mode 0600 (cc_ssh.py CONFIG_KEY_TO_FILE).
constexpr const char* identity_script =
    "echo machine-id $(cat /etc/machine-id); "
    "echo hostname $(hostname); "
    "for key in /etc/ssh/ssh_host_*_key.pub; do "
    "echo host-key-$(basename $key .pub) $({ cat $key 2>/dev/null || sudo -n cat $key 2>/dev/null; } | cut "
    "-d' ' -f2); done; "
    "echo instance-id $(sudo -n cat /var/lib/cloud/data/instance-id 2>/dev/null || cat "
    "/run/cloud-init/.instance-id 2>/dev/null); "
    "echo mac $(cat /sys/class/net/e*/address 2>/dev/null | head -n 1); "
    "echo random-seed $(sudo -n sha256sum /var/lib/systemd/random-seed 2>/dev/null | cut -c1-64); "
    "echo duid $(sudo -n cat /var/lib/dhcpcd/duid /var/lib/dhcp/*duid* 2>/dev/null | head -n 1); "
    "echo boot-id $(cat /proc/sys/kernel/random/boot_id)";

using Identity = std::map<std::string, std::string>;

Identity parse_identity(const std::string& output) {
    Identity identity;
    std::istringstream lines(output);
    for (std::string line; std::getline(lines, line);) {
        const std::size_t blank = line.find(' ');
        if (blank != std::string::npos && blank + 1 < line.size()) {
            identity[line.substr(0, blank)] = line.substr(blank + 1);
        }
    }
    return identity;
}

/// What every clone must be able to show; the others are compared when they are there.
const std::vector<std::string>& indispensable() {
    static const std::vector<std::string> names = {"machine-id", "hostname", "mac", "boot-id"};
    return names;
}

Identity identity_of(lifecycle::Lifecycle& machines, const lifecycle::MachineView& view) {
    const lifecycle::SshTarget target = machines.ssh_target(view.record, lifecycle::first_address(view));
    lifecycle::SshProbe probe;
    wait_until(
        machines.clock(), fmt::format("the identity of clone '{}' over SSH", view.record.name),
        std::chrono::minutes(3),
        [&] {
            probe =
                lifecycle::probe_ssh(machines.processes(), target, identity_script, std::chrono::seconds(60));
            return probe.reached;
        },
        [&] { return probe.seen; }, std::chrono::seconds(2));
    Identity identity = parse_identity(probe.output);
    for (const std::string& name : indispensable()) {
        if (identity[name].empty()) {
            throw Error(Failure::integrity, fmt::format("clone '{}' has no {}", view.record.name, name),
                        "the clean-up of the image took something a machine needs: see the sysprep stage");
        }
    }
    const bool has_key = std::any_of(identity.begin(), identity.end(),
                                     [](const auto& entry) { return entry.first.starts_with("host-key-"); });
    if (!has_key) {
        throw Error(Failure::integrity, fmt::format("clone '{}' has no SSH host key", view.record.name),
                    "the image has nothing that makes host keys at first boot: see `imgforge sysprep "
                    "--list-operations`");
    }
    return identity;
}

/// Names of what two clones share although it must differ.
std::vector<std::string> shared_identity(const Identity& one, const Identity& other) {
    std::vector<std::string> shared;
    for (const auto& [name, value] : one) {
        const auto found = other.find(name);
        if (found != other.end() && !value.empty() && found->second == value) {
            shared.push_back(name);
        }
    }
    return shared;
}

void prove_different(const std::vector<Identity>& clones, const std::vector<lifecycle::MachineView>& views) {
    for (std::size_t i = 0; i < clones.size(); ++i) {
        for (std::size_t j = i + 1; j < clones.size(); ++j) {
            const std::vector<std::string> shared = shared_identity(clones[i], clones[j]);
            if (!shared.empty()) {
                throw Error(Failure::integrity,
                            fmt::format("the clones '{}' and '{}' have the same {}", views[i].record.name,
                                        views[j].record.name, shared.front()),
                            "the image must not be used: sysprep left an identity in it");
            }
        }
    }
}

constexpr const char* spawn_schema_text = R"J({
    "type": "object",
    "description":
        "Machines from the published generation, which becomes current when all are up.",
    "additionalProperties": false,
    "properties": {
        "count": {"type": "integer", "minimum": 1, "maximum": 100, "default": 2,
            "description": "how many machines, in parallel"},
        "names": {"type": "string",
            "description": "name pattern with {n}; default: a unique name for each run"},
        "ephemeral": {"type": "boolean", "default": true,
            "description": "remove the machines when the proof is done"},
        "wait": {"enum": ["none", "ip", "agent", "cloud-init", "ssh"], "default": "ssh",
            "description": "signal by which a machine counts as up; comparing the clones requires ssh"},
        "timeout": {"type": "string", "pattern": "^[0-9]+[smh]?$",
            "x-message": "must be a time such as 90s, 10m or 1h",
            "description": "how long a machine may take to come up; default 5m with KVM, 15m without"}
    }
})J";

class SpawnStage final : public engine::StageType {
public:
    std::string_view name() const override { return "spawn"; }
    std::string_view needs() const override { return "generation"; }
    bool works_on_disk() const override { return true; }
    std::string_view summary() const override {
        return "start machines from the published generation; with two or more, prove that they differ";
    }
    int revision() const override { return 1; }
    const Json& schema() const override {
        static const Json schema = [] {
            Json made = Json::parse(spawn_schema_text);
            made["properties"].update(provision::clone_properties());
            return made;
        }();
        return schema;
    }

    StageResult run(StageTask& task) const override {
        const lifecycle::SpawnOptions options = options_of(task, published_generation(task));
        lifecycle::Lifecycle machines(*task.host);
        const std::vector<lifecycle::MachineView> views = lifecycle::spawn(machines, options);
        StageResult result;
        const bool ephemeral = task.options.value("ephemeral", true);
        try {
            result.facts.proof = prove(machines, options, views);
        } catch (...) {
            if (!task.keep_failed) {
                erase(machines, views);
            }
            throw;
        }
        if (ephemeral) {
            erase(machines, views);
        }
        return result;
    }

private:
    static lifecycle::SpawnOptions options_of(const StageTask& task, int generation) {
        lifecycle::SpawnOptions options = clone_options(task, generation, "proof", 2);
        options.name = task.options.value("names", options.name);
        options.wait = lifecycle::parse_wait(task.options.value("wait", std::string("ssh")));
        if (task.options.contains("timeout")) {
            options.timeout = parse_duration(task.options["timeout"].get<std::string>());
        }
        options.comment = fmt::format("proof of {}", options.image);
        options.rollback = !task.keep_failed;
        return options;
    }

    /// Logs in to each clone and compares; with another signal than SSH there is nothing more to see than
    /// that it came.
    static engine::ProofFacts prove(lifecycle::Lifecycle& machines, const lifecycle::SpawnOptions& options,
                                    const std::vector<lifecycle::MachineView>& views) {
        engine::ProofFacts facts;
        for (const lifecycle::MachineView& view : views) {
            facts.clones.push_back(view.record.name);
        }
        if (options.wait != lifecycle::Wait::ssh) {
            return facts;
        }
        std::vector<Identity> clones;
        for (const lifecycle::MachineView& view : views) {
            clones.push_back(identity_of(machines, view));
        }
        prove_different(clones, views);
        for (const auto& [name, value] : clones.front()) {
            facts.compared.push_back(name);
        }
        return facts;
    }

    static void erase(lifecycle::Lifecycle& machines, const std::vector<lifecycle::MachineView>& views) {
        for (const lifecycle::MachineView& view : views) {
            lifecycle::erase_machine(machines, view.record);
        }
    }
};

}  // namespace

const engine::StageType& spawn_stage() {
    static const SpawnStage stage;
    return stage;
}

}  // namespace imgforge::stages
