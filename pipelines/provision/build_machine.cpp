// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/provision/build_machine.hpp"

#include <signal.h>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/log.hpp"
#include "builder/base/random.hpp"
#include "builder/base/redact.hpp"
#include "builder/virt/connection.hpp"
#include "builder/virt/domain_xml.hpp"
#include "builder/virt/embedded_root.hpp"
#include "pipelines/lifecycle/console_log.hpp"
#include "pipelines/lifecycle/port_hold.hpp"
#include "pipelines/provision/build_user.hpp"

namespace fs = std::filesystem;

namespace imgforge::provision {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::size_t console_lines = 15;
constexpr minutes power_off_timeout{5};
constexpr minutes removal_timeout{5};

fs::path console_of(const BuildMachinePlan& plan) {
    return plan.folder / "console.log";
}

std::string uri_of(const BuildMachinePlan& plan) {
    return plan.connection.empty() ? virt::embedded_uri(plan.folder / "libvirt") : plan.connection;
}

/// A command that ends a kept machine. Not virsh on the embedded driver: a virsh that has just opened the
/// root may destroy the domain before the driver has found its QEMU again, and reports an error for it.
std::string line_that_ends(const BuildMachinePlan& plan) {
    if (plan.connection.empty()) {
        const auto qemu = virt::embedded_qemu(plan.folder / "libvirt", plan.name, "guest=" + plan.name + ",");
        if (qemu) {
            return fmt::format("kill {}", *qemu);
        }
    }
    return fmt::format("virsh -c '{}' destroy {}", uri_of(plan), plan.name);
}

/// A free loopback port, held until QEMU listens on it.
lifecycle::PortHold any_port() {
    auto hold = lifecycle::PortHold::any();
    if (!hold) {
        throw Error(Failure::host, fmt::format("no free loopback port from {} to {}",
                                               lifecycle::first_forward_port, lifecycle::last_forward_port));
    }
    return std::move(*hold);
}

}  // namespace

GuestNetwork parse_guest_network(std::string_view word) {
    if (word == "off") {
        return GuestNetwork::off;
    }
    if (word == "user" || word == "nat") {
        return word == "user" ? GuestNetwork::user : GuestNetwork::nat;
    }
    throw Error(Failure::usage, fmt::format("'{}' is not a network for provision", word), "off, user or nat");
}

virt::DomainSpec build_domain(const BuildMachinePlan& plan, const fs::path& seed, std::uint16_t forward) {
    virt::DomainSpec spec{.name = plan.name, .uuid = random_uuid(), .title = "imgforge provision"};
    spec.memory = plan.memory;
    spec.vcpus = plan.vcpus;
    spec.accel = plan.accel;
    spec.processor = plan.processor;
    spec.firmware = plan.firmware;
    spec.secure_boot = plan.secure_boot;
    if (plan.firmware == virt::DomainSpec::Firmware::uefi) {
        spec.nvram = plan.folder / "nvram.fd";
    }
    // The overlay counts only when the machine has turned itself off; a crash of the host throws it away.
    virt::DiskSpec disk{
        .path = plan.disk, .format = "qcow2", .target = "vda", .cache = "unsafe", .boot_order = 1};
    for (const fs::path& file : plan.backing) {
        disk.backing.push_back({file, file == plan.backing.back() ? plan.backing_end : "qcow2"});
    }
    spec.disks.push_back(std::move(disk));
    // virtio as for all machines: a cloud kernel may have no driver for a CD-ROM.
    spec.disks.push_back(
        {.path = seed, .format = "raw", .target = "vdb", .readonly = true, .serial = "seed"});
    virt::NicSpec nic{.mac = random_mac()};
    if (plan.network == GuestNetwork::nat) {
        nic.source = "default";
    } else {
        nic.kind = virt::NicSpec::Kind::user;
        nic.forwards.push_back({"127.0.0.1", forward, 22});
        nic.restricted = plan.network == GuestNetwork::off;
    }
    spec.nics.push_back(std::move(nic));
    spec.serials.push_back({.kind = virt::CharacterSpec::Kind::file, .path = console_of(plan)});
    spec.tuned_clock = true;
    spec.panic_device = true;
    spec.balloon = false;
    spec.video = false;
    spec.on_crash = virt::OnEnd::destroy;
    return spec;
}

struct BuildMachine::State {
    State(BuildMachinePlan made, ProcessRunner& runner, Clock& time, Monitor& events)
        : plan(std::move(made)),
          processes(runner),
          clock(time),
          monitor(events),
          access(make_build_access(plan.folder, plan.name)),
          hold(any_port()),
          spec(build_domain(plan, access.seed, hold->port())),
          console(console_of(plan)),
          shell(processes, {.machine = plan.name,
                            .host = plan.network == GuestNetwork::nat ? "" : "127.0.0.1",
                            .port = plan.network == GuestNetwork::nat ? std::uint16_t{22} : hold->port(),
                            .user = build_user,
                            .identity = access.identity,
                            .known_hosts = access.known_hosts}) {}

    void start() {
        connection = virt::Connection::open(uri_of(plan), plan.capabilities);
        if (plan.network == GuestNetwork::nat) {
            connection->start_network("default");
        }
        domain = connection->create(virt::domain_xml(spec), !plan.keep_failed);
        hold.reset();  // QEMU has the port now
    }

    /// Throws when the machine has stopped or can go no further.
    void require_alive() {
        console.look();
        if (console.fatal()) {
            throw Error(Failure::guest,
                        fmt::format("the provisioning machine does not come up: {}", *console.fatal()));
        }
        const auto now = clock.now();
        if (now - asked < seconds(2)) {
            return;
        }
        asked = now;
        if (const auto status = domain->status(); !status || !status->active()) {
            throw Error(Failure::guest, "the provisioning machine stopped unexpectedly",
                        "the console shows why: " + console_of(plan).string());
        }
    }

    /// A leased address, for a machine on libvirt's network.
    bool find_address() {
        if (!shell.target().host.empty()) {
            return true;
        }
        const std::vector<std::string> leases = connection->leases("default", spec.nics.front().mac);
        if (leases.empty()) {
            seen = "no DHCP lease";
            return false;
        }
        lifecycle::SshTarget target = shell.target();
        target.host = leases.front();
        shell = GuestShell(processes, std::move(target));
        return true;
    }

    /// Until somebody can log in and the kernel's boot is another one than `before`.
    void wait_for_login(milliseconds timeout, const std::string& before) {
        const auto last_seen = [&] {
            const std::string& line = console.last_line();
            return line.empty() ? seen : fmt::format("{}; console: {}", seen, line.substr(0, 160));
        };
        try {
            wait_until(
                clock, "SSH login to the provisioning machine", timeout,
                [&] {
                    require_alive();
                    if (!find_address()) {
                        return false;
                    }
                    const std::string boot = shell.boot_id(seen);
                    return !boot.empty() && boot != before && !(boot_id = boot).empty();
                },
                last_seen, milliseconds(1000));
        } catch (const Error& error) {
            if (error.kind() != Failure::timeout) {
                throw;
            }
            throw Error(
                Failure::timeout, error.message(),
                fmt::format(
                    "the image needs an SSH server and cloud-init, which makes the user {}; a slow host "
                    "needs a larger boot-timeout; the console is in {}",
                    build_user, console_of(plan).string()));
        }
    }

    void remove_files() {
        for (const char* const name : {"id", "known_hosts", "seed.iso", "libvirt", "nvram.fd"}) {
            remove_tree(plan.folder / name);
        }
        mask_console();
    }

    /// A guest may print anything; what stays of its console shows no secret.
    void mask_console() const {
        constexpr std::uintmax_t limit = 64U << 20U;
        std::error_code code;
        if (fs::exists(console_of(plan), code)) {
            write_file_atomically(console_of(plan), redact(read_file(console_of(plan), limit)), 0600);
        }
    }

    /// A libvirt that did not answer to the end leaves its QEMU behind: nobody else would end it.
    void end_left_over() {
        const std::string mark = fmt::format("guest={},", plan.name);
        if (const auto pid = virt::embedded_qemu(plan.folder / "libvirt", plan.name, mark);
            plan.connection.empty() && pid) {
            log::warn(fmt::format("QEMU process {} of {} is ended without libvirt", *pid, plan.name));
            ::kill(*pid, SIGKILL);
        }
    }

    BuildMachinePlan plan;
    ProcessRunner& processes;
    Clock& clock;
    Monitor& monitor;
    BuildAccess access;
    std::optional<lifecycle::PortHold> hold;
    virt::DomainSpec spec;
    lifecycle::ConsoleWatch console;
    GuestShell shell;
    std::optional<virt::Connection> connection;
    std::optional<virt::Domain> domain;
    Clock::Instant asked{};
    std::string seen = "the machine has just been started";
    std::string boot_id;
    bool kept = false;
};

BuildMachine::BuildMachine(BuildMachinePlan plan, ProcessRunner& processes, Clock& clock, Monitor& monitor)
    : state_(std::make_unique<State>(std::move(plan), processes, clock, monitor)) {
    try {
        state_->start();
    } catch (...) {
        state_->end_left_over();
        state_->remove_files();
        throw;
    }
}

BuildMachine::~BuildMachine() {
    const interrupt::Shield shield;
    if (state_->kept) {
        return;
    }
    try {
        state_->domain->destroy();
        state_->domain.reset();
        state_->connection.reset();
        state_->end_left_over();
        state_->remove_files();
    } catch (const std::exception& error) {
        state_->monitor.warning(fmt::format("the provisioning machine '{}' was not removed as a whole: {}",
                                            state_->plan.name, error.what()));
    }
}

void BuildMachine::wait_until_up() {
    state_->wait_for_login(state_->plan.boot_timeout, "");
    // Steps that install packages would fight with cloud-init's own modules for locks.
    const ProcessResult done = state_->shell.run(
        "if command -v cloud-init >/dev/null; then cloud-init status --wait >/dev/null 2>&1; fi; exit 0\n",
        state_->plan.boot_timeout);
    if (!done.ok()) {
        throw Error(done.outcome == ProcessResult::Outcome::timed_out ? Failure::timeout : Failure::guest,
                    "cloud-init of the provisioning machine did not come to its end",
                    "the console shows why: " + console_of(state_->plan).string());
    }
}

void BuildMachine::reboot(milliseconds timeout) {
    const std::string before = state_->boot_id;
    const auto result = state_->shell.run(reboot_script(), minutes(1));
    constexpr int connection_lost = 255;  // ssh(1): it may go down before it has answered
    if (!result.ok() && result.code != connection_lost) {
        throw Error(Failure::guest,
                    fmt::format("the provisioning machine did not take the order to reboot: {}", result.err));
    }
    state_->seen = "it has not gone down yet";
    state_->wait_for_login(timeout, before);
}

void BuildMachine::finish() {
    State& state = *state_;
    std::string last = "no answer";
    bool removed = false;
    const auto on_line = [&](std::string_view line, bool /*is_error*/) {
        log::debug(line);
        last = line;
        removed = removed || line == removed_mark;
    };
    static_cast<void>(state.shell.run(removal_script(), removal_timeout, on_line));
    if (!removed) {
        throw Error(Failure::guest,
                    fmt::format("the provisioning user could not be removed from the image: {}", last));
    }
    wait_until(
        state.clock, "power-off of the provisioning machine", power_off_timeout,
        [&] {
            const auto status = state.domain->status();
            return !status || !status->active();
        },
        [&] {
            state.console.look();
            return "console: " + state.console.last_line();
        },
        milliseconds(250));
}

const GuestShell& BuildMachine::shell() const {
    return state_->shell;
}

std::string BuildMachine::keep() {
    state_->kept = true;
    return fmt::format("{}\n  {}   (ends it; its keys are in {})",
                       lifecycle::ssh_paste_line(state_->shell.target()), line_that_ends(state_->plan),
                       state_->plan.folder.string());
}

void BuildMachine::add_console(Error& error) const {
    if (const std::string tail = lifecycle::console_tail(console_of(state_->plan), console_lines);
        !tail.empty()) {
        error.add_context(fmt::format("last lines on the console:\n{}", redact(tail)));
    }
}

}  // namespace imgforge::provision
