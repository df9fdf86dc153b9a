// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/clone.hpp"

#include <sys/stat.h>

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/random.hpp"
#include "builder/image/qemu_img.hpp"
#include "pipelines/lifecycle/boot.hpp"
#include "pipelines/lifecycle/ceph/ceph_changes.hpp"
#include "pipelines/lifecycle/ceph/ceph_root.hpp"
#include "pipelines/lifecycle/control.hpp"
#include "pipelines/lifecycle/erase.hpp"
#include "pipelines/lifecycle/lazy/hydrate.hpp"
#include "pipelines/lifecycle/machine_files.hpp"
#include "pipelines/lifecycle/preflight.hpp"
#include "pipelines/lifecycle/root_disk.hpp"

namespace imgforge::lifecycle {
namespace {

namespace fs = std::filesystem;

/// What the new machine has of the old one.
MachineRecord common_part(const Host& host, const MachineRecord& origin) {
    MachineRecord record = origin;
    record.state = RecordState::spawning;
    for (auto& nic : record.nics) {
        nic.network.mac.reset();
        nic.network.ip.reset();
    }
    record.ssh_port.reset();
    record.published.clear();  // a port of the host leads to one machine
    record.hostname.clear();
    record.host_keys.clear();
    record.not_ready.clear();
    record.protect = false;
    record.expires = 0;
    record.lab.clear();
    record.lab_digest.clear();
    record.spool.clear();
    record.destroyed = 0;
    record.created = host.clock->wall_seconds();
    return record;
}

void require_copyable(const MachineRecord& origin, const DomainReality& reality,
                      const std::string& snapshot) {
    require_same_disks(origin, reality);
    if (!snapshot.empty()) {
        const bool there =
            std::any_of(reality.snapshots.begin(), reality.snapshots.end(),
                        [&](const auto& one) { return one.name == snapshot && !one.external; });
        if (!there) {
            throw Error(Failure::domain,
                        fmt::format("machine '{}' has no snapshot '{}' to clone from", origin.name, snapshot),
                        fmt::format("imgforge snapshots {}", origin.name));
        }
        return;
    }
    if (reality.running || reality.saved) {
        throw Error(Failure::domain,
                    fmt::format("machine '{}' is {}: its disk alone is not a consistent state", origin.name,
                                reality.running ? "running" : "saved"),
                    fmt::format("imgforge stop {0}, or imgforge snapshot {0} and clone that (--snapshot)",
                                origin.name));
    }
}

/// The new disk has no snapshots of its own: those of the origin stay with the origin.
void copy_disk(ProcessRunner& processes, const fs::path& from, const fs::path& to,
               const std::vector<fs::path>& backing, const std::string& snapshot) {
    ProcessSpec convert{.program = "qemu-img"};
    convert.args = {"convert", "-q", "-f", "qcow2", "-O", "qcow2"};
    if (!snapshot.empty()) {
        convert.args.insert(convert.args.end(), {"-U", "-l", "snapshot.name=" + snapshot});
    }
    if (!backing.empty()) {
        convert.args.insert(convert.args.end(),
                            {"-B", fs::proximate(backing.front(), to.parent_path()).string(), "-F", "qcow2"});
    }
    convert.args.insert(convert.args.end(), {from.string(), to.string()});
    convert.cwd = to.parent_path();
    convert.timeout = std::chrono::hours(6);
    run_checked(processes, convert);
    fs::permissions(to, fs::perms::owner_read | fs::perms::owner_write);
}

class Clone {
public:
    Clone(Lifecycle& lifecycle, const MachineRecord& origin, const CloneOptions& options)
        : lifecycle_(lifecycle), origin_(origin), options_(options) {}

    MachineView run() {
        reserve();
        try {
            make();
        } catch (...) {
            const interrupt::Shield shield;
            erase_machine(lifecycle_, reserved_.front().record);
            throw;
        }
        return finish();
    }

private:
    MachineRecord& record() { return reserved_.front().record; }

    void reserve() {
        ReservationRequest request{NamePattern(options_.name, false), 1,
                                   common_part(lifecycle_.host(), origin_)};
        request.forward_ssh = origin_.ssh_port.has_value();
        if (!origin_.is_embedded()) {
            for (const auto& row : lifecycle_.open(origin_).domains()) {
                request.taken_names.insert(row.name);
            }
        }
        reserved_ = lifecycle_.reservations().reserve(request);
        record().generation_id = random_uuid();
        add_reference(lifecycle_.store(), record());
    }

    void make() {
        SpawnOptions wishes;
        MachineSource source;
        source.seed = common_seed(lifecycle_, wishes, record().user, record().user != "imgforge");
        source.copy_disks = [&](MachineRecord& made) { copy_disks(made); };
        make_machine_files(lifecycle_, record(), source);
        const auto connection = lifecycle_.open(record());
        define_machine(lifecycle_, connection, record(), Definition::fresh);
        if (record().autostart && !record().is_embedded()) {
            connection.find(record().uuid)->set_autostart(true);
        }
    }

    void copy_disks(MachineRecord& made) {
        const fs::path folder = lifecycle_.folder(made.name);
        Activity activity(lifecycle_.monitor(), fmt::format("copy the disks of {}", origin_.name));
        if (origin_.ceph) {
            copy_in_pool(origin_, made, options_.snapshot);
        } else {
            copy_disk(lifecycle_.processes(), origin_.disk, folder / "disk.qcow2", origin_.backing,
                      options_.snapshot);
            made.disk = folder / "disk.qcow2";
        }
        for (std::size_t i = 0; i < origin_.data_disks.size(); ++i) {
            made.data_disks[i].path = folder / fmt::format("data-{}.qcow2", i + 1);
            copy_disk(lifecycle_.processes(), origin_.data_disks[i].path, made.data_disks[i].path, {},
                      origin_.ceph ? std::string() : options_.snapshot);
        }
        made.backing = origin_.backing;
        if (options_.clear_identity) {
            origin_.ceph ? clear_in_pool(made) : options_.clear_identity(made.disk);
        }
    }

    /// The appliance works on an overlay here, which is then written into the pool's image.
    void clear_in_pool(const MachineRecord& made) {
        const fs::path overlay = lifecycle_.folder(made.name) / "identity.qcow2";
        ProcessSpec create{.program = "qemu-img"};
        create.args = {"create", "-q", "-f", "qcow2", "-F", "raw", "-b", qemu_disk(made), overlay.string()};
        run_checked(lifecycle_.processes(), create);
        options_.clear_identity(overlay);
        ProcessSpec commit{.program = "qemu-img"};
        commit.args = {"commit", "-q", "-d", "-f", "qcow2", overlay.string()};
        commit.timeout = std::chrono::hours(1);
        run_checked(lifecycle_.processes(), commit);
        remove_tree(overlay);
    }

    MachineView finish() {
        record().state = RecordState::ready;
        lifecycle_.save(record());
        if (options_.start) {
            start_domain(lifecycle_, lifecycle_.open(record()), record(), std::move(reserved_.front().port));
        }
        return look(lifecycle_, record());
    }

    Lifecycle& lifecycle_;
    const MachineRecord& origin_;
    const CloneOptions& options_;
    std::vector<Reserved> reserved_;
};

}  // namespace

MachineView clone_machine(Lifecycle& lifecycle, std::string_view origin, const CloneOptions& options) {
    const auto [record, lock] = lifecycle.hold(origin);
    if (record.is_remote()) {
        throw Error(Failure::domain,
                    fmt::format("machine '{}' is on another host: only machines of this host are cloned",
                                record.name));
    }
    require_complete(record, "clone");
    const auto domain = lifecycle.open(record).find(record.uuid);
    if (!domain) {
        throw Error(Failure::domain, fmt::format("libvirt does not know machine '{}' any more", record.name),
                    fmt::format("imgforge show {} --repair", record.name));
    }
    DomainReality reality = examine(record, *domain);
    if (record.ceph) {
        reality.snapshots = snapshots_in_pool(record);
    }
    require_copyable(record, reality, options.snapshot);
    return Clone(lifecycle, record, options).run();
}

}  // namespace imgforge::lifecycle
