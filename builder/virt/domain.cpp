// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/virt/domain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "builder/virt/libvirt_library.hpp"

namespace imgforge::virt {

std::string_view to_string(DomainState state) {
    switch (state) {
        case DomainState::running: return "running";
        case DomainState::blocked: return "blocked";
        case DomainState::paused: return "paused";
        case DomainState::shutting_down: return "shutting down";
        case DomainState::shut_off: return "shut off";
        case DomainState::crashed: return "crashed";
        case DomainState::suspended: return "suspended";
        case DomainState::unknown: break;
    }
    return "unknown";
}

std::string DomainStatus::text() const {
    return reason == DomainReason::unknown ? std::string(to_string(state))
                                           : fmt::format("{} ({})", to_string(state), to_string(reason));
}

Domain::Domain(std::shared_ptr<Transport> transport, std::string name, std::string uuid)
    : transport_(std::move(transport)), name_(std::move(name)), uuid_(std::move(uuid)) {}

Json Domain::call(std::string_view op, Json request, std::chrono::milliseconds deadline) const {
    request["op"] = std::string(op);
    request["domain"] = uuid_;
    return transport_->call(request, deadline);
}

void Domain::start() const {
    call("start");
}
void Domain::shutdown(bool through_agent) const {
    call("shutdown", {{"agent", through_agent}});
}
void Domain::reboot() const {
    call("reboot");
}
void Domain::suspend() const {
    call("suspend");
}
void Domain::resume() const {
    call("resume");
}

void Domain::wakeup() const {
    call("wakeup");
}

void Domain::destroy() const {
    try {
        call("destroy");
    } catch (const VirtError& error) {
        if (error.cause() != VirtCause::no_domain) {
            throw;
        }
    }
}

void Domain::undefine() const {
    try {
        call("undefine");
    } catch (const VirtError& error) {
        if (error.cause() != VirtCause::no_domain) {
            throw;
        }
    }
}

void Domain::set_autostart(bool on) const {
    call("autostart", {{"on", on}});
}
bool Domain::autostart() const {
    return call("autostart").at("on");
}

std::optional<DomainStatus> Domain::status(std::chrono::milliseconds deadline) const {
    try {
        const Json answer = call("status", Json::object(), deadline);
        return DomainStatus{.state = domain_state(answer.at("state")),
                            .reason = domain_reason(answer.at("reason").get<int>())};
    } catch (const VirtError& error) {
        if (error.cause() == VirtCause::no_domain) {
            return std::nullopt;
        }
        throw;
    }
}

std::optional<DomainStatus> Domain::last_stop() const {
    const Json answer = call("last_stop");
    if (!answer.at("known").get<bool>()) {
        return std::nullopt;
    }
    return DomainStatus{.state = DomainState::shut_off,
                        .reason = domain_reason(answer.at("reason").get<int>())};
}

std::string Domain::xml(bool inactive) const {
    return call("xml", {{"inactive", inactive}}).at("xml");
}

void Domain::rename(const std::string& name) const {
    call("rename", {{"name", name}});
}

bool Domain::managed_save() const {
    return call("saved").at("saved");
}
void Domain::drop_managed_save() const {
    call("drop-saved");
}

std::map<std::string, std::string> Domain::disk_errors() const {
    return call("disk-errors").at("errors").get<std::map<std::string, std::string>>();
}

void Domain::set_memory(ByteSize memory, bool maximum, Affects affects) const {
    call(
        "memory",
        {{"kib", memory.in_kib()}, {"maximum", maximum}, {"live", affects.live}, {"config", affects.config}});
}

void Domain::set_vcpus(int count, bool maximum, Affects affects) const {
    call("vcpus",
         {{"count", count}, {"maximum", maximum}, {"live", affects.live}, {"config", affects.config}});
}

std::vector<SnapshotInfo> Domain::snapshots() const {
    std::vector<SnapshotInfo> list;
    const Json answer = call("snapshot-list");
    for (const Json& row : answer.at("snapshots")) {
        list.push_back({.name = row.at("name"),
                        .description = row.at("description"),
                        .parent = row.at("parent"),
                        .created = row.at("created"),
                        .state = row.at("state"),
                        .current = row.at("current"),
                        .memory = row.at("memory"),
                        .external = row.at("external")});
    }
    std::stable_sort(list.begin(), list.end(),
                     [](const auto& a, const auto& b) { return a.created < b.created; });
    return list;
}

void Domain::create_snapshot(const std::string& name, const std::string& description) const {
    call("snapshot-create", {{"name", name}, {"description", description}}, std::chrono::minutes(10));
}
void Domain::revert_snapshot(const std::string& name) const {
    call("snapshot-revert", {{"name", name}}, std::chrono::minutes(10));
}
void Domain::delete_snapshot(const std::string& name, bool metadata_only) const {
    call("snapshot-delete", {{"name", name}, {"metadata", metadata_only}}, std::chrono::minutes(10));
}

std::chrono::nanoseconds Domain::cpu_time() const {
    return std::chrono::nanoseconds(call("cpu_time").at("nanoseconds").get<std::uint64_t>());
}

BlockStats Domain::block_stats(const std::string& target) const {
    const Json answer = call("block-stats", {{"target", target}});
    // libvirt says -1 for what it does not know.
    const auto value = [&answer](const char* key) {
        return static_cast<std::uint64_t>(std::max(answer.at(key).get<std::int64_t>(), std::int64_t{0}));
    };
    return {.read_bytes = value("read"), .write_bytes = value("write")};
}

void Domain::screenshot(const std::filesystem::path& png) const {
    call("screenshot", {{"file", png.string()}});
}

Json Domain::agent(const Json& command, std::chrono::seconds timeout) const {
    const Json request{{"command", command}, {"timeout", timeout.count()}};
    return call("agent", request, timeout + std::chrono::seconds(30)).value("return", Json());
}

Json Domain::monitor(const Json& command) const {
    const Json answer = call("monitor", {{"command", command}});
    if (answer.contains("error")) {
        throw VirtError(VirtCause::other, Failure::domain,
                        fmt::format("QEMU refuses '{}' for '{}': {}", command.value("execute", ""), name_,
                                    answer.at("error").value("desc", "no reason given")));
    }
    return answer.value("return", Json());
}

std::vector<InterfaceAddress> Domain::addresses(AddressSource source) const {
    const int number = source == AddressSource::lease   ? VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE
                       : source == AddressSource::agent ? VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT
                                                        : VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP;
    std::vector<InterfaceAddress> list;
    const Json answer = call("addresses", {{"source", number}});
    for (const Json& row : answer.at("addresses")) {
        list.push_back({.mac = row.at("mac"), .address = row.at("address")});
    }
    return list;
}

void Domain::attach(const std::string& device_xml, bool persistent) const {
    call("device-attach", {{"xml", device_xml}, {"persistent", persistent}});
}

void Domain::attach_to_definition(const std::string& device_xml) const {
    call("device-define", {{"xml", device_xml}});
}

void Domain::detach(const std::string& device_xml, bool persistent) const {
    call("device-detach", {{"xml", device_xml}, {"persistent", persistent}});
}

void Domain::update(const std::string& device_xml, bool persistent) const {
    call("device-update", {{"xml", device_xml}, {"persistent", persistent}});
}

void Domain::start_block_copy(const std::string& target, const std::filesystem::path& destination) const {
    call("block-copy", {{"target", target}, {"destination", destination.string()}});
}

void Domain::start_top_copy(const std::string& target, const std::filesystem::path& overlay) const {
    call("block-copy", {{"target", target}, {"destination", overlay.string()}, {"top", true}});
}

void Domain::start_block_pull(const std::string& target) const {
    call("block-pull", {{"target", target}});
}

void Domain::start_block_commit(const std::string& target, const std::filesystem::path& base) const {
    call("block-commit", {{"target", target}, {"base", base.string()}});
}

std::optional<BlockJob> Domain::block_job(const std::string& target) const {
    const Json answer = call("block-job", {{"target", target}});
    if (!answer.at("running").get<bool>()) {
        return std::nullopt;
    }
    return BlockJob{.done = answer.at("done"), .total = answer.at("total"), .running = true};
}

void Domain::pivot_block_copy(const std::string& target) const {
    call("block-pivot", {{"target", target}});
}
void Domain::abort_block_job(const std::string& target) const {
    call("block-abort", {{"target", target}});
}

void Domain::resize_block(const std::string& target, std::uint64_t bytes) const {
    call("block-resize", {{"target", target}, {"bytes", bytes}});
}

void Domain::save(const std::filesystem::path& file) const {
    call("save", {{"file", file.string()}}, std::chrono::minutes(10));
}

DomainState domain_state(int libvirt_number) {
    switch (libvirt_number) {
        case VIR_DOMAIN_RUNNING: return DomainState::running;
        case VIR_DOMAIN_BLOCKED: return DomainState::blocked;
        case VIR_DOMAIN_PAUSED: return DomainState::paused;
        case VIR_DOMAIN_SHUTDOWN: return DomainState::shutting_down;
        case VIR_DOMAIN_SHUTOFF: return DomainState::shut_off;
        case VIR_DOMAIN_CRASHED: return DomainState::crashed;
        case VIR_DOMAIN_PMSUSPENDED: return DomainState::suspended;
        default: return DomainState::unknown;
    }
}

}  // namespace imgforge::virt
