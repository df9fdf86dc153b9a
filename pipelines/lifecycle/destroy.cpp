// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/destroy.hpp"

// The end of a machine, and what stands against it.
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/virt/domain_xml.hpp"
#include "pipelines/lifecycle/control.hpp"
#include "pipelines/lifecycle/erase.hpp"
#include "pipelines/lifecycle/observe.hpp"

namespace imgforge::lifecycle {
namespace {

namespace fs = std::filesystem;

void refuse_saved(const MachineRecord& record) {
    throw Error(
        Failure::integrity,
        fmt::format("machine '{}' is saved: its memory waits for the next start", record.name),
        fmt::format("imgforge start {} lets it go on; --drop-saved destroys it with what it was doing",
                    record.name));
}

bool lies_in(const fs::path& file, const fs::path& folder) {
    const fs::path relative = fs::weakly_canonical(file).lexically_relative(fs::weakly_canonical(folder));
    return !relative.empty() && relative.native().rfind("..", 0) != 0;
}

/// A snapshot's file in the machine's own directory goes with it; any other disk is somebody's.
void require_own_disks(const InstanceLayout& layout, const MachineRecord& record,
                       const DomainReality& reality) {
    if (reality.root_intact || (reality.root_above && lies_in(reality.root, layout.folder(record.name)))) {
        return;
    }
    throw Error(
        Failure::integrity,
        fmt::format("the domain of machine '{}' uses {} instead of its root disk {}", record.name,
                    reality.root.empty() ? "no disk" : reality.root.string(), record.disk.string()),
        fmt::format("imgforge show {} shows what changed; --drop-changes destroys the machine all the "
                    "same and leaves that file alone",
                    record.name));
}

/// An embedded root is looked at, not opened: that takes a hundred times as long.
void check_embedded(const InstanceLayout& layout, const MachineRecord& record, const Drop& drop) {
    const fs::path root = layout.embedded_root(record);
    if (!drop.saved && embedded_saved(root, record)) {
        refuse_saved(record);
    }
    const fs::path definition = root / "etc" / "qemu" / (record.name + ".xml");
    if (drop.changed || !fs::exists(definition)) {
        return;
    }
    DomainReality reality;
    reality.defined = virt::read_domain_xml(read_file(definition));
    find_root_disk(record, reality.defined, reality);
    require_own_disks(layout, record, reality);
}

void check_destroyable(Lifecycle& lifecycle, const MachineRecord& record, const Drop& drop) {
    if (record.protect) {
        throw Error(Failure::domain, fmt::format("machine '{}' is protected", record.name),
                    fmt::format("imgforge set {} --protect off", record.name));
    }
    if (record.is_embedded()) {
        check_embedded(lifecycle, record, drop);
        return;
    }
    const auto domain = lifecycle.open(record).find(record.uuid);
    if (!domain) {
        return;
    }
    const DomainReality reality = examine(record, *domain);
    if (reality.saved && !drop.saved) {
        refuse_saved(record);
    }
    if (!drop.changed) {
        require_own_disks(lifecycle, record, reality);
    }
}

}  // namespace

void destroy_machine(Lifecycle& lifecycle, std::string_view name, const Drop& drop, bool forget) {
    static_cast<void>(lifecycle.require(name));
    const MachineLock lock =
        MachineLock::acquire(lifecycle.places().instances(), name, std::chrono::minutes(1));
    MachineRecord record = lifecycle.require(name);
    if (record.state == RecordState::spawning) {
        // A killed spawn: there is nothing worth a record.
        erase_machine(lifecycle, record);
        return;
    }
    check_destroyable(lifecycle, record, drop);
    if (forget) {
        erase_machine(lifecycle, record);
        return;
    }
    erase_domain(lifecycle, record);
    erase_files(lifecycle, record, true);
    lifecycle.store().remove_references({store::Holder::Kind::instance, record.name});
    record.state = RecordState::destroyed;
    record.destroyed = lifecycle.clock().wall_seconds();
    lifecycle.save(record);
}

}  // namespace imgforge::lifecycle
