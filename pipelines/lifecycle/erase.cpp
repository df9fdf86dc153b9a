// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/erase.hpp"

#include <signal.h>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/process_watch.hpp"
#include "pipelines/lifecycle/ceph/ceph_root.hpp"
#include "pipelines/lifecycle/lazy/nbdkit.hpp"
#include "pipelines/lifecycle/observe.hpp"
#include "pipelines/lifecycle/remote.hpp"

namespace imgforge::lifecycle {
namespace {

namespace fs = std::filesystem;

void give_back_addresses(const virt::Connection& connection, const MachineRecord& record) {
    for (const auto& nic : record.nics) {
        if (nic.network.ip) {
            connection.forget_address(libvirt_network(nic.network), nic.network.mac.value_or(""));
        }
    }
}

void erase_through_libvirt(ConnectionPool& connections, const MachineRecord& record) {
    const auto connection = connections.open(record);
    if (const auto domain = connection.find(record.uuid)) {
        domain->destroy();
        domain->undefine();
    }
    give_back_addresses(connection, record);
}

/// An embedded root that libvirt cannot open any more (damaged, half made) must not keep its QEMU alive.
void kill_embedded(const fs::path& root, const MachineRecord& record) {
    const auto pid = embedded_process(root, record);
    if (!pid) {
        return;
    }
    const auto qemu = ProcessWatch::open(*pid);
    if (qemu && embedded_process(root, record) == pid && qemu->signal(SIGKILL)) {
        qemu->await_end(fmt::format("end of QEMU process {}", *pid), std::chrono::seconds(10));
    }
}

}  // namespace

void erase_domain(Lifecycle& lifecycle, const MachineRecord& record) {
    if (!record.is_embedded()) {
        erase_through_libvirt(lifecycle, record);
        return;
    }
    const fs::path root = lifecycle.embedded_root(record);
    // The worker of a command that was killed may be about to start QEMU.
    constexpr std::chrono::seconds timeout{60};
    MachineLock::wait_for_workers(lifecycle.places().instances(), record.name, timeout);
    // All that libvirt keeps of it lies in the root, which goes with the files: without a QEMU there is
    // nothing to tell libvirt.
    if (!embedded_process(root, record)) {
        return;
    }
    try {
        erase_through_libvirt(lifecycle, record);
    } catch (const Error& error) {
        lifecycle.monitor().warning(
            fmt::format("libvirt cannot end machine '{}' ({}); its QEMU is ended directly", record.name,
                        error.message()));
    }
    kill_embedded(root, record);
}

void erase_files(Lifecycle& lifecycle, const MachineRecord& record, bool keep_record) {
    end_nbdkit(record);
    remove_ceph_root(lifecycle, record);
    if (!record.pool.empty()) {
        delete_remote_volumes(lifecycle.open(record), record);
    }
    const fs::path folder = lifecycle.folder(record.name);
    if (!keep_record) {
        remove_tree(folder);
        return;
    }
    std::error_code gone;
    for (auto entry = fs::directory_iterator(folder, gone); !gone && entry != fs::directory_iterator();
         entry.increment(gone)) {
        const std::string name = entry->path().filename().string();
        if (name != "instance.json" && name.rfind("console.log", 0) != 0) {
            remove_tree(entry->path());
        }
    }
}

void erase_machine(Lifecycle& lifecycle, const MachineRecord& record) {
    erase_domain(lifecycle, record);
    erase_files(lifecycle, record, false);
    lifecycle.store().remove_references({store::Holder::Kind::instance, record.name});
    lifecycle.reservations().forget(record.name);
}

}  // namespace imgforge::lifecycle
