// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/spool.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/file.hpp"
#include "builder/base/lock.hpp"
#include "builder/base/printable.hpp"
#include "builder/base/random.hpp"
#include "pipelines/lifecycle/spool_guard.hpp"
#include "pipelines/lifecycle/spool_share.hpp"

namespace imgforge::lifecycle {
namespace {

namespace fs = std::filesystem;
using Action = SpoolRequest::Action;

std::string trimmed_file(const fs::path& file) {
    std::error_code missing;
    if (!fs::is_regular_file(fs::symlink_status(file, missing))) {
        return {};
    }
    std::string text = read_file(file, 64U << 10U);
    text.erase(text.find_last_not_of(" \t\r\n") + 1);
    return text;
}

std::string first_line(const std::string& text) {
    std::string line = text.substr(0, text.find('\n'));
    line.erase(line.find_last_not_of(" \t\r") + 1);
    return line;
}

/// inst/NAME.FAILED, destroy/NAME.FAILED, …
fs::path refusal_mark(const SpoolRequest& request) {
    return request.file.parent_path() / (request.name + ".FAILED");
}

/// One table cell: no tabs or newlines, which separate cells and rows.
std::string cell(std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
    return text.empty() ? "-" : text;
}

/// Keeps the lines of other hosts (last cell names the host) and replaces ours. Written only when something
/// changed.
void update_list(const fs::path& file, const std::string& heading, const std::string& host,
                 std::vector<std::string> ours) {
    const bool plain = fs::is_regular_file(fs::symlink_status(file));
    const std::string before = plain ? read_file(file, 16U << 20U) : "";
    std::vector<std::string> lines;
    std::istringstream in(before);
    for (std::string line; std::getline(in, line);) {
        const std::string owner = line.substr(line.rfind('\t') + 1);
        if (!line.empty() && line.front() != '#' && owner != host) {
            lines.push_back(line);
        }
    }
    for (auto& line : ours) {
        lines.push_back(line + "\t" + host);
    }
    std::sort(lines.begin(), lines.end());
    std::string after = heading + "\thost\n";
    for (const auto& line : lines) {
        after += line + "\n";
    }
    if (after != before) {
        write_file_atomically(file, after);
    }
}

}  // namespace

Spool::Spool(SpoolFolder folder, std::string host, SpoolActions& actions, Clock& clock, Monitor& monitor)
    : folder_(std::move(folder)),
      host_(std::move(host)),
      actions_(actions),
      clock_(clock),
      monitor_(monitor) {}

SpoolPass Spool::run() {
    folder_.create();
    const FileLock lock =
        FileLock::acquire(folder_.lock(), "serve the spool", std::chrono::minutes(30),
                          [&](const std::string& holder) { monitor_.message("waiting for " + holder); });
    announce_host(folder_, host_);
    SpoolPass pass;
    const SpoolListing listing = folder_.list();
    machines_ = actions_.machines();
    for (const auto& file : listing.foreign) {
        monitor_.warning(
            fmt::format("{}: no machine can have that name; it is left alone", printable(file.string())));
    }
    for (const auto& request : listing.requests) {
        serve(request, pass);
    }
    for (const auto& name : listing.edited) {
        tell_edited(name);
    }
    machines_ = actions_.machines();
    apply_autostart(listing.autostart, pass);
    write_lists();
    return pass;
}

std::string Spool::owner_of(const std::string& name) const {
    return first_line(trimmed_file(folder_.owner(name)));
}

bool Spool::knows(const std::string& name) const {
    return std::any_of(machines_.begin(), machines_.end(),
                       [&](const auto& machine) { return machine.name == name; });
}

bool Spool::is_mine(const SpoolRequest& request) {
    if (request.action == Action::spawn) {
        return true;
    }
    if (request.action == Action::cleanup && fs::exists(folder_.destroyed_mark(request.name))) {
        return destroyed_by(folder_, request.name) == host_;
    }
    const auto known = std::find_if(machines_.begin(), machines_.end(),
                                    [&](const auto& machine) { return machine.name == request.name; });
    if (known != machines_.end()) {
        const std::string owner = owner_of(request.name);
        if (known->spool == fs::weakly_canonical(folder_.root)) {
            return owner.empty() || owner == host_;  // another host may have taken it over
        }
        if (!owner.empty() && owner != host_) {
            return false;  // a machine of that name on the host that owns it; ours is another one
        }
        throw Error(Failure::domain,
                    fmt::format("machine '{}' was not made through this spool", request.name),
                    fmt::format("imgforge {} {}", to_string(request.action), request.name));
    }
    if (const std::string owner = owner_of(request.name); !owner.empty()) {
        return owner == host_;
    }
    // Unknown here and owned by nobody. Another host may know it, so it gets time before it is called a
    // mistake.
    constexpr std::chrono::minutes grace{5};
    struct stat info {};
    if (lstat(request.file.c_str(), &info) != 0) {
        return false;
    }
    std::error_code none;
    bool shared = false;
    for (auto entry = fs::directory_iterator(folder_.root / "inst", none);
         !none && entry != fs::directory_iterator(); entry.increment(none)) {
        shared = shared ||
                 (entry->path().extension() == ".host" && first_line(trimmed_file(entry->path())) != host_);
    }
    return !shared || clock_.wall_seconds() - info.st_mtime > std::chrono::seconds(grace).count();
}

/// Exactly one host gets a machine: link(2) fails for all but the first, over NFS as well.
bool Spool::take(const std::string& name) {
    const fs::path draft = folder_.root / "inst" / fmt::format(".{}.{}", name, random_hex(8));
    write_file_atomically(draft, host_ + "\n" + actions_.instances() + "\n");
    const bool taken = link(draft.c_str(), folder_.owner(name).c_str()) == 0;
    const int code = errno;
    unlink(draft.c_str());
    if (!taken && code != EEXIST) {
        throw system_error("create", folder_.owner(name).string(), code);
    }
    return taken;
}

void Spool::spawn(const SpoolRequest& request) {
    Diagnostics faults;
    require_plain_file(request.file, folder_.root);
    auto properties =
        parse_properties(read_file(request.file, 64U << 10U), request.file.filename().string(), faults);
    faults.throw_if_errors();
    properties->spool = fs::weakly_canonical(folder_.root);
    if (!properties->user_data.empty()) {
        properties->user_data = spool_text(folder_.root, properties->user_data);
    }
    if (!properties->init.empty()) {
        properties->init = spool_text(folder_.root, properties->init);
    }
    if (!properties->host.empty() && properties->host != host_) {
        return;
    }
    if (properties->host.empty() && is_others_turn(folder_, host_, request.file, clock_.wall_seconds())) {
        return;
    }
    if (!take(request.name)) {
        return;
    }
    try {
        // Marks of an earlier life were taken away by whoever wants the machine again.
        if (!knows(request.name)) {
            actions_.forget(request.name);
        }
        actions_.spawn(request.name, *properties);
    } catch (...) {
        unlink(folder_.owner(request.name).c_str());
        throw;
    }
    unlink(folder_.failed_mark(request.name).c_str());
    if (properties->autostart) {
        write_file_atomically(folder_.autostart() / request.name, "");
    }
    log(Action::spawn, request.name, fmt::format("ok, {}", properties->image));
}

void Spool::destroy(const std::string& name) {
    actions_.destroy(name);
    std::erase_if(machines_, [&](const auto& machine) { return machine.name == name; });
    if (fs::exists(folder_.properties(name))) {
        // Without the mark the properties file would bring the machine back at the next pass.
        write_file_atomically(folder_.destroyed_mark(name),
                              fmt::format("{} {}\n", iso_time(clock_.wall_seconds()), host_));
    }
    unlink(folder_.owner(name).c_str());
    unlink(folder_.edited_mark(name).c_str());
    unlink((folder_.autostart() / name).c_str());
}

/// Name and MACs of a destroyed machine are free again, and its marks go; properties and DESTROYED stay,
/// which say that it shall not come back.
void Spool::clean_up(const std::string& name) {
    if (knows(name)) {
        throw Error(Failure::domain, fmt::format("machine '{}' is not destroyed", name),
                    fmt::format("first drop a file destroy/{}", name));
    }
    actions_.forget(name);
    for (const auto action : {Action::spawn, Action::start, Action::stop, Action::destroy}) {
        unlink((folder_.requests(action) / (name + ".FAILED")).c_str());
    }
}

void Spool::tell_edited(const std::string& name) {
    if (owner_of(name) != host_) {
        return;
    }
    const std::string text = fmt::format(
        "{}.properties was changed after the machine was made; the machine stays as it is. "
        "`imgforge set {}` changes a machine; destroy/{} and removing {}.DESTROYED make it anew",
        name, name, name, name);
    write_file_atomically(folder_.edited_mark(name), text + "\n");
    log(Action::spawn, name, text);
    monitor_.warning(text);
}

void Spool::serve(const SpoolRequest& request, SpoolPass& pass) {
    try {
        if (!is_mine(request)) {
            return;
        }
        require_plain_file(request.file, folder_.root);
        switch (request.action) {
            case Action::spawn:
                spawn(request);
                ++pass.done;
                return;
            case Action::start: actions_.start(request.name); break;
            case Action::stop: actions_.stop(request.name); break;
            case Action::destroy: destroy(request.name); break;
            case Action::cleanup: clean_up(request.name); break;
        }
        unlink(request.file.c_str());
        unlink(refusal_mark(request).c_str());
        log(request.action, request.name, "ok");
        ++pass.done;
    } catch (const Error& error) {
        ++pass.failed;
        log(request.action, request.name, "failed: " + error.describe());
        monitor_.warning(fmt::format("{} {}: {}", to_string(request.action), request.name, error.message()));
        refuse(request, error);
    }
}

/// A mark beside the request; the request itself goes, or it would fail again and again.
void Spool::refuse(const SpoolRequest& request, const Error& error) {
    write_file_atomically(refusal_mark(request), error.describe() + "\n");
    if (request.action != Action::spawn) {
        unlink(request.file.c_str());
    }
}

void Spool::apply_autostart(const std::vector<std::string>& wanted, SpoolPass& pass) {
    for (const auto& machine : machines_) {
        if (machine.spool != fs::weakly_canonical(folder_.root)) {
            continue;  // not made by this spool: its switch is `imgforge autostart`
        }
        const bool on = std::find(wanted.begin(), wanted.end(), machine.name) != wanted.end() ||
                        fs::exists(fs::symlink_status(folder_.autostart() / machine.name));
        if (on == machine.autostart) {
            continue;
        }
        try {
            actions_.set_autostart(machine.name, on);
            ++pass.done;
        } catch (const Error& error) {
            ++pass.failed;
            monitor_.warning(fmt::format("autostart {}: {}", machine.name, error.message()));
        }
    }
}

void Spool::write_lists() {
    std::vector<std::string> installed;
    std::vector<std::string> macs;
    for (const auto& machine : machines_) {
        installed.push_back(fmt::format("{}\t{}\t{}\t{}\t{}\t{}", machine.name, cell(machine.image),
                                        cell(machine.state), cell(machine.address), cell(machine.created),
                                        cell(machine.comment)));
        for (const auto& mac : machine.macs) {
            macs.push_back(fmt::format("{}\t{}", mac, machine.name));
        }
    }
    update_list(folder_.installed(), "# name\timage\tstate\taddress\tcreated\tcomment", host_, installed);
    update_list(folder_.mac_addresses(), "# mac\tname", host_, macs);
}

void Spool::log(Action action, const std::string& name, const std::string& text) const {
    std::string line = text;
    std::replace(line.begin(), line.end(), '\n', ' ');
    append_log(folder_.log(action),
               fmt::format("{} {} {} {}\n", iso_time(clock_.wall_seconds()), host_, name, line));
}

}  // namespace imgforge::lifecycle
