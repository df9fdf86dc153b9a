// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "builder/base/byte_size.hpp"
#include "builder/base/clock.hpp"
#include "builder/base/monitor.hpp"
#include "builder/base/process.hpp"
#include "builder/virt/domain_spec.hpp"
#include "pipelines/provision/guest_shell.hpp"

namespace imgforge::provision {

/// Way out for the guest. SSH leads in with all of them.
enum class GuestNetwork { off, user, nat };

/// "off", "user" or "nat"; throws Failure::usage.
GuestNetwork parse_guest_network(std::string_view word);

/// The machine in which steps run.
struct BuildMachinePlan {
    std::string name;                            ///< of domain, host key and instance
    std::filesystem::path folder;                ///< for keys, seed, console log and libvirt's files; made
    std::filesystem::path disk;                  ///< overlay that the machine writes to
    std::vector<std::filesystem::path> backing;  ///< below it, top first, all qcow2 but the last
    std::string backing_end = "qcow2";           ///< format of the last of them
    ByteSize memory = ByteSize::mib(1536);
    int vcpus = 2;
    virt::DomainSpec::Firmware firmware = virt::DomainSpec::Firmware::bios;
    bool secure_boot = false;
    virt::DomainSpec::Accel accel = virt::DomainSpec::Accel::tcg;
    std::optional<ProcessorLevel> processor{};
    GuestNetwork network = GuestNetwork::off;
    std::string connection{};            ///< "qemu:///system"; empty: the embedded driver in `folder`
    std::filesystem::path capabilities;  ///< shared between embedded roots (virt::Connection::open)
    std::chrono::milliseconds boot_timeout{std::chrono::minutes(15)};
    bool keep_failed = false;
};

/// The domain of a plan. `forward`: loopback port that leads to SSH, for off and user.
virt::DomainSpec build_domain(const BuildMachinePlan& plan, const std::filesystem::path& seed,
                              std::uint16_t forward);

/// A running machine. Unless keep() was called it is gone with its keys, seed and libvirt files when the
/// object goes, and when this process is killed (the domain is bound to the connection).
class BuildMachine {
public:
    /// Makes keys and seed and starts the domain. Throws what libvirt says; nothing is left then.
    BuildMachine(BuildMachinePlan plan, ProcessRunner& processes, Clock& clock, Monitor& monitor);
    ~BuildMachine();
    BuildMachine(const BuildMachine&) = delete;
    BuildMachine& operator=(const BuildMachine&) = delete;

    /// Until somebody can log in and cloud-init is done. Fails early when the machine stops or its kernel
    /// gives up; else Failure::timeout with what was last seen and the end of the console.
    void wait_until_up();
    /// Boots it again and waits; `timeout` for both together.
    void reboot(std::chrono::milliseconds timeout);
    /// Removes user and traces, turns it off and waits for the end. The disk is complete then.
    void finish();

    const GuestShell& shell() const;

    /// It stays, with its keys: how to log in, and how to end it.
    std::string keep();

    /// Adds the end of the console to an error.
    void add_console(class Error& error) const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace imgforge::provision
