// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/base/diagnostics.hpp"

namespace imgforge::lifecycle {

/// What `inst/NAME.properties` asks for. All values are texts as written; they are checked when the machine
/// is spawned.
struct SpoolProperties {
    std::string image;      ///< NAME or NAME@GENERATION; the only key that must be there
    std::string size{};     ///< as `spawn --size`
    std::string comment{};  ///< free text for installed.txt
    std::string memory{};   ///< as `spawn --memory`
    std::string vcpus{};
    std::string disk{};
    std::string network{};
    std::string host{};       ///< only the host of this name makes the machine; empty: whichever comes first
    std::string user_data{};  ///< cloud-init user-data: a file of the spool, later its text
    std::string init{};       ///< a script for the first boot: a file of the spool, later its text
    std::string spool{};      ///< the spool's directory; not a key of the file
    bool autostart = false;
    bool start = true;  ///< false: defined, not started
};

/// Reads the file: lines of `key=value` (or `key: value`), blanks around both are dropped, '#' and '!' start
/// a comment line, " #" behind a value ends it, CR LF and a byte order mark are fine, one pair of double
/// quotes around a value is taken off (and keeps a '#'). Unknown and repeated
/// keys, a missing image, control characters and invalid UTF-8 are errors with their line. Returns nothing
/// when there is an error.
std::optional<SpoolProperties> parse_properties(std::string_view text, const std::string& file,
                                                Diagnostics& diagnostics);

/// One dropped file.
struct SpoolRequest {
    enum class Action { spawn, start, stop, destroy, cleanup };
    Action action = Action::start;
    std::string name;
    std::filesystem::path file;
};

std::string_view to_string(SpoolRequest::Action action);

/// What is in a spool directory now.
struct SpoolListing {
    std::vector<SpoolRequest> requests;          ///< destroy, cleanup, stop, spawn, start, each by name
    std::vector<std::string> autostart;          ///< names under autostart/
    std::vector<std::string> edited;             ///< machines whose properties are newer, not yet reported
    std::vector<std::filesystem::path> foreign;  ///< files whose name can be no machine's
};

/// The layout of a spool directory; `create` makes what is missing.
struct SpoolFolder {
    std::filesystem::path root;

    std::filesystem::path requests(SpoolRequest::Action action) const;
    std::filesystem::path properties(std::string_view name) const {
        return root / "inst" / (std::string(name) + ".properties");
    }
    /// "HOST": the host whose store holds the machine.
    std::filesystem::path owner(std::string_view name) const {
        return root / "inst" / (std::string(name) + ".host");
    }
    std::filesystem::path destroyed_mark(std::string_view name) const {
        return root / "inst" / (std::string(name) + ".DESTROYED");
    }
    std::filesystem::path failed_mark(std::string_view name) const {
        return root / "inst" / (std::string(name) + ".FAILED");
    }
    /// Written when a properties file is found changed after its machine was made.
    std::filesystem::path edited_mark(std::string_view name) const {
        return root / "inst" / (std::string(name) + ".EDITED");
    }
    /// One file for each host that serves the directory, as old as its last pass.
    std::filesystem::path hosts() const { return root / "hosts"; }
    std::filesystem::path autostart() const { return root / "autostart"; }
    std::filesystem::path log(SpoolRequest::Action action) const;
    std::filesystem::path installed() const { return root / "installed.txt"; }
    std::filesystem::path mac_addresses() const { return root / "mac-addresses.txt"; }
    std::filesystem::path lock() const { return root / ".imgforge.lock"; }

    /// Throws Failure::host when the directory itself is missing or cannot be written.
    void create() const;
    /// Dot files, editors' back-ups (name~, #name#) and NFS's .nfsXXXX are not requests. A properties file
    /// counts as a request while no owner and no DESTROYED mark stand beside it and it is newer than a FAILED
    /// mark.
    SpoolListing list() const;

private:
    bool is_edited(std::string_view name) const;
};

}  // namespace imgforge::lifecycle
