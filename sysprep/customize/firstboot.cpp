// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/customize/firstboot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "builder/base/error.hpp"

namespace imgforge::sysprep {

namespace {

constexpr const char* firstboot_folder = "/usr/local/lib/firstboot";

constexpr const char* runner = R"(#!/bin/sh
# Runs each script of scripts/ once, in order; one that fails stays and is tried again at the next boot.
status=0
for script in /usr/local/lib/firstboot/scripts/*; do
    [ -f "$script" ] || continue
    echo "firstboot: $script"
    if "$script"; then rm -f "$script"; else echo "firstboot: $script failed"; status=1; fi
done
exit $status
)";

constexpr const char* first_boot_unit = R"([Unit]
Description=Commands for the first boot of this machine
ConditionDirectoryNotEmpty=/usr/local/lib/firstboot/scripts
After=network-online.target cloud-init.service
Wants=network-online.target

[Service]
Type=oneshot
ExecStart=/usr/local/lib/firstboot/run
RemainAfterExit=yes

[Install]
WantedBy=multi-user.target
)";

constexpr const char* openrc = R"(#!/sbin/openrc-run
description="Commands for the first boot of this machine"
depend() {
    need localmount
    after net firewall
}
start() {
    ebegin "Running first boot commands"
    /usr/local/lib/firstboot/run >>/var/log/firstboot.log 2>&1
    eend $?
}
)";

}  // namespace

void install_firstboot(Cleaner& cleaner, const std::vector<std::string>& commands) {
    // Numbers go on where an earlier customisation stopped: its commands run first.
    int number = 0;
    for (const guest::DirEntry& entry : cleaner.fs().list(std::string(firstboot_folder) + "/scripts")) {
        number = std::max(number, std::atoi(entry.name.c_str()));
    }
    for (const std::string& command : commands) {
        cleaner.write(fmt::format("{}/scripts/{:04}", firstboot_folder, ++number),
                      command.starts_with("#!") ? command : fmt::format("#!/bin/sh\n{}\n", command), 0755);
    }
    cleaner.write(std::string(firstboot_folder) + "/run", runner, 0755);
    if (cleaner.os().init == "systemd") {
        cleaner.systemd_unit("firstboot-commands.service", first_boot_unit);
    } else if (cleaner.os().init == "openrc") {
        cleaner.write("/etc/init.d/firstboot-commands", openrc, 0755);
        cleaner.link("/etc/init.d/firstboot-commands", "/etc/runlevels/default/firstboot-commands");
    } else {
        throw Error(Failure::guest, "first boot commands need systemd or OpenRC in the guest");
    }
}

}  // namespace imgforge::sysprep
