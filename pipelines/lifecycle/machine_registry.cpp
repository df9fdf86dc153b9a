// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/machine_registry.hpp"

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/quick_file.hpp"
#include "builder/base/suggestion.hpp"

namespace imgforge::lifecycle {
namespace {

Places created(Places places) {
    places.create();
    return places;
}

}  // namespace

MachineRegistry::MachineRegistry(InstanceLayout layout)
    : layout_(std::move(layout)),
      database_(created(layout_.places()).state_db()),
      reservations_(database_, layout_.places().instances()) {}

MachineRecord MachineRegistry::require(std::string_view name) {
    auto record = reservations_.find(name);
    if (!record) {
        const std::string shown(name.substr(0, longest_machine_name + 1));
        throw Error(Failure::domain,
                    fmt::format("no machine named '{}'{}", shown, did_you_mean(shown, reservations_.names())),
                    "imgforge list shows all machines");
    }
    if (record->state == RecordState::destroyed) {
        throw Error(
            Failure::domain,
            fmt::format("machine '{}' was destroyed at {}", record->name, iso_time(record->destroyed)),
            "its name is free again after `imgforge cleanup`");
    }
    return *record;
}

void MachineRegistry::save(const MachineRecord& record) {
    reservations_.save(record);
    write_file_atomically(layout_.folder(record.name) / "instance.json", pretty(to_json(record)));
}

void MachineRegistry::save_all(const std::vector<MachineRecord>& records) {
    database_.transaction([&] {
        for (const auto& record : records) {
            reservations_.save(record);
        }
    });
    for (const auto& record : records) {
        write_file_unflushed(layout_.folder(record.name) / "instance.json", pretty(to_json(record)));
    }
}

}  // namespace imgforge::lifecycle
