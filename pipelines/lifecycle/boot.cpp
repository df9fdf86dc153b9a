// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/boot.hpp"

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/quick_file.hpp"
#include "builder/virt/domain_takeover.hpp"
#include "builder/virt/domain_xml.hpp"
#include "builder/virt/virt_error.hpp"
#include "pipelines/lifecycle/ceph/ceph_root.hpp"
#include "pipelines/lifecycle/console_log.hpp"
#include "pipelines/lifecycle/lazy/nbdkit.hpp"
#include "pipelines/lifecycle/machine_domain.hpp"

namespace imgforge::lifecycle {

virt::DomainSpec::Accel machine_accel(Lifecycle& lifecycle, const MachineRecord& record) {
    if (!record.is_remote()) {
        return lifecycle.accelerator() == virt::Accelerator::kvm ? virt::DomainSpec::Accel::kvm
                                                                 : virt::DomainSpec::Accel::tcg;
    }
    if (lifecycle.settings().acceleration == AccelerationSetting::tcg) {
        return virt::DomainSpec::Accel::tcg;
    }
    try {
        // Nothing can be measured over there; libvirt's word has to do.
        static_cast<void>(lifecycle.open(record).domain_capabilities(true));
        return virt::DomainSpec::Accel::kvm;
    } catch (const virt::VirtError&) {
        return virt::DomainSpec::Accel::tcg;
    }
}

std::string own_domain_xml(Lifecycle& lifecycle, const MachineRecord& record) {
    return virt::domain_xml(
        machine_domain(record, lifecycle.folder(record.name), machine_accel(lifecycle, record)));
}

virt::Domain define_machine(Lifecycle& lifecycle, const virt::Connection& connection,
                            const MachineRecord& record, Definition how) {
    const auto folder = lifecycle.folder(record.name);
    std::string xml = own_domain_xml(lifecycle, record);
    if (how != Definition::fresh) {
        if (const auto present = connection.find(record.uuid)) {
            xml = virt::carried_over_xml(present->xml(true), xml, how == Definition::restored);
        }
    }
    auto domain = connection.define(xml);
    // QEMU's command line is in there, but nothing secret: the seed holds all of that.
    write_file_unflushed(folder / "domain.xml", xml);
    return domain;
}

void start_domain(Lifecycle& lifecycle, const virt::Connection& connection, MachineRecord& record,
                  std::optional<PortHold> port) {
    if (record.ssh_port && !port) {
        port = PortHold::try_hold(*record.ssh_port);
        if (!port) {
            const auto old = *record.ssh_port;
            port = lifecycle.reservations().move_port(record);
            lifecycle.save(record);
            lifecycle.monitor().warning(
                fmt::format("port {} of machine '{}' is in use by another program; it has port {} now", old,
                            record.name, *record.ssh_port));
            define_machine(lifecycle, connection, record);
        }
    }
    if (record.is_embedded()) {
        rotate_log(lifecycle.console_log(record));
    }
    auto domain = connection.find(record.uuid);
    if (!domain) {
        domain = define_machine(lifecycle, connection, record);
    }
    keep_ceph_login(connection, record);
    if (record.lazy) {
        ensure_nbdkit(lifecycle, record);
        lifecycle.save(record);
    }
    domain->start();
}

}  // namespace imgforge::lifecycle
