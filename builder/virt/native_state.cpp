// SPDX-License-Identifier: GPL-3.0-or-later
// Snapshots, saved memory and sizes of a domain.
#include <fmt/format.h>

#include <cstdlib>
#include <pugixml.hpp>
#include <sstream>

#include "builder/virt/native_host.hpp"
#include "builder/virt/resumed_memory.hpp"
#include "builder/virt/virt_error.hpp"

namespace imgforge::virt {

namespace {

using SnapshotHandle = Handle<virDomainSnapshot, &virDomainSnapshotFree>;
using Text = Handle<char, free>;

void expect_success(int result, const std::string& action, virDomainPtr domain) {
    if (result < 0) {
        throw_virt_error(last_virt_error(),
                         [&] { return fmt::format("{} domain '{}'", action, virDomainGetName(domain)); });
    }
}

SnapshotHandle find_snapshot(virDomainPtr domain, const std::string& name) {
    SnapshotHandle snapshot(virDomainSnapshotLookupByName(domain, name.c_str(), 0));
    if (!snapshot) {
        throw_last_virt_error(fmt::format("find snapshot '{}'", name));
    }
    return snapshot;
}

std::string to_text(const pugi::xml_document& document) {
    std::ostringstream out;
    document.save(out, "", pugi::format_raw | pugi::format_no_declaration);
    return out.str();
}

/// Facts of one snapshot from its XML (libvirt.org/formatsnapshot.html).
Json snapshot_row(virDomainSnapshotPtr snapshot) {
    const Text xml(virDomainSnapshotGetXMLDesc(snapshot, 0));
    pugi::xml_document document;
    if (!xml || !document.load_string(xml.get())) {
        return {};
    }
    const auto node = document.child("domainsnapshot");
    const std::string memory = node.child("memory").attribute("snapshot").as_string("no");
    bool external = memory == "external";
    for (const auto disk : node.child("disks").children("disk")) {
        external = external || std::string_view(disk.attribute("snapshot").value()) == "external";
    }
    return {{"name", node.child_value("name")},
            {"description", node.child_value("description")},
            {"parent", node.child("parent").child_value("name")},
            {"created", node.child("creationTime").text().as_llong()},
            {"state", node.child_value("state")},
            {"current", virDomainSnapshotIsCurrent(snapshot, 0) == 1},
            {"memory", memory != "no"},
            {"external", external}};
}

Json snapshot_list(virDomainPtr domain, const Json& request) {
    virDomainSnapshotPtr* raw = nullptr;
    const int count = virDomainListAllSnapshots(domain, &raw, 0);
    Json rows = Json::array();
    Json names = Json::array();
    if (count < 0) {
        return Json{{"snapshots", rows}, {"names", names}};  // a driver without snapshots has none
    }
    const Handle<virDomainSnapshotPtr, free> array(raw);
    for (int i = 0; i < count; ++i) {
        const SnapshotHandle snapshot(raw[i]);
        names.push_back(virDomainSnapshotGetName(snapshot.get()));
        Json row = request.at("op") == "snapshot-names" ? Json() : snapshot_row(snapshot.get());
        if (!row.is_null()) {
            rows.push_back(std::move(row));
        }
    }
    return Json{{"snapshots", std::move(rows)}, {"names", std::move(names)}};
}

/// A snapshot describes the domain as it was started, and is where it is started from.
void make_restartable(virDomainPtr domain, virDomainSnapshotPtr snapshot) {
    const Text xml(virDomainSnapshotGetXMLDesc(snapshot, VIR_DOMAIN_SNAPSHOT_XML_SECURE));
    const auto changed = xml ? restartable_snapshot_xml(xml.get()) : std::nullopt;
    if (!changed) {
        return;
    }
    constexpr unsigned flags =
        unsigned{VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE} | unsigned{VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT};
    const SnapshotHandle again(virDomainSnapshotCreateXML(domain, changed->c_str(), flags));
    if (!again) {
        throw_virt_error(last_virt_error(), [&] {
            return fmt::format("describe the snapshot of domain '{}'", virDomainGetName(domain));
        });
    }
}

Json snapshot_create(virDomainPtr domain, const Json& request) {
    pugi::xml_document document;
    auto node = document.append_child("domainsnapshot");
    node.append_child("name").text().set(request.at("name").get<std::string>().c_str());
    if (const std::string text = request.at("description"); !text.empty()) {
        node.append_child("description").text().set(text.c_str());
    }
    const SnapshotHandle made(virDomainSnapshotCreateXML(domain, to_text(document).c_str(), 0));
    if (!made) {
        throw_virt_error(last_virt_error(), [&] {
            return fmt::format("take a snapshot of domain '{}'", virDomainGetName(domain));
        });
    }
    make_restartable(domain, made.get());
    return Json::object();
}

Json snapshot_revert(virDomainPtr domain, const Json& request) {
    const SnapshotHandle snapshot = find_snapshot(domain, request.at("name"));
    // Without FORCE libvirt refuses where the devices of the running QEMU differ; a new QEMU then fits.
    if (virDomainRevertToSnapshot(snapshot.get(), 0) < 0) {
        expect_success(virDomainRevertToSnapshot(snapshot.get(), VIR_DOMAIN_SNAPSHOT_REVERT_FORCE),
                       "restore a snapshot of", domain);
    }
    return Json::object();
}

Json snapshot_delete(virDomainPtr domain, const Json& request) {
    const SnapshotHandle snapshot = find_snapshot(domain, request.at("name"));
    const unsigned flags =
        request.at("metadata").get<bool>() ? unsigned{VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY} : 0U;
    expect_success(virDomainSnapshotDelete(snapshot.get(), flags), "delete a snapshot of", domain);
    return Json::object();
}

Json saved(virDomainPtr domain) {
    return Json{{"saved", virDomainHasManagedSaveImage(domain, 0) == 1}};
}

Json drop_saved(virDomainPtr domain) {
    if (virDomainHasManagedSaveImage(domain, 0) == 1) {
        expect_success(virDomainManagedSaveRemove(domain, 0), "drop the saved memory of", domain);
    }
    return Json::object();
}

Json disk_errors(virDomainPtr domain) {
    Json errors = Json::object();
    const int room = virDomainGetDiskErrors(domain, nullptr, 0, 0);
    if (room <= 0) {
        return Json{{"errors", errors}};
    }
    std::vector<virDomainDiskError> list(static_cast<std::size_t>(room));
    const int count = virDomainGetDiskErrors(domain, list.data(), static_cast<unsigned>(room), 0);
    for (int i = 0; i < count; ++i) {
        const auto& entry = list[static_cast<std::size_t>(i)];
        errors[entry.disk] =
            entry.error == VIR_DOMAIN_DISK_ERROR_NO_SPACE ? "no space" : "the host's disk reports an error";
        free(entry.disk);  // NOLINT: allocated by libvirt with malloc
    }
    return Json{{"errors", errors}};
}

unsigned affected(const Json& request) {
    return (request.at("live").get<bool>() ? unsigned{VIR_DOMAIN_AFFECT_LIVE} : 0U) |
           (request.at("config").get<bool>() ? unsigned{VIR_DOMAIN_AFFECT_CONFIG} : 0U);
}

Json memory(virDomainPtr domain, const Json& request) {
    const unsigned flags =
        affected(request) | (request.at("maximum").get<bool>() ? unsigned{VIR_DOMAIN_MEM_MAXIMUM} : 0U);
    expect_success(virDomainSetMemoryFlags(domain, request.at("kib"), flags), "set the memory of", domain);
    return Json::object();
}

Json vcpus(virDomainPtr domain, const Json& request) {
    const unsigned flags =
        affected(request) | (request.at("maximum").get<bool>() ? unsigned{VIR_DOMAIN_VCPU_MAXIMUM} : 0U);
    expect_success(virDomainSetVcpusFlags(domain, request.at("count"), flags), "set the CPUs of", domain);
    return Json::object();
}

}  // namespace

Json state_operation(NativeHost& host, const std::string& op, const Json& request) {
    const DomainHandle domain = host.find(request.at("domain"));
    if (op == "snapshot-list") {
        return snapshot_list(domain.get(), request);
    }
    if (op == "snapshot-names") {
        return snapshot_list(domain.get(), {{"op", op}});
    }
    if (op == "snapshot-create") {
        return snapshot_create(domain.get(), request);
    }
    if (op == "snapshot-revert") {
        return snapshot_revert(domain.get(), request);
    }
    if (op == "snapshot-delete") {
        return snapshot_delete(domain.get(), request);
    }
    if (op == "saved") {
        return saved(domain.get());
    }
    if (op == "drop-saved") {
        return drop_saved(domain.get());
    }
    if (op == "disk-errors") {
        return disk_errors(domain.get());
    }
    if (op == "memory") {
        return memory(domain.get(), request);
    }
    if (op == "vcpus") {
        return vcpus(domain.get(), request);
    }
    const std::string name = request.at("name");
    expect_success(virDomainRename(domain.get(), name.c_str(), 0), "rename", domain.get());
    return Json::object();
}

}  // namespace imgforge::virt
