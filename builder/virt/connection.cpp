// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/virt/connection.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "builder/base/error.hpp"
#include "builder/base/log.hpp"
#include "builder/virt/embedded_root.hpp"
#include "builder/virt/guarded_host.hpp"
#include "builder/virt/virt_error.hpp"
#include "builder/virt/worker_transport.hpp"

namespace imgforge::virt {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds usual = seconds(60);

std::string percent_encoded(std::string_view path) {
    std::string out;
    for (const char c : path) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           std::string_view("/-._~").find(c) != std::string_view::npos;
        out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

bool system_daemon_answers() {
    try {
        const GuardedHost host("qemu:///system", seconds(3));
        return true;
    } catch (const VirtError& error) {
        log::debug(error.message());
        return false;
    }
}

std::string normalised(const std::string& uri) {
    return uri == "embedded" || uri == "embed" ? std::string() : uri;
}

}  // namespace

ConnectionChoice choose_connection(const std::optional<std::string>& option,
                                   const std::optional<std::string>& setting) {
    if (option && !option->empty()) {
        return {.uri = normalised(*option), .source = "--connect"};
    }
    if (const char* const environment = std::getenv("LIBVIRT_DEFAULT_URI");
        environment != nullptr && *environment != '\0') {
        return {.uri = normalised(environment), .source = "LIBVIRT_DEFAULT_URI"};
    }
    if (setting) {
        return {.uri = normalised(*setting), .source = "settings"};
    }
    if (system_daemon_answers()) {
        return {.uri = "qemu:///system", .source = "qemu:///system answers"};
    }
    return {.uri = {}, .source = "no libvirt daemon answers"};
}

std::string embedded_uri(const std::filesystem::path& root) {
    return "qemu:///embed?root=" + percent_encoded(root.native());
}

Connection Connection::open(const std::string& uri, const std::filesystem::path& capabilities,
                            milliseconds timeout, int token) {
    if (embedded_root(uri)) {
        return {uri, std::make_shared<WorkerTransport>(uri, capabilities, timeout, token)};
    }
    return {uri, std::make_shared<GuardedHost>(uri, timeout)};
}

HostInfo Connection::host(milliseconds deadline) const {
    const Json info = transport_->call({{"op", "host"}}, deadline);
    return {.hostname = info.at("hostname"),
            .memory_free = ByteSize::bytes(info.at("memory_free")),
            .cpus = info.at("cpus"),
            .libvirt_version = info.at("libvirt"),
            .hypervisor_version = info.at("hypervisor")};
}

std::string Connection::domain_capabilities(bool kvm) const {
    return transport_->call({{"op", "capabilities"}, {"kvm", kvm}}, usual).at("xml");
}

Domain Connection::define(const std::string& xml) const {
    const Json made = transport_->call({{"op", "define"}, {"xml", xml}}, usual);
    return {transport_, made.at("name"), made.at("uuid")};
}

Domain Connection::create(const std::string& xml, bool auto_destroy) const {
    const Json made =
        transport_->call({{"op", "create"}, {"xml", xml}, {"auto_destroy", auto_destroy}}, usual);
    return {transport_, made.at("name"), made.at("uuid")};
}

Domain Connection::create_paused(const std::string& xml) const {
    const Json made =
        transport_->call({{"op", "create"}, {"xml", xml}, {"auto_destroy", false}, {"paused", true}}, usual);
    return {transport_, made.at("name"), made.at("uuid")};
}

std::optional<Domain> Connection::find(const std::string& name_or_uuid) const {
    try {
        const Json found = transport_->call({{"op", "find"}, {"domain", name_or_uuid}}, usual);
        return Domain(transport_, found.at("name"), found.at("uuid"));
    } catch (const VirtError& error) {
        if (error.cause() == VirtCause::no_domain) {
            return std::nullopt;
        }
        throw;
    }
}

std::vector<DomainRow> Connection::domains() const {
    std::vector<DomainRow> rows;
    const Json answer = transport_->call({{"op", "list"}}, usual);
    for (const Json& row : answer.at("domains")) {
        const std::string uuid = row.at("uuid");
        rows.push_back({.name = row.at("name"),
                        .uuid = uuid,
                        .state = domain_state(row.at("state")),
                        .reason = domain_reason(row.at("reason").get<int>()),
                        .saved = answer.at("saved").contains(uuid),
                        .autostart = answer.at("autostart").contains(uuid),
                        .snapshots = answer.at("snapshots").value(uuid, std::vector<std::string>())});
    }
    return rows;
}

void Connection::restore(const std::filesystem::path& file, const std::string& xml) const {
    transport_->call({{"op", "restore"}, {"file", file.string()}, {"xml", xml}}, std::chrono::minutes(10));
}

std::vector<NetworkInfo> Connection::networks() const {
    std::vector<NetworkInfo> rows;
    const Json answer = transport_->call({{"op", "network-list"}}, usual);
    for (const Json& row : answer.at("networks")) {
        rows.push_back({.name = row.at("name"),
                        .active = row.at("active"),
                        .autostart = row.at("autostart"),
                        .bridge = row.at("bridge"),
                        .forward = row.at("forward")});
    }
    return rows;
}

void Connection::start_network(const std::string& name) const {
    transport_->call({{"op", "network-start"}, {"network", name}}, usual);
}

void Connection::set_network_autostart(const std::string& name, bool on) const {
    transport_->call({{"op", "network-autostart"}, {"network", name}, {"on", on}}, usual);
}

std::vector<std::string> Connection::leases(const std::string& network, const std::string& mac) const {
    return transport_->call({{"op", "network-leases"}, {"network", network}, {"mac", mac}}, usual)
        .at("addresses")
        .get<std::vector<std::string>>();
}

void Connection::reserve_address(const std::string& network, const std::string& mac, const std::string& name,
                                 const std::string& ip) const {
    transport_->call(
        {{"op", "network-reserve"}, {"network", network}, {"mac", mac}, {"name", name}, {"ip", ip}}, usual);
}

void Connection::forget_address(const std::string& network, const std::string& mac) const {
    transport_->call({{"op", "network-forget"}, {"network", network}, {"mac", mac}}, usual);
}

void Connection::keep_ceph_secret(const std::string& usage, const std::string& key) const {
    const std::vector<std::uint8_t> bytes(key.begin(), key.end());
    transport_->call({{"op", "secret-ceph"}, {"usage", usage}, {"key", bytes}}, usual);
}

bool Connection::alive() const {
    try {
        return transport_->call({{"op", "alive"}}, seconds(5)).at("alive");
    } catch (const Error&) {
        return false;
    }
}

_virConnect* Connection::raw() const {
    const auto* const guarded = dynamic_cast<const GuardedHost*>(transport_.get());
    return guarded != nullptr ? guarded->raw() : nullptr;
}

}  // namespace imgforge::virt
