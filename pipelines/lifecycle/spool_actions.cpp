// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/spool_actions.hpp"

#include <charconv>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "pipelines/lifecycle/cleanup.hpp"
#include "pipelines/lifecycle/control.hpp"
#include "pipelines/lifecycle/destroy.hpp"
#include "pipelines/lifecycle/spawn.hpp"

namespace imgforge::lifecycle {
namespace {

unsigned cpu_count(const std::string& text) {
    unsigned count = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), count);
    if (result.ec != std::errc() || result.ptr != text.data() + text.size() || count < 1 || count > 512) {
        throw Error(Failure::recipe, fmt::format("invalid number of CPUs: vcpus={}", text), "1 to 512");
    }
    return count;
}

}  // namespace

void LifecycleActions::spawn(const std::string& name, const SpoolProperties& properties) {
    SpawnOptions options;
    options.image = properties.image;
    options.name = name;
    options.size = properties.size;
    options.comment = properties.comment;
    if (!properties.memory.empty()) {
        options.memory = ByteSize::parse(properties.memory);
    }
    if (!properties.disk.empty()) {
        options.disk = ByteSize::parse(properties.disk);
    }
    if (!properties.vcpus.empty()) {
        options.vcpus = cpu_count(properties.vcpus);
    }
    if (!properties.network.empty()) {
        options.networks = {parse_network(properties.network)};
    }
    options.autostart = properties.autostart;
    options.spool = properties.spool;
    if (!properties.user_data.empty()) {
        options.user_data_text = properties.user_data;
    }
    if (!properties.init.empty()) {
        options.vendor_data_text =
            properties.init.starts_with("#!") ? properties.init : "#!/bin/sh\n" + properties.init;
    }
    options.start = properties.start;
    options.wait = Wait::none;
    // NAME.FAILED says why, and changed properties are a new try under the same name.
    options.rollback = true;
    static_cast<void>(lifecycle::spawn(lifecycle_, options));
}

void LifecycleActions::start(const std::string& name) {
    static_cast<void>(start_machine(lifecycle_, name));
}

void LifecycleActions::stop(const std::string& name) {
    static_cast<void>(stop_machine(lifecycle_, name, stop_timeout));
}

void LifecycleActions::destroy(const std::string& name) {
    destroy_machine(lifecycle_, name);
}

void LifecycleActions::set_autostart(const std::string& name, bool on) {
    lifecycle::set_autostart(lifecycle_, name, on);
}

void LifecycleActions::forget(const std::string& name) {
    static_cast<void>(clean_up_machine(lifecycle_, name));
}

std::vector<SpoolMachine> LifecycleActions::machines() {
    auto records = lifecycle_.reservations().all();
    std::erase_if(records, [](const auto& record) { return record.state == RecordState::destroyed; });
    std::vector<SpoolMachine> list;
    for (const auto& view : look(lifecycle_, records, {.sizes = false})) {
        const auto& record = view.record;
        SpoolMachine machine{record.name,
                             fmt::format("{}@{}", record.image, record.generation),
                             view.state,
                             "",
                             iso_time(record.created),
                             record.comment,
                             {},
                             view.autostart,
                             record.spool};
        for (std::size_t i = 0; i < record.nics.size(); ++i) {
            machine.macs.push_back(record.nics[i].network.mac.value_or(""));
            if (machine.address.empty() && !view.addresses[i].empty()) {
                machine.address = view.addresses[i].front();
            }
        }
        if (record.ssh_port && view.state == "running") {
            machine.address = fmt::format("127.0.0.1:{}", *record.ssh_port);
        }
        list.push_back(std::move(machine));
    }
    return list;
}

}  // namespace imgforge::lifecycle
