// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/ready.hpp"

#include <algorithm>
#include <array>
#include <functional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/error.hpp"
#include "builder/base/suggestion.hpp"
#include "pipelines/lifecycle/cloud_init.hpp"
#include "pipelines/lifecycle/console_log.hpp"
#include "pipelines/lifecycle/observe.hpp"

namespace imgforge::lifecycle {
namespace {

constexpr std::array signals = {std::pair(Wait::none, std::string_view("none")),
                                std::pair(Wait::ip, std::string_view("ip")),
                                std::pair(Wait::agent, std::string_view("agent")),
                                std::pair(Wait::cloud_init, std::string_view("cloud-init")),
                                std::pair(Wait::ssh, std::string_view("ssh"))};

/// One machine on its way up.
class Waiting {
public:
    Waiting(Lifecycle& lifecycle, const MachineRecord& record, std::uint64_t watch_from,
            LeaseTimes old_leases)
        : lifecycle_(lifecycle),
          record_(record),
          console_(lifecycle.console_log(record), watch_from),
          old_leases_(std::move(old_leases)) {}

    bool arrived(Wait signal) {
        console_.look();
        check_alive();
        switch (signal) {
            case Wait::none: return true;
            case Wait::ip: return has_address();
            case Wait::agent: return agent_answers();
            case Wait::cloud_init: return cloud_init_done();
            case Wait::ssh: return ssh_works();
        }
        return false;
    }

    std::string last_seen() const {
        const std::string console = console_.last_line().empty()
                                        ? fmt::format("{} bytes on the console", console_.bytes())
                                        : fmt::format("console: {}", console_.last_line().substr(0, 160));
        return halted_ + (seen_.empty() ? console : fmt::format("{}; {}", seen_, console));
    }

    Readiness result() const { return {found_.addresses, record_.ssh_port ? "127.0.0.1" : found_.best()}; }

private:
    void check_alive() {
        if (console_.fatal()) {
            throw Error(Failure::guest,
                        fmt::format("machine '{}' does not come up: {}", record_.name, *console_.fatal()));
        }
        // Asking costs a millisecond or two; a machine that died need not be noticed faster than this.
        constexpr std::chrono::seconds interval{2};
        const auto now = std::chrono::steady_clock::now();
        if (now - last_check_ < interval) {
            return;
        }
        last_check_ = now;
        const MachineView view = look(lifecycle_, std::vector<MachineRecord>{as_ready()},
                                      {.addresses = false, .remote = true, .sizes = false})
                                     .front();
        const std::string& state = view.state;
        halted_ = state == "paused" ? fmt::format("the machine is paused ({}); ", view.reason) : "";
        if (!halted_.empty() && record_.lazy) {
            halted_ += fmt::format("does {} answer? ", record_.lazy->url);
        }
        if (state == "shut off" || state == "missing" || state == "crashed") {
            throw Error(Failure::guest, fmt::format("machine '{}' stopped while waiting for it (now: {})",
                                                    record_.name, state));
        }
    }

    /// The record of a spawn in progress is not "ready" yet, but its domain shall be looked at.
    MachineRecord as_ready() const {
        MachineRecord copy = record_;
        copy.state = RecordState::ready;
        return copy;
    }

    bool has_address() {
        if (record_.ssh_port) {
            // The address inside a user network tells nothing; that the guest answers through the port does.
            return !read_banner("127.0.0.1", *record_.ssh_port, std::chrono::seconds(3), seen_).empty();
        }
        const auto connection = lifecycle_.open(record_);
        found_ = find_addresses(connection, record_);
        seen_ = found_.tried;
        // A guest that never asks DHCP again (an address of its own, say) is believed its old lease in the
        // end.
        constexpr std::chrono::minutes distrust{2};
        if (!old_leases_.empty() && std::chrono::steady_clock::now() - begun_ < distrust) {
            drop_old_leases(found_.addresses, old_leases_, lease_times(connection, record_));
            seen_ += found_.best().empty() ? ", of an earlier boot" : "";
        }
        return !found_.best().empty();
    }

    bool agent_answers() {
        if (!agent_connection_) {
            agent_connection_ = lifecycle_.open(record_);
        }
        try {
            const auto domain = agent_connection_->find(record_.uuid);
            if (!domain) {
                seen_ = "the domain is gone";
                return false;
            }
            static_cast<void>(domain->agent({{"execute", "guest-ping"}}, std::chrono::seconds(3)));
            found_.addresses = agent_addresses(*agent_connection_, record_);
            return true;
        } catch (const virt::VirtError& error) {
            seen_ = error.message();
            return false;
        }
    }

    bool ssh_works() {
        std::string address;
        if (!record_.ssh_port) {
            if (!has_address()) {
                return false;
            }
            address = found_.best();
        }
        const SshProbe probe = probe_ssh(lifecycle_.processes(), lifecycle_.ssh_target(record_, address),
                                         "true", std::chrono::seconds(30));
        seen_ = probe.seen;
        return probe.reached;
    }

    /// cloud-init's own report, by SSH or the agent. For a guest that allows no login it is inferred from
    /// what its console says.
    bool cloud_init_done() {
        const bool console_says = console_.cloud_init_finished();
        if (const auto status = cloud_init_status()) {
            seen_ = "cloud-init: " + status->value("status", "");
            return cloud_init_is_done(lifecycle_.monitor(), record_.name, *status);
        }
        if (!console_says) {
            seen_ = "cloud-init has not finished" + (seen_.empty() ? "" : "; " + seen_);
            return false;
        }
        constexpr int logins = 20;
        return ++silent_logins_ > logins;
    }

    /// What `cloud-init status --format json` says; nothing while the guest cannot be asked or cloud-init has
    /// not begun.
    std::optional<Json> cloud_init_status() {
        if (auto status = cloud_init_status_by_ssh()) {
            return status;
        }
        // libvirt asks a silent agent for seconds, so not at every look.
        constexpr unsigned interval = 4;
        if (agent_looks_++ % interval != interval - 1) {
            return std::nullopt;
        }
        const auto domain = lifecycle_.open(record_).find(record_.uuid);
        return domain ? cloud_init_status_by_agent(lifecycle_.clock(), *domain) : std::nullopt;
    }

    std::optional<Json> cloud_init_status_by_ssh() {
        std::string address;
        if (!record_.ssh_port) {
            if (!has_address()) {
                return std::nullopt;
            }
            address = found_.best();
        }
        const SshProbe probe = probe_ssh(lifecycle_.processes(), lifecycle_.ssh_target(record_, address),
                                         "cloud-init status --format json", std::chrono::seconds(30));
        seen_ = probe.seen;
        // It exits with 1 or 2 when something failed, and its answer says what.
        Json status = Json::parse(probe.output, nullptr, false);
        return status.is_object() ? std::optional(std::move(status)) : std::nullopt;
    }

    Lifecycle& lifecycle_;
    MachineRecord record_;
    ConsoleWatch console_;
    LeaseTimes old_leases_;
    std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
    int silent_logins_ = 0;
    unsigned agent_looks_ = 0;
    AddressSearch found_;
    std::optional<virt::Connection> agent_connection_;
    std::string seen_;
    std::string halted_;  ///< why it does not run at the moment; empty: it runs
    std::chrono::steady_clock::time_point last_check_ = std::chrono::steady_clock::now();
};

}  // namespace

Wait parse_wait(std::string_view word) {
    std::vector<std::string> known;
    for (const auto& [wait, name] : signals) {
        if (word == name) {
            return wait;
        }
        known.emplace_back(name);
    }
    throw Error(Failure::usage, fmt::format("unknown signal '{}'{}", word, did_you_mean(word, known)),
                "none, ip, agent, cloud-init or ssh");
}

std::string_view to_string(Wait wait) {
    const auto found =
        std::find_if(signals.begin(), signals.end(), [&](const auto& entry) { return entry.first == wait; });
    return found == signals.end() ? "" : found->second;
}

Readiness wait_until_ready(Lifecycle& lifecycle, const MachineRecord& record, Wait signal,
                           std::chrono::milliseconds timeout, std::uint64_t watch_from,
                           LeaseTimes old_leases) {
    Waiting waiting(lifecycle, record, watch_from, std::move(old_leases));
    wait_until(
        lifecycle.clock(), fmt::format("signal '{}' of machine '{}'", to_string(signal), record.name),
        timeout, [&] { return waiting.arrived(signal); }, [&] { return waiting.last_seen(); },
        std::chrono::milliseconds(500));
    return waiting.result();
}

std::string reachable_address(ConnectionPool& connections, const MachineRecord& record,
                              AddressSearch* search) {
    if (record.ssh_port && search == nullptr) {
        return "127.0.0.1";
    }
    const AddressSearch found = find_addresses(connections.open(record), record);
    if (search != nullptr) {
        *search = found;
    }
    if (record.ssh_port) {
        return "127.0.0.1";
    }
    if (found.best().empty()) {
        throw Error(
            Failure::domain,
            fmt::format("no IP address of machine '{}' is known; tried: {}", record.name, found.tried),
            fmt::format("is it up? `imgforge logs {}` shows its console", record.name));
    }
    return found.best();
}

}  // namespace imgforge::lifecycle
