// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/runner.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "builder/base/error.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/guest/inspection.hpp"
#include "sysprep/selection.hpp"

namespace imgforge::sysprep {

namespace {

/// Operations name paths below these folders; were one of them a link, they would clean something else and leave the
/// secrets. Known merges (/var/run, /bin) are not in the list.
void check_system_folders(guest::GuestFs& fs) {
    static constexpr std::array<const char*, 9> folders{"/etc",       "/etc/ssh", "/var", "/var/lib",  "/var/log",
                                                        "/var/cache", "/root",    "/usr", "/var/spool"};
    for (const char* folder : folders) {
        const auto stat = fs.lstat(folder);
        if (stat && (stat->type != guest::FileType::directory || fs.resolve(folder) != folder)) {
            throw Error(Failure::guest,
                        fmt::format("{} of the guest is no folder of its own: its contents cannot be cleaned safely", folder),
                        "mount the image and look where it leads");
        }
    }
}

}  // namespace

OperationReport perform(const Operation& operation, guest::GuestFs& fs, const guest::Inspection& os, const SysprepOptions& options) {
    Cleaner cleaner(fs, os, options);
    if (!operation.remove.empty()) {
        cleaner.remove_all(operation.remove);
    }
    if (!operation.empty.empty()) {
        cleaner.empty_all(operation.empty);
    }
    for (const std::string& folder : operation.clear) {
        cleaner.clear(folder);
    }
    if (operation.perform) {
        operation.perform(cleaner);
    }
    return {operation.name, operation.heading, operation.reason, std::move(cleaner.changes), std::move(cleaner.notes)};
}

SysprepReport run_operations(OfflineSession& session, const std::vector<Operation>& operations, const SysprepOptions& options,
                             bool devices) {
    SysprepReport report;
    report.warnings = session.os.warnings;
    check_system_folders(session.fs);
    if (session.needles.empty()) {
        session.needles = collect_needles(session.fs, session.os);
    }
    Activity activity(session.monitor, "clean the guest", session.appliance == nullptr ? 0 : session.appliance->parent_activity());
    double done = 0;
    for (const Operation& operation : operations) {
        interrupt::check();
        if (!applies_to(operation, session.os.family)) {
            continue;
        }
        activity.progress(++done, static_cast<double>(operations.size()), "items", operation.name);
        report.operations.push_back(in_context([&] { return fmt::format("operation {}", operation.name); },
                                               [&] { return perform(operation, session.fs, session.os, options); }));
    }
    if (!devices || session.appliance == nullptr) {
        return report;
    }
    guest::unmount_guest(*session.appliance);
    std::size_t index = 0;
    for (const Operation& operation : operations) {
        if (!applies_to(operation, session.os.family)) {
            continue;
        }
        OperationReport& own = report.operations.at(index++);
        if (operation.on_devices) {
            activity.detail(operation.name);
            DeviceWork work{*session.appliance, session.os, own.changes, own.notes};
            in_context([&] { return fmt::format("operation {}", operation.name); }, [&] { operation.on_devices(work); });
        }
    }
    guest::mount_guest(*session.appliance, session.os, session.read_only);
    return report;
}

std::size_t SysprepReport::change_count() const {
    std::size_t count = 0;
    for (const OperationReport& operation : operations) {
        count += operation.changes.size();
    }
    return count;
}

Json SysprepReport::to_json() const {
    Json list = Json::array();
    for (const OperationReport& operation : operations) {
        Json changes = Json::array();
        for (const Change& change : operation.changes) {
            changes.push_back({{"path", change.path}, {"action", change.action}, {"bytes", change.bytes}});
        }
        list.push_back({{"name", operation.name},
                        {"heading", operation.heading},
                        {"reason", operation.reason},
                        {"changes", changes},
                        {"notes", operation.notes}});
    }
    return {{"operations", list}, {"warnings", warnings}};
}

std::string SysprepReport::to_text(bool verbose) const {
    std::string text;
    for (const OperationReport& operation : operations) {
        if (operation.changes.empty() && operation.notes.empty()) {
            continue;
        }
        std::uint64_t bytes = 0;
        for (const Change& change : operation.changes) {
            bytes += change.bytes;
        }
        text += fmt::format("{}: {} ({} changes, {} bytes)\n", operation.name, operation.heading, operation.changes.size(), bytes);
        if (verbose) {
            text += fmt::format("  because {}\n", operation.reason);
            for (const Change& change : operation.changes) {
                text += fmt::format("  {:8} {} ({} bytes)\n", change.action, change.path, change.bytes);
            }
        }
        for (const std::string& note : operation.notes) {
            text += fmt::format("  note: {}\n", note);
        }
    }
    return text;
}

}  // namespace imgforge::sysprep
