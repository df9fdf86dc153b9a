// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/cleanup.hpp"

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "pipelines/lifecycle/change_journal.hpp"
#include "pipelines/lifecycle/erase.hpp"
#include "pipelines/lifecycle/observe.hpp"
#include "pipelines/lifecycle/root_disk.hpp"
#include "pipelines/lifecycle/warm/warm_template.hpp"

namespace imgforge::lifecycle {
namespace {

namespace fs = std::filesystem;

enum class Fate { keep, forget, remove };

Fate fate_of(Lifecycle& lifecycle, const MachineRecord& record) {
    if (record.state == RecordState::destroyed) {
        return Fate::forget;
    }
    if (record.state == RecordState::spawning) {
        return Fate::remove;  // its lock is ours, so its maker is dead
    }
    if (record.ephemeral) {
        const std::string state = look(lifecycle, record, {.addresses = false, .sizes = false}).state;
        return state == "shut off" || state == "missing" ? Fate::remove : Fate::keep;
    }
    return Fate::keep;
}

/// Unfinished files of an atomic write that was killed (write_file_atomically).
void remove_unfinished(const fs::path& folder) {
    std::error_code missing;
    for (auto entry = fs::directory_iterator(folder, missing); !missing && entry != fs::directory_iterator();
         entry.increment(missing)) {
        const std::string name = entry->path().filename().string();
        if (name.front() == '.' && name.ends_with(".tmp")) {
            fs::remove(entry->path());
        }
    }
}

/// True when the machine is gone now (or would be).
void treat(Lifecycle& lifecycle, const MachineRecord& listed, bool dry_run, CleanupReport& report) {
    const auto lock = MachineLock::try_acquire(lifecycle.places().instances(), listed.name);
    if (!lock) {
        return;
    }
    const auto record = lifecycle.reservations().find(listed.name);
    if (!record) {
        return;
    }
    const Fate fate = fate_of(lifecycle, *record);
    if (fate == Fate::keep) {
        MachineRecord kept = *record;
        if (!dry_run) {
            remove_unfinished(lifecycle.folder(kept.name));
            if (settle_change(lifecycle, kept)) {
                report.settled.push_back(kept.name);
            }
        }
        return;
    }
    if (!dry_run) {
        erase_machine(lifecycle, *record);
    }
    (fate == Fate::forget ? report.forgotten : report.removed).push_back(record->name);
}

/// A directory without a row: the database was lost, or restored from an older copy.
void treat_stray(Lifecycle& lifecycle, const fs::path& folder, bool dry_run, CleanupReport& report) {
    const std::string name = folder.filename().string();
    const auto lock = MachineLock::try_acquire(lifecycle.places().instances(), name);
    if (!lock || lifecycle.reservations().find(name)) {
        return;
    }
    if (!fs::exists(folder / "instance.json")) {
        report.problems.push_back(
            fmt::format("{} has no instance.json; remove it by hand if it is not needed", folder.string()));
        return;
    }
    const MachineRecord record =
        machine_record(parse_json(read_file(folder / "instance.json"), (folder / "instance.json").string()),
                       folder.string());
    if (record.name != name) {
        report.problems.push_back(
            fmt::format("{} holds the record of machine '{}'", folder.string(), record.name));
    } else if (record.state == RecordState::ready) {
        if (!dry_run && !lifecycle.reservations().adopt(record)) {
            report.problems.push_back(fmt::format(
                "machine '{}' cannot be taken up: its name, MAC or port belongs to another one", name));
            return;
        }
        if (!dry_run) {
            add_reference(lifecycle.store(), record);
        }
        report.adopted.push_back(name);
    } else {
        if (!dry_run) {
            erase_machine(lifecycle, record);
        }
        report.removed.push_back(name);
    }
}

/// Unfinished ones, those of generations that are not current (or not there) any more, and those of another
/// QEMU.
void treat_templates(Lifecycle& lifecycle, bool dry_run, CleanupReport& report) {
    if (warm_templates(lifecycle.places()).empty()) {
        return;
    }
    const std::string qemu = qemu_program(lifecycle.processes(), lifecycle.places()).version;
    const auto useless = [&](const TemplateEntry& entry) {
        const auto current = entry.image.empty() ? std::nullopt : lifecycle.store().current(entry.image);
        return !current || current->generation != entry.generation || entry.qemu != qemu;
    };
    for (const auto& entry : drop_templates(lifecycle.places(), useless, dry_run)) {
        report.templates.push_back(entry.folder.filename().string());
        report.freed += entry.bytes;
    }
}

void guarded(CleanupReport& report, const std::string& name, const std::function<void()>& body) {
    try {
        body();
    } catch (const Error& error) {
        report.problems.push_back(fmt::format("{}: {}", name, error.message()));
    }
}

}  // namespace

CleanupReport clean_up(Lifecycle& lifecycle, bool dry_run) {
    CleanupReport report;
    for (const auto& record : lifecycle.reservations().all()) {
        guarded(report, record.name, [&] { treat(lifecycle, record, dry_run, report); });
    }
    guarded(report, "warm templates", [&] { treat_templates(lifecycle, dry_run, report); });
    std::error_code missing;
    for (auto entry = fs::directory_iterator(lifecycle.places().instances(), missing);
         !missing && entry != fs::directory_iterator(); entry.increment(missing)) {
        const fs::path folder = entry->path();
        if (folder.filename().string().front() != '.' && fs::is_directory(entry->symlink_status())) {
            guarded(report, folder.filename().string(),
                    [&] { treat_stray(lifecycle, folder, dry_run, report); });
        }
    }
    return report;
}

bool clean_up_machine(Lifecycle& lifecycle, std::string_view name) {
    const auto record = lifecycle.reservations().find(name);
    if (!record) {
        return false;
    }
    CleanupReport report;
    treat(lifecycle, *record, false, report);
    return !report.forgotten.empty() || !report.removed.empty();
}

}  // namespace imgforge::lifecycle
