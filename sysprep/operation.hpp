// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "builder/guest/appliance.hpp"
#include "builder/guest/guest_fs.hpp"
#include "sysprep/cleaner.hpp"

namespace imgforge::sysprep {

/// What an operation on devices gets: nothing is mounted.
struct DeviceWork {
    guest::Appliance& appliance;
    const guest::Inspection& os;
    std::vector<Change>& changes;
    std::vector<std::string>& notes;
    std::string fstab{};  ///< /etc/fstab of the cleaned guest
    bool list_only =
        false;  ///< a dry run: what overwrites only blocks that nothing refers to need not be done
};

/// One operation: a record, from which the command, --list-operations, the manual and the tests are made.
///
/// Contract: `perform` may run on any guest, whatever its distribution; what is missing is not an error; it
/// changes the guest only through the Cleaner, so that everything is reported and --keep is honoured; it
/// neither mounts nor unmounts; run a second time it changes nothing. `on_devices` runs after all file
/// systems were cleaned and unmounted; in a dry run with `list_only`.
struct Operation {
    std::string name;               ///< "ssh-hostkeys"
    std::string heading;            ///< one line, imperative
    std::string reason;             ///< why two clones must not share it, or who it would betray
    std::string source;             ///< manual page, specification or code this knowledge comes from
    std::vector<std::string> rows;  ///< rows of the specification that it covers: "A6"
    bool enabled = true;            ///< part of the default set
    int order = order_clean;
    bool again =
        false;  ///< performed once more after all others: programs of the guest may have filled it again
    /// What is known as paths only, as words: a glob pattern is removed; with "/" at its end it is a
    /// directory to be emptied; with "=" before it, a regular file to be truncated; "~/" stands for every
    /// home. Braces,
    /// "?", "*" and "[…]" work as in a shell; a dot file must be named.
    const char* paths = "";
    std::vector<std::string> remove{};  ///< glob patterns to remove
    std::vector<std::string> empty{};   ///< glob patterns of regular files to truncate in place
    std::vector<std::string>
        clear{};  ///< directories to empty, dot files included; the directory stays with owner and mode
    std::function<void(Cleaner&)> perform{};
    std::function<void(DeviceWork&)> on_devices{};

    /// Deletes and edits; then what guest programs embed in what they rebuild; then what they rebuild; then
    /// what they may have left.
    static constexpr int order_clean = 50;
    static constexpr int order_identity = 60;
    static constexpr int order_regenerate = 70;
    static constexpr int order_rebuild = 80;
    static constexpr int order_last = 90;
};

}  // namespace imgforge::sysprep
