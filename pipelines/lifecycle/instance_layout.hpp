// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "builder/base/places.hpp"
#include "pipelines/lifecycle/machine_record.hpp"
#include "pipelines/lifecycle/ssh_access.hpp"

namespace imgforge::lifecycle {

/// Where the files of machines are in one $IMGFORGE_HOME. Pure names: nothing is looked at.
class InstanceLayout {
public:
    explicit InstanceLayout(Places places) : places_(std::move(places)) {}

    const Places& places() const { return places_; }
    /// instances/NAME.
    std::filesystem::path folder(std::string_view name) const { return places_.instances() / name; }
    std::filesystem::path console_log(const MachineRecord& record) const {
        return folder(record.name) / "console.log";
    }
    std::filesystem::path embedded_root(const MachineRecord& record) const {
        return folder(record.name) / "vm";
    }
    /// How to log in at `host` (an address; the loopback port is used when the machine has one).
    SshTarget ssh_target(const MachineRecord& record, const std::string& host) const;

private:
    Places places_;
};

/// [user@]host of a remote URI ("qemu+ssh://root@host:22/system" -> "root@host:22"); empty for local ones.
std::string uri_host(std::string_view uri);

}  // namespace imgforge::lifecycle
