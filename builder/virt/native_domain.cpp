// SPDX-License-Identifier: GPL-3.0-or-later

#include <fmt/format.h>

#include <array>
#include <functional>
#include <map>

#include "builder/virt/domain_reason.hpp"
#include "builder/virt/libvirt_library.hpp"
#include "builder/virt/native_host.hpp"
#include "builder/virt/screenshot.hpp"
#include "builder/virt/virt_error.hpp"

namespace imgforge::virt {

namespace {

using Text = Handle<char, free>;

void check(int result, std::string_view action, virDomainPtr domain) {
    if (result < 0) {
        throw_virt_error(last_virt_error(),
                         [&] { return fmt::format("{} domain '{}'", action, virDomainGetName(domain)); });
    }
}

/// The reason as it goes to the client.
int reason_number(int state, int reason) {
    return static_cast<int>(domain_reason(state, reason));
}

Json identity(virDomainPtr domain) {
    std::array<char, VIR_UUID_STRING_BUFLEN> uuid{};
    check(virDomainGetUUIDString(domain, uuid.data()), "read the UUID of", domain);
    return Json{{"name", virDomainGetName(domain)}, {"uuid", uuid.data()}};
}

Json define(NativeHost& host, const Json& request) {
    const std::string xml = request.at("xml");
    const DomainHandle domain(virDomainDefineXMLFlags(host.raw(), xml.c_str(), 0));
    if (!domain) {
        throw_last_virt_error("define the domain");
    }
    return identity(domain.get());
}

Json create(NativeHost& host, const Json& request) {
    const std::string xml = request.at("xml");
    const unsigned flags =
        (request.at("auto_destroy").get<bool>() ? unsigned{VIR_DOMAIN_START_AUTODESTROY} : 0U) |
        (request.value("paused", false) ? unsigned{VIR_DOMAIN_START_PAUSED} : 0U);
    const DomainHandle domain(virDomainCreateXML(host.raw(), xml.c_str(), flags));
    if (!domain) {
        throw_last_virt_error("start the domain");
    }
    return identity(domain.get());
}

/// One call for all domains. False where the driver has no statistics (test:///).
bool list_by_statistics(NativeHost& host, Json& rows) {
    virDomainStatsRecordPtr* records = nullptr;
    const int count = virConnectGetAllDomainStats(host.raw(), VIR_DOMAIN_STATS_STATE, &records, 0);
    if (count < 0) {
        return false;
    }
    const Handle<virDomainStatsRecordPtr, &virDomainStatsRecordListFree> list(records);
    for (int i = 0; i < count; ++i) {
        int state = VIR_DOMAIN_NOSTATE;
        static_cast<void>(
            virTypedParamsGetInt(records[i]->params, records[i]->nparams, "state.state", &state));
        int reason = 0;
        static_cast<void>(
            virTypedParamsGetInt(records[i]->params, records[i]->nparams, "state.reason", &reason));
        Json row = identity(records[i]->dom);
        row["state"] = state;
        row["reason"] = reason_number(state, reason);
        rows.push_back(std::move(row));
    }
    return true;
}

/// Two calls and one per domain.
void list_one_by_one(NativeHost& host, Json& rows) {
    virDomainPtr* raw = nullptr;
    const int count = virConnectListAllDomains(host.raw(), &raw, 0);
    if (count < 0) {
        throw_last_virt_error("list the domains");
    }
    const Handle<virDomainPtr, free> array(raw);
    for (int i = 0; i < count; ++i) {
        const DomainHandle domain(raw[i]);
        int state = 0;
        int reason = 0;
        if (virDomainGetState(domain.get(), &state, &reason, 0) < 0) {
            continue;  // ended while we were listing
        }
        Json row = identity(domain.get());
        row["state"] = state;
        row["reason"] = reason_number(state, reason);
        rows.push_back(std::move(row));
    }
}

/// UUIDs of the domains for which a filter of virConnectListAllDomains holds: one call for all of them.
/// Snapshots are named as well.
Json marked(NativeHost& host, unsigned filter) {
    Json found = Json::object();
    virDomainPtr* raw = nullptr;
    const int count = virConnectListAllDomains(host.raw(), &raw, filter);
    if (count < 0) {
        return found;  // a driver that does not know the filter has none of it
    }
    const Handle<virDomainPtr, free> array(raw);
    for (int i = 0; i < count; ++i) {
        const DomainHandle domain(raw[i]);
        const Json row = identity(domain.get());
        Json names = Json::array();
        if (filter == VIR_CONNECT_LIST_DOMAINS_HAS_SNAPSHOT) {
            names = state_operation(host, "snapshot-names", {{"domain", row.at("uuid")}}).at("names");
        }
        found[row.at("uuid").get<std::string>()] = std::move(names);
    }
    return found;
}

Json list(NativeHost& host, const Json& /*request*/) {
    Json rows = Json::array();
    if (!list_by_statistics(host, rows)) {
        rows = Json::array();
        list_one_by_one(host, rows);
    }
    return Json{{"domains", std::move(rows)},
                {"saved", marked(host, VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE)},
                {"autostart", marked(host, VIR_CONNECT_LIST_DOMAINS_AUTOSTART)},
                {"snapshots", marked(host, VIR_CONNECT_LIST_DOMAINS_HAS_SNAPSHOT)}};
}

Json restore(NativeHost& host, const Json& request) {
    const std::string file = request.at("file");
    const std::string xml = request.at("xml");
    if (virDomainRestoreFlags(host.raw(), file.c_str(), xml.empty() ? nullptr : xml.c_str(), 0) < 0) {
        throw_last_virt_error(fmt::format("restore {}", file));
    }
    return Json::object();
}

Json status(virDomainPtr domain, const Json& /*request*/) {
    int state = 0;
    int reason = 0;
    check(virDomainGetState(domain, &state, &reason, 0), "read the state of", domain);
    return Json{{"state", state}, {"reason", reason_number(state, reason)}};
}

Json shutdown(virDomainPtr domain, const Json& request) {
    const unsigned flags = request.at("agent").get<bool>() ? VIR_DOMAIN_SHUTDOWN_GUEST_AGENT
                                                           : VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN;
    check(virDomainShutdownFlags(domain, flags), "shut down", domain);
    return Json::object();
}

/// Not running any more is what the caller wanted.
Json destroy(virDomainPtr domain, const Json& /*request*/) {
    if (virDomainDestroyFlags(domain, 0) < 0) {
        const LastVirtError error = last_virt_error();
        if (virDomainIsActive(domain) == 1) {
            throw_virt_error(error,
                             [&] { return fmt::format("destroy domain '{}'", virDomainGetName(domain)); });
        }
    }
    return Json::object();
}

Json undefine(virDomainPtr domain, const Json& /*request*/) {
    constexpr unsigned flags = VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
                               VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA | VIR_DOMAIN_UNDEFINE_NVRAM;
    // The test driver and old daemons do not know every flag.
    if (virDomainUndefineFlags(domain, flags) < 0 &&
        virDomainUndefineFlags(domain, VIR_DOMAIN_UNDEFINE_MANAGED_SAVE) < 0 &&
        virDomainUndefine(domain) < 0) {
        throw_virt_error(last_virt_error(),
                         [&] { return fmt::format("undefine domain '{}'", virDomainGetName(domain)); });
    }
    return Json::object();
}

Json cpu_time(virDomainPtr domain, const Json& /*request*/) {
    virDomainInfo info{};
    check(virDomainGetInfo(domain, &info), "read the CPU time of", domain);
    return Json{{"nanoseconds", info.cpuTime}};
}

Json xml(virDomainPtr domain, const Json& request) {
    const Text text(virDomainGetXMLDesc(
        domain, request.at("inactive").get<bool>() ? unsigned{VIR_DOMAIN_XML_INACTIVE} : 0U));
    if (!text) {
        throw_virt_error(last_virt_error(), [&] {
            return fmt::format("read the XML of domain '{}'", virDomainGetName(domain));
        });
    }
    return Json{{"xml", text.get()}};
}

Json agent(virDomainPtr domain, const Json& request) {
    const std::string command = request.at("command").dump();
    const Text answer(virDomainQemuAgentCommand(domain, command.c_str(), request.at("timeout"), 0));
    if (!answer) {
        throw_virt_error(last_virt_error(), [&] {
            return fmt::format("ask the guest agent of '{}'", virDomainGetName(domain));
        });
    }
    return parse_json(answer.get(), "guest agent");
}

Json monitor(virDomainPtr domain, const Json& request) {
    const std::string command = request.at("command").dump();
    char* raw = nullptr;
    check(virDomainQemuMonitorCommand(domain, command.c_str(), &raw, 0), "give a monitor command to", domain);
    const Text answer(raw);
    return parse_json(answer.get(), "QEMU monitor");
}

Json addresses(virDomainPtr domain, const Json& request) {
    virDomainInterfacePtr* interfaces = nullptr;
    const int count = virDomainInterfaceAddresses(domain, &interfaces, request.at("source"), 0);
    check(count, "read the addresses of", domain);
    Json list = Json::array();
    for (int i = 0; i < count; ++i) {
        for (unsigned j = 0; j < interfaces[i]->naddrs; ++j) {
            list.push_back({{"mac", interfaces[i]->hwaddr != nullptr ? interfaces[i]->hwaddr : ""},
                            {"address", interfaces[i]->addrs[j].addr}});
        }
        virDomainInterfaceFree(interfaces[i]);
    }
    free(interfaces);  // NOLINT: allocated by libvirt with malloc
    return Json{{"addresses", std::move(list)}};
}

Json autostart(virDomainPtr domain, const Json& request) {
    if (request.contains("on")) {
        check(virDomainSetAutostart(domain, request.at("on").get<bool>() ? 1 : 0), "set autostart of",
              domain);
    }
    int on = 0;
    check(virDomainGetAutostart(domain, &on), "read autostart of", domain);
    return Json{{"on", on == 1}};
}

Json save(virDomainPtr domain, const Json& request) {
    const std::string file = request.at("file");
    check(virDomainSaveFlags(domain, file.c_str(), nullptr, 0), "save", domain);
    return Json::object();
}

Json screenshot(virDomainPtr domain, const Json& request) {
    take_screenshot(domain, request.at("file").get<std::string>());
    return Json::object();
}

/// Operations that are one libvirt call with no more arguments.
template <auto Call>
Json plain(virDomainPtr domain, const Json& request) {
    check((*Call)(domain), request.at("op").get<std::string>(), domain);
    return Json::object();
}

Json reboot(virDomainPtr domain, const Json& /*request*/) {
    check(virDomainReboot(domain, 0), "reboot", domain);
    return Json::object();
}

Json wakeup(virDomainPtr domain, const Json& /*request*/) {
    check(virDomainPMWakeup(domain, 0), "wake up", domain);
    return Json::object();
}

using DomainOperation = Json (*)(virDomainPtr, const Json&);
const std::map<std::string, DomainOperation, std::less<>> on_domain{
    {"status", status},
    {"start", plain<&virDomainCreate>},
    {"shutdown", shutdown},
    {"destroy", destroy},
    {"undefine", undefine},
    {"reboot", reboot},
    {"cpu_time", cpu_time},
    {"suspend", plain<&virDomainSuspend>},
    {"resume", plain<&virDomainResume>},
    {"wakeup", wakeup},
    {"xml", xml},
    {"agent", agent},
    {"addresses", addresses},
    {"monitor", monitor},
    {"autostart", autostart},
    {"save", save},
    {"screenshot", screenshot},
};

}  // namespace

Json domain_operation(NativeHost& host, const std::string& op, const Json& request) {
    if (op == "define") {
        return define(host, request);
    }
    if (op == "create") {
        return create(host, request);
    }
    if (op == "list") {
        return list(host, request);
    }
    if (op == "restore") {
        return restore(host, request);
    }
    const DomainHandle domain = host.find(request.at("domain"));
    if (op == "find") {
        return identity(domain.get());
    }
    return on_domain.at(op)(domain.get(), request);
}

}  // namespace imgforge::virt
