// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/virt/native_host.hpp"

#include <fmt/format.h>

#include <array>
#include <thread>
#include <vector>

#include "builder/base/log.hpp"
#include "builder/virt/domain_reason.hpp"
#include "builder/virt/virt_error.hpp"

namespace imgforge::virt {

namespace {

std::string version_text(unsigned long version) {
    return fmt::format("{}.{}.{}", version / 1000000, version / 1000 % 1000, version % 1000);
}

/// What a new machine can have: free memory, and what the kernel gives back at once. Zero when the driver
/// cannot tell: the test driver, and session daemons without rights.
std::uint64_t available_memory(virConnectPtr connection) {
    int count = 0;
    if (virNodeGetMemoryStats(connection, VIR_NODE_MEMORY_STATS_ALL_CELLS, nullptr, &count, 0) < 0 ||
        count == 0) {
        return virNodeGetFreeMemory(connection);
    }
    std::vector<virNodeMemoryStats> stats(static_cast<std::size_t>(count));
    if (virNodeGetMemoryStats(connection, VIR_NODE_MEMORY_STATS_ALL_CELLS, stats.data(), &count, 0) < 0) {
        return virNodeGetFreeMemory(connection);
    }
    std::uint64_t kib = 0;
    for (const auto& entry : stats) {
        const std::string_view field = std::data(entry.field);
        if (field == VIR_NODE_MEMORY_STATS_FREE || field == VIR_NODE_MEMORY_STATS_BUFFERS ||
            field == VIR_NODE_MEMORY_STATS_CACHED) {
            kib += entry.value;
        }
    }
    return kib * 1024;
}

Json host_info(virConnectPtr connection) {
    Json info;
    const Handle<char, free> name(virConnectGetHostname(connection));
    info["hostname"] = name ? name.get() : "";
    info["memory_free"] = available_memory(connection);
    virNodeInfo node{};
    info["cpus"] = virNodeGetInfo(connection, &node) == 0 ? static_cast<int>(node.cpus) : 0;
    unsigned long version = 0;
    info["libvirt"] = virConnectGetLibVersion(connection, &version) == 0 ? version_text(version) : "";
    info["hypervisor"] =
        virConnectGetVersion(connection, &version) == 0 && version != 0 ? version_text(version) : "";
    return info;
}

Json capabilities(virConnectPtr connection, bool kvm) {
    const Handle<char, free> xml(
        virConnectGetDomainCapabilities(connection, nullptr, "x86_64", "q35", kvm ? "kvm" : "qemu", 0));
    if (!xml) {
        throw_last_virt_error("read the domain capabilities");
    }
    return Json{{"xml", xml.get()}};
}

}  // namespace

NativeHost::NativeHost(const std::string& uri, std::chrono::milliseconds settle)
    : loop_(EventLoop::shared()), settled_at_(std::chrono::steady_clock::now() + settle) {
    connection_.reset(virConnectOpen(uri.c_str()));
    if (!connection_) {
        throw_connect_error(uri);
    }
    // Remote daemons: notice a dead peer after 5 x 5 s. Drivers without a peer refuse, which is fine.
    static_cast<void>(virConnectSetKeepAlive(connection_.get(), 5, 5));
    watch_stops();
}

void NativeHost::watch_stops() {
    auto* const shared =
        new std::shared_ptr<Stops>(stops_);  // NOLINT: freed by libvirt through the callback below
    const auto heard = [](virConnectPtr, virDomainPtr domain, int event, int detail, void* data) -> int {
        std::array<char, VIR_UUID_STRING_BUFLEN> uuid{};
        if (event == VIR_DOMAIN_EVENT_STOPPED && virDomainGetUUIDString(domain, uuid.data()) == 0) {
            Stops& stops = **static_cast<std::shared_ptr<Stops>*>(data);
            const std::lock_guard guard(stops.mutex);
            stops.detail[uuid.data()] = detail;
        }
        return 0;
    };
    const virConnectDomainEventCallback callback = heard;
    const virFreeCallback free_data = [](void* data) { delete static_cast<std::shared_ptr<Stops>*>(data); };
    if (virConnectDomainEventRegisterAny(connection_.get(), nullptr, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                         VIR_DOMAIN_EVENT_CALLBACK(callback), shared, free_data) < 0) {
        free_data(shared);  // drivers without events: last_stop() then never knows
    }
}

Json NativeHost::last_stop(const std::string& uuid) const {
    const std::lock_guard guard(stops_->mutex);
    const auto found = stops_->detail.find(uuid);
    if (found == stops_->detail.end()) {
        return Json{{"known", false}};
    }
    return Json{{"known", true}, {"reason", static_cast<int>(stop_reason(found->second))}};
}

DomainHandle NativeHost::find(const std::string& name_or_uuid) const {
    while (true) {
        DomainHandle domain(virDomainLookupByUUIDString(connection_.get(), name_or_uuid.c_str()));
        if (!domain) {
            domain.reset(virDomainLookupByName(connection_.get(), name_or_uuid.c_str()));
        }
        if (domain) {
            return domain;
        }
        // Right after opening, the embedded driver is still reconnecting to its running machines.
        if (std::chrono::steady_clock::now() >= settled_at_) {
            throw_last_virt_error(fmt::format("find domain {}", name_or_uuid));
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
}

Json NativeHost::call(const Json& request, std::chrono::milliseconds /*deadline*/) {
    const std::string op = request.at("op");
    if (op == "host") {
        return host_info(connection_.get());
    }
    if (op == "capabilities") {
        return capabilities(connection_.get(), request.at("kvm"));
    }
    if (op == "last_stop") {
        return last_stop(request.at("domain"));
    }
    if (op == "alive") {
        return Json{{"alive", virConnectIsAlive(connection_.get()) == 1}};
    }
    if (op.starts_with("secret-")) {
        return secret_operation(*this, op, request);
    }
    if (op.starts_with("network-")) {
        return network_operation(*this, op, request);
    }
    if (op.starts_with("device-") || op.starts_with("block-")) {
        return device_operation(*this, op, request);
    }
    if (op.starts_with("snapshot-") || op == "saved" || op == "drop-saved" || op == "disk-errors" ||
        op == "memory" || op == "vcpus" || op == "rename") {
        return state_operation(*this, op, request);
    }
    return domain_operation(*this, op, request);
}

}  // namespace imgforge::virt
