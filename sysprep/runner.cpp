// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "builder/base/error.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/printable.hpp"
#include "builder/guest/inspection.hpp"
#include "builder/guest/system_facts.hpp"
#include "sysprep/new_uuids.hpp"
#include "sysprep/paths.hpp"

namespace imgforge::sysprep {

namespace {

/// Operations name paths below these directories; were one of them a link, they would clean something else
/// and leave the secrets. Known merges (/var/run, /bin) are not in the list.
void check_system_folders(guest::GuestFs& fs) {
    static constexpr std::array<const char*, 9> folders{
        "/etc", "/etc/ssh", "/var", "/var/lib", "/var/log", "/var/cache", "/root", "/usr", "/var/spool"};
    for (const char* folder : folders) {
        const auto stat = fs.lstat(folder);
        if (stat && (stat->type != guest::FileType::directory || fs.resolve(folder) != folder)) {
            throw Error(
                Failure::guest,
                fmt::format(
                    "{} of the guest is not a directory of its own: its contents cannot be cleaned safely",
                    folder),
                "mount the image and look where it leads");
        }
    }
}

/// What run_operations() shares with its passes.
class Run {
public:
    Run(OfflineSession& session, const std::vector<Operation>& all, const SysprepOptions& options)
        : session_(session), options_(options) {
        for (const Operation& operation : all) {
            operations_.push_back(&operation);
        }
    }

    std::vector<OperationReport> files(Activity& activity);
    void hidden_files(std::vector<OperationReport>& reports);
    void devices(std::vector<OperationReport>& reports, const std::string& fstab, bool list_only,
                 Activity& activity);

private:
    void clean_hidden(const std::string& mount_point, std::vector<OperationReport>& reports);

    OfflineSession& session_;
    const SysprepOptions& options_;
    std::vector<const Operation*> operations_;
};

std::vector<OperationReport> Run::files(Activity& activity) {
    const auto performed = [&](const Operation& operation) {
        interrupt::check();
        return in_context([&] { return fmt::format("operation {}", operation.name); },
                          [&] { return perform(operation, session_.fs, session_.os, options_); });
    };
    std::vector<OperationReport> reports;
    for (const Operation* operation : operations_) {
        activity.progress(static_cast<double>(reports.size()), static_cast<double>(operations_.size()),
                          "items", operation->name);
        reports.push_back(performed(*operation));
    }
    for (std::size_t index = 0; index < operations_.size(); ++index) {
        if (operations_[index]->again) {
            const OperationReport found = performed(*operations_[index]);
            OperationReport& report = reports[index];
            report.changes.insert(report.changes.end(), found.changes.begin(), found.changes.end());
        }
    }
    return reports;
}

bool lies_below(const std::string& path, const std::string& folder) {
    return folder == "/" || path.starts_with(folder + "/");
}

/// What was written to /var before another file system was mounted there is on the disk still, and no guest
/// sees it (SYSPREP.md 2.7).
void Run::hidden_files(std::vector<OperationReport>& reports) {
    for (const auto& entry : session_.os.mountpoints) {
        const std::string& mount_point = entry.first;
        if (mount_point == "/") {
            continue;
        }
        guest::Inspection above = session_.os;
        std::erase_if(above.mountpoints,
                      [&](const auto& mount) { return !lies_below(mount_point, mount.first); });
        guest::mount_guest(*session_.appliance, above, session_.read_only);
        if (!session_.fs.list(mount_point).empty()) {
            clean_hidden(mount_point, reports);
        }
        guest::unmount_guest(*session_.appliance);
    }
}

void Run::clean_hidden(const std::string& mount_point, std::vector<OperationReport>& reports) {
    SysprepOptions options = options_;
    options.only_below = mount_point;
    for (std::size_t index = 0; index < operations_.size(); ++index) {
        OperationReport found = in_context(
            [&] {
                return fmt::format("operation {} below mount point {}", operations_[index]->name,
                                   mount_point);
            },
            [&] { return perform(*operations_[index], session_.fs, session_.os, options); });
        if (!found.changes.empty()) {
            OperationReport& report = reports.at(index);
            report.notes.push_back(
                fmt::format("{} of these changes are to files that the mount point {} hides",
                            found.changes.size(), mount_point));
            report.changes.insert(report.changes.end(), found.changes.begin(), found.changes.end());
        }
    }
}

void Run::devices(std::vector<OperationReport>& reports, const std::string& fstab, bool list_only,
                  Activity& activity) {
    for (std::size_t index = 0; index < operations_.size(); ++index) {
        const Operation& operation = *operations_[index];
        if (operation.on_devices) {
            activity.detail(operation.name);
            DeviceWork work{*session_.appliance,     session_.os, reports.at(index).changes,
                            reports.at(index).notes, fstab,       list_only};
            in_context([&] { return fmt::format("operation {}", operation.name); },
                       [&] { operation.on_devices(work); });
        }
    }
}

}  // namespace

OperationReport perform(const Operation& operation, guest::GuestFs& fs, const guest::Inspection& os,
                        const SysprepOptions& options) {
    Cleaner cleaner(fs, os, options);
    const bool in_homes = std::string_view(operation.paths).find("~/") != std::string_view::npos;
    const PathSet paths = paths_of(operation, in_homes ? cleaner.homes() : std::vector<std::string>());
    if (!paths.remove.empty()) {
        cleaner.remove_all(paths.remove);
    }
    if (!paths.empty.empty()) {
        cleaner.empty_all(paths.empty);
    }
    if (!paths.clear.empty()) {
        for (const std::string& folder : fs.glob_all(paths.clear)) {
            cleaner.clear(folder);
        }
    }
    if (operation.perform) {
        operation.perform(cleaner);
    }
    return {operation.name, operation.heading, operation.reason, std::move(cleaner.changes),
            std::move(cleaner.notes)};
}

SysprepReport run_operations(OfflineSession& session, const std::vector<Operation>& operations,
                             const SysprepOptions& options, Devices devices) {
    SysprepReport report;
    report.warnings = session.os.warnings;
    check_system_folders(session.fs);
    if (session.needles.empty()) {
        session.needles = collect_needles(session.fs, session.os);
    }
    Activity activity(session.monitor, "clean the guest",
                      session.appliance == nullptr ? 0 : session.appliance->parent_activity());
    Run run(session, operations, options);
    if (options.new_uuids && session.appliance != nullptr && devices != Devices::untouched) {
        report.operations.push_back(renew_uuids(session, options));
    }
    for (OperationReport& done : run.files(activity)) {
        report.operations.push_back(std::move(done));
    }
    if (devices == Devices::untouched || session.appliance == nullptr) {
        return report;
    }
    const std::string fstab = guest::read_small(session.fs, "/etc/fstab");
    guest::unmount_guest(*session.appliance);
    run.hidden_files(report.operations);
    run.devices(report.operations, fstab, devices == Devices::listed, activity);
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
        text += fmt::format("{}: {} ({} changes, {} bytes)\n", operation.name, operation.heading,
                            operation.changes.size(), bytes);
        if (verbose) {
            text += fmt::format("  because {}\n", operation.reason);
            for (const Change& change : operation.changes) {
                text += fmt::format("  {:8} {} ({} bytes)\n", change.action, printable(change.path),
                                    change.bytes);
            }
        }
        for (const std::string& note : operation.notes) {
            text += fmt::format("  note: {}\n", printable(note));
        }
    }
    return text;
}

}  // namespace imgforge::sysprep
