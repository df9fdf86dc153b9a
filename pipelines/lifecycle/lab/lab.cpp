// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/lab/lab.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/error.hpp"
#include "pipelines/lifecycle/cleanup.hpp"
#include "pipelines/lifecycle/control.hpp"
#include "pipelines/lifecycle/destroy.hpp"
#include "pipelines/lifecycle/lab/lab_network.hpp"
#include "pipelines/lifecycle/machine_size.hpp"
#include "pipelines/lifecycle/ports.hpp"
#include "pipelines/lifecycle/resize.hpp"
#include "pipelines/lifecycle/root_disk.hpp"

namespace imgforge::lifecycle {
namespace {

/// Keys of the file that differ from what the machine was made (or last changed) by.
std::vector<std::string> differing_keys(const MachineRecord& record, const Json& spec) {
    const Json before =
        record.lab_digest.empty() ? Json::object() : parse_json(record.lab_digest, record.name);
    std::set<std::string> keys;
    for (const auto* side : {&before, &spec}) {
        for (const auto& [key, value] : side->items()) {
            if (before.value(key, Json()) != spec.value(key, Json())) {
                keys.insert(key);
            }
        }
    }
    return {keys.begin(), keys.end()};
}

/// What can be changed without making the machine anew.
bool is_changeable(const std::string& key) {
    constexpr std::array keys{"size", "memory", "vcpus", "disk", "ttl", "comment", "publish", "image"};
    return std::find(keys.begin(), keys.end(), key) != keys.end();
}

std::string joined(const std::vector<std::string>& words) {
    return fmt::format("{}", fmt::join(words, ", "));
}

void change_ports(Lifecycle& lifecycle, const MachineRecord& record,
                  const std::vector<PublishedPort>& wanted) {
    for (const auto& port : record.published) {
        if (std::find(wanted.begin(), wanted.end(), port) == wanted.end()) {
            forward_port(lifecycle, record.name, port, true);
        }
    }
    for (const auto& port : wanted) {
        forward_port(lifecycle, record.name, port, false);
    }
}

/// Applies what differs; returns what was done, in words.
std::string change(Lifecycle& lifecycle, const MachineRecord& record, const LabMachine& wanted,
                   const std::vector<std::string>& keys) {
    const auto differs = [&](const char* key) {
        return std::find(keys.begin(), keys.end(), key) != keys.end();
    };
    const auto& options = wanted.options;
    MachineChanges changes;
    const MachineSize size = machine_size(
        lifecycle.settings(), options.size.empty() ? lifecycle.settings().default_size : options.size);
    if (differs("size") || differs("memory")) {
        changes.memory = options.memory.value_or(size.memory);
    }
    if (differs("size") || differs("vcpus")) {
        changes.vcpus = options.vcpus.value_or(size.vcpus);
    }
    if (differs("disk")) {
        changes.disk = options.disk;
    }
    if (differs("comment")) {
        changes.comment = options.comment;
    }
    if (differs("ttl")) {
        changes.ttl = options.ttl.value_or(std::chrono::seconds(0));
    }
    std::vector<std::string> done;
    for (const auto& applied : set_machine(lifecycle, record.name, changes)) {
        done.push_back(applied.what + (applied.live ? "" : " " + applied.note));
    }
    if (differs("publish")) {
        change_ports(lifecycle, record, options.published);
        done.emplace_back("ports");
    }
    if (differs("image")) {
        respawn_machine(lifecycle, record.name, options.image, stop_timeout);
        done.push_back("image " + options.image);
    }
    auto [changed, lock] = lifecycle.hold(record.name);
    changed.lab_digest = wanted.spec.dump();
    lifecycle.save(changed);
    return joined(done);
}

class LabUp {
public:
    LabUp(Lifecycle& lifecycle, const Lab& lab, const LabUpOptions& options)
        : lifecycle_(lifecycle), lab_(lab), options_(options) {}

    std::vector<LabStep> run() {
        for (const auto& network : lab_.networks) {
            const bool made = provide_network(lifecycle_, network);
            steps_.push_back({network.domain, made ? "made" : "unchanged", "network"});
        }
        for (const auto& machine : lab_.machines) {
            bring(machine);
        }
        surplus();
        return std::move(steps_);
    }

private:
    void bring(const LabMachine& machine) {
        // A destroyed one, or what a killed command left: its name is ours again.
        static_cast<void>(clean_up_dead(machine.name));
        const auto record = lifecycle_.reservations().find(machine.name);
        if (!record) {
            make(machine);
            return;
        }
        if (record->lab != lab_.name) {
            throw Error(Failure::domain,
                        fmt::format("machine '{}' is there already and does not belong to lab '{}'",
                                    machine.name, lab_.name),
                        fmt::format("rename one of them: imgforge rename {} NEW", machine.name));
        }
        compare(machine, *record);
    }

    bool clean_up_dead(const std::string& name) {
        const auto record = lifecycle_.reservations().find(name);
        return record && record->state != RecordState::ready && clean_up_machine(lifecycle_, name);
    }

    void make(const LabMachine& machine) {
        static_cast<void>(spawn(lifecycle_, machine.options));
        steps_.push_back({machine.name, "made", machine.options.image});
    }

    void compare(const LabMachine& machine, const MachineRecord& record) {
        const auto keys = differing_keys(record, machine.spec);
        const bool possible = std::all_of(keys.begin(), keys.end(), is_changeable);
        if (!keys.empty() && !possible && options_.replace) {
            destroy_machine(lifecycle_, record.name, {.saved = true, .snapshots = true}, true);
            make(machine);
            steps_.back().note = "recreated, for its " + joined(keys);
            return;
        }
        LabStep step{machine.name, "unchanged", ""};
        if (!keys.empty()) {
            step.did = possible ? "changed" : "differs";
            step.note = possible ? change(lifecycle_, record, machine, keys)
                                 : joined(keys) + ": --replace recreates it, with an empty disk";
        }
        const std::string state =
            look(lifecycle_, lifecycle_.require(machine.name), {.addresses = false, .sizes = false}).state;
        if (state != "running" || !record.not_ready.empty()) {
            start_machine(lifecycle_, machine.name, machine.options.wait);
            step.did = step.did == "unchanged" ? "started" : step.did + ", started";
        }
        steps_.push_back(std::move(step));
    }

    void surplus() {
        std::set<std::string> wanted;
        for (const auto& machine : lab_.machines) {
            wanted.insert(machine.name);
        }
        for (const auto& view : lab_views(lifecycle_, lab_.name)) {
            if (wanted.count(view.record.name) != 0) {
                continue;
            }
            if (options_.prune) {
                destroy_machine(lifecycle_, view.record.name, {}, true);
            }
            steps_.push_back({view.record.name, options_.prune ? "removed" : "surplus",
                              options_.prune ? "" : "not in the file any more; --prune destroys it"});
        }
    }

    Lifecycle& lifecycle_;
    const Lab& lab_;
    LabUpOptions options_;
    std::vector<LabStep> steps_;
};

}  // namespace

std::vector<MachineView> lab_views(Lifecycle& lifecycle, const std::string& lab) {
    auto records = lifecycle.reservations().all();
    std::erase_if(records, [&](const auto& record) {
        return record.lab != lab || record.state == RecordState::destroyed;
    });
    return look(lifecycle, records);
}

std::vector<LabStep> lab_up(Lifecycle& lifecycle, const Lab& lab, const LabUpOptions& options) {
    return LabUp(lifecycle, lab, options).run();
}

std::vector<LabStep> lab_down(Lifecycle& lifecycle, const Lab& lab) {
    std::vector<LabStep> steps;
    std::optional<Error> first;
    const auto views = lab_views(lifecycle, lab.name);
    for (auto view = views.rbegin(); view != views.rend(); ++view) {
        try {
            destroy_machine(lifecycle, view->record.name, {.saved = true, .snapshots = true}, true);
            steps.push_back({view->record.name, "removed", ""});
        } catch (const Error& error) {
            lifecycle.monitor().warning(error.message());
            first = first ? first : error;
        }
    }
    if (first) {
        throw Error(*first);
    }
    for (const auto& network : lab.networks) {
        if (remove_network(lifecycle, network)) {
            steps.push_back({network.domain, "removed", "network"});
        }
    }
    return steps;
}

std::vector<LabStep> lab_status(Lifecycle& lifecycle, const Lab& lab) {
    const auto views = lab_views(lifecycle, lab.name);
    std::set<std::string> wanted;
    std::vector<LabStep> steps;
    for (const auto& machine : lab.machines) {
        wanted.insert(machine.name);
        const auto view = std::find_if(views.begin(), views.end(),
                                       [&](const auto& one) { return one.record.name == machine.name; });
        if (view == views.end()) {
            steps.push_back({machine.name, "missing", ""});
            continue;
        }
        const auto keys = differing_keys(view->record, machine.spec);
        steps.push_back({machine.name, keys.empty() ? view->state : "differs",
                         keys.empty() ? view->reason : joined(keys)});
    }
    for (const auto& view : views) {
        if (wanted.count(view.record.name) == 0) {
            steps.push_back({view.record.name, "surplus", "not in the file any more"});
        }
    }
    return steps;
}

}  // namespace imgforge::lifecycle
