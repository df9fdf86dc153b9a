// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/ports.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <sstream>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "pipelines/lifecycle/boot.hpp"
#include "pipelines/lifecycle/change_journal.hpp"
#include "pipelines/lifecycle/forwarder.hpp"
#include "pipelines/lifecycle/socket_address.hpp"

namespace imgforge::lifecycle {
namespace {

[[noreturn]] void refuse_text(std::string_view text, const std::string& why) {
    throw Error(Failure::usage, fmt::format("'{}' is not a published port: {}", text, why),
                "[ADDRESS:]HOSTPORT:GUESTPORT[/udp], such as 8080:80 or 0.0.0.0:8443:443");
}

std::uint16_t port_number(std::string_view digits, std::string_view text) {
    std::uint16_t port = 0;
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (result.ec != std::errc() || result.ptr != digits.data() + digits.size() || port == 0) {
        refuse_text(text, fmt::format("'{}' is not a port from 1 to 65535", digits));
    }
    return port;
}

bool covers_all(const std::string& address) {
    return address == "0.0.0.0" || address == "::";
}

bool clash(const PublishedPort& a, const PublishedPort& b) {
    return a.host_port == b.host_port && a.protocol == b.protocol &&
           (a.address == b.address || covers_all(a.address) || covers_all(b.address));
}

void require_free_here(const PublishedPort& port) {
    const SocketAddress address = socket_address(port.address, port.host_port);
    const Fd fd(socket(address.storage.ss_family,
                       (port.protocol == "udp" ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0));
    if (!fd) {
        throw system_error("open", "a socket", errno);
    }
    const int on = 1;
    if (port.protocol == "tcp") {
        setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    }
    if (bind(fd.get(), address.get(), address.length) != 0) {
        const int code = errno;
        throw Error(Failure::host,
                    fmt::format("port {} of {} ({}) cannot be published: {}", port.host_port, port.address,
                                port.protocol, errno_text(code)),
                    code == EADDRINUSE
                        ? "another program listens there: take another port, or end it (ss -lntup)"
                    : code == EACCES ? "ports below 1024 are root's: take a higher one"
                                     : "is that an address of this host? (ip addr)");
    }
}

void require_unclaimed(MachineRegistry& registry, const std::string& name, const PublishedPort& port) {
    for (const auto& other : registry.reservations().all()) {
        if (other.name == name || other.state == RecordState::destroyed) {
            continue;
        }
        const bool ssh = other.ssh_port && port.protocol == "tcp" && *other.ssh_port == port.host_port;
        if (ssh || std::any_of(other.published.begin(), other.published.end(),
                               [&](const auto& taken) { return clash(taken, port); })) {
            throw Error(Failure::domain,
                        fmt::format("port {} of {} ({}) is published for machine '{}'", port.host_port,
                                    port.address, port.protocol, other.name),
                        "take another port; imgforge list shows who has which");
        }
    }
}

void require_publishable(const MachineRecord& record) {
    if (record.is_remote()) {
        throw Error(Failure::usage, "ports of a machine on another host cannot be published",
                    "imgforge ssh NAME -L 8080:localhost:80 forwards one while it runs");
    }
    if (record.nics.empty() || record.nics.front().network.kind == NetworkSpec::Kind::bridge) {
        throw Error(Failure::usage, "a machine on a bridge has an address of its own; nothing is forwarded",
                    "publish ports of machines on user networks or networks of libvirt");
    }
}

/// QEMU's user network forwards IPv4 only.
void require_qemu_can(const MachineRecord& record) {
    for (const auto& port : record.published) {
        if (publishing_of(record) == Publishing::qemu && port.address.find(':') != std::string::npos) {
            throw Error(Failure::usage,
                        fmt::format("a user network cannot listen on the IPv6 address {}", port.address),
                        "an IPv4 address, or --network nat");
        }
    }
}

std::string monitor_answer(const virt::Domain& domain, const std::string& line) {
    const Json answer =
        domain.monitor({{"execute", "human-monitor-command"}, {"arguments", {{"command-line", line}}}});
    return answer.is_string() ? answer.get<std::string>() : "";
}

void monitor_command(const virt::Domain& domain, const std::string& line) {
    // The human monitor answers with nothing, or with what is wrong.
    const std::string text = monitor_answer(domain, line);
    const bool fine =
        text.find_first_not_of(" \r\n") == std::string::npos || text.find("removed") != std::string::npos;
    if (!fine) {
        throw Error(Failure::host, fmt::format("QEMU does not do '{}': {}", line,
                                               text.substr(0, text.find_last_not_of(" \r\n") + 1)));
    }
}

/// Whether `usernet`, the answer of "info usernet", has that port: "TCP[HOST_FORWARD] 12 127.0.0.1 8080 …".
bool listens(const std::string& usernet, const PublishedPort& port) {
    std::istringstream lines(usernet);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string protocol;
        std::string fd;
        std::string address;
        int number = 0;
        words >> protocol >> fd >> address >> number;
        // It shows every address as "*" when it listens on all.
        if (protocol == (port.protocol == "udp" ? "UDP[HOST_FORWARD]" : "TCP[HOST_FORWARD]") &&
            number == port.host_port &&
            (address == port.address || (address == "*" && covers_all(port.address)))) {
            return true;
        }
    }
    return false;
}

/// QEMU itself listens; it takes and gives back ports while it runs.
void change_running(const virt::Connection& connection, const MachineRecord& record,
                    const PublishedPort& port, bool remove) {
    const auto domain = connection.find(record.uuid);
    const auto status = domain ? domain->status() : std::nullopt;
    if (!status || !status->active() || listens(monitor_answer(*domain, "info usernet"), port) != remove) {
        return;
    }
    const std::string rule = fmt::format("{}:{}:{}", port.protocol, port.address, port.host_port);
    monitor_command(*domain, remove ? fmt::format("hostfwd_remove imgforge-net0 {}", rule)
                                    : fmt::format("hostfwd_add imgforge-net0 {}-:{}", rule, port.guest_port));
}

PublishedPort take_out(MachineRecord& record, const PublishedPort& port) {
    const auto found = std::find_if(record.published.begin(), record.published.end(), [&](const auto& have) {
        return have.host_port == port.host_port && have.protocol == port.protocol &&
               (port.guest_port == 0 || have.guest_port == port.guest_port);
    });
    if (found == record.published.end()) {
        throw Error(Failure::domain,
                    fmt::format("machine '{}' does not publish port {} ({})", record.name, port.host_port,
                                port.protocol),
                    fmt::format("imgforge show {} lists its ports", record.name));
    }
    const PublishedPort taken = *found;
    record.published.erase(found);
    return taken;
}

}  // namespace

PublishedPort parse_published(std::string_view text) {
    PublishedPort port;
    std::string_view rest = text;
    if (const std::size_t slash = rest.find('/'); slash != std::string_view::npos) {
        port.protocol = rest.substr(slash + 1);
        rest = rest.substr(0, slash);
    }
    if (port.protocol != "tcp" && port.protocol != "udp") {
        refuse_text(text, fmt::format("the protocol is tcp or udp, not '{}'", port.protocol));
    }
    const std::size_t guest = rest.rfind(':');
    if (guest == std::string_view::npos) {
        refuse_text(text, "it has no ':'");
    }
    port.guest_port = port_number(rest.substr(guest + 1), text);
    rest = rest.substr(0, guest);
    const std::size_t host = rest.rfind(':');
    port.host_port = port_number(host == std::string_view::npos ? rest : rest.substr(host + 1), text);
    if (host != std::string_view::npos) {
        std::string_view address = rest.substr(0, host);
        if (address.size() > 2 && address.front() == '[' && address.back() == ']') {
            address = address.substr(1, address.size() - 2);
        }
        port.address = address;
    }
    if (socket_address(port.address, port.host_port).length == 0) {
        refuse_text(text, fmt::format("'{}' is not an IP address", port.address));
    }
    return port;
}

Publishing publishing_of(const MachineRecord& record) {
    return record.ssh_port ? Publishing::qemu : Publishing::forwarder;
}

void check_published(MachineRegistry& registry, const MachineRecord& record) {
    if (record.published.empty()) {
        return;
    }
    require_publishable(record);
    require_qemu_can(record);
    for (auto port = record.published.begin(); port != record.published.end(); ++port) {
        if (std::any_of(record.published.begin(), port,
                        [&](const auto& other) { return clash(other, *port); })) {
            throw Error(Failure::usage, fmt::format("port {} is published twice", port->host_port));
        }
        require_unclaimed(registry, record.name, *port);
        // A machine that exists already may have it listened on by this store's forwarder.
        if (record.name.empty() || publishing_of(record) == Publishing::qemu) {
            require_free_here(*port);
        }
    }
}

void forward_port(Lifecycle& lifecycle, std::string_view name, const PublishedPort& port, bool remove) {
    auto [record, lock] = lifecycle.hold(name);
    require_publishable(record);
    PublishedPort changed = port;
    if (remove) {
        changed = take_out(record, port);
    } else {
        if (std::find(record.published.begin(), record.published.end(), port) != record.published.end()) {
            return;
        }
        for (const auto& have : record.published) {
            if (clash(have, port)) {
                throw Error(Failure::domain,
                            fmt::format("machine '{}' publishes {} already", record.name, have.text()));
            }
        }
        require_unclaimed(lifecycle, record.name, port);
        require_free_here(port);
        record.published.push_back(port);
        require_qemu_can(record);
    }
    if (publishing_of(record) == Publishing::qemu) {
        ChangeJournal journal(lifecycle, record, {.ports = true});
        const auto connection = lifecycle.open(record);
        change_running(connection, record, changed, remove);
        define_machine(lifecycle, connection, record);
        lifecycle.save(record);
        journal.finish();
        return;
    }
    lifecycle.save(record);
    ensure_forwarder(lifecycle);
}

void apply_ports(Lifecycle& lifecycle, const virt::Connection& connection, const MachineRecord& record) {
    if (publishing_of(record) != Publishing::qemu) {
        return;
    }
    for (const auto& port : record.published) {
        change_running(connection, record, port, false);
    }
    define_machine(lifecycle, connection, record);
}

}  // namespace imgforge::lifecycle
