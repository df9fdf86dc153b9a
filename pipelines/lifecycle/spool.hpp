// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "builder/base/clock.hpp"
#include "builder/base/error.hpp"
#include "builder/base/monitor.hpp"
#include "pipelines/lifecycle/spool_protocol.hpp"

namespace imgforge::lifecycle {

/// One line of installed.txt.
struct SpoolMachine {
    std::string name;
    std::string image;  ///< "debian13@3"
    std::string state;
    std::string address;
    std::string created;
    std::string comment;
    std::vector<std::string> macs;
    bool autostart = false;
    std::string spool{};  ///< directory of the spool that made it; empty: none
};

/// What a spool does to machines; the real one stands on Lifecycle, tests have their own.
class SpoolActions {
public:
    virtual ~SpoolActions() = default;
    virtual void spawn(const std::string& name, const SpoolProperties& properties) = 0;
    virtual void start(const std::string& name) = 0;
    virtual void stop(const std::string& name) = 0;
    virtual void destroy(const std::string& name) = 0;
    virtual void set_autostart(const std::string& name, bool on) = 0;
    /// A destroyed machine's name shall be used again.
    virtual void forget(const std::string& name) = 0;
    /// Where this host keeps its machines; published to other hosts, for a takeover. Empty: not published.
    virtual std::string instances() const { return {}; }
    /// Machines of this host that are not destroyed.
    virtual std::vector<SpoolMachine> machines() = 0;
};

/// What one pass did.
struct SpoolPass {
    int done = 0;
    int failed = 0;
};

/// A directory through which machines are controlled by dropped files. One process works on it at a time (a
/// lock that also holds over NFS), and several hosts may share it: a machine belongs to the host named in
/// inst/NAME.host, which is made by link(2), so that exactly one host can win even where locks do not work;
/// only that host acts on the machine's files. It acts on machines that this spool made and on no others: the
/// machine's own record says so, not a file that anybody could drop. Links and files of strangers are refused
/// (spool_guard.hpp).
class Spool {
public:
    Spool(SpoolFolder folder, std::string host, SpoolActions& actions, Clock& clock, Monitor& monitor);

    /// Serves everything that lies there now. Each request is logged in log/ACTION.log, removed when done,
    /// and kept out of the way when it failed (FOLDER/NAME.FAILED says why). Then autostart/ is
    /// applied and the two lists are brought up to date.
    SpoolPass run();

private:
    void serve(const SpoolRequest& request, SpoolPass& pass);
    bool is_mine(const SpoolRequest& request);
    bool take(const std::string& name);
    void spawn(const SpoolRequest& request);
    void destroy(const std::string& name);
    void clean_up(const std::string& name);
    void tell_edited(const std::string& name);
    void apply_autostart(const std::vector<std::string>& wanted, SpoolPass& pass);
    void write_lists();
    void log(SpoolRequest::Action action, const std::string& name, const std::string& text) const;
    void refuse(const SpoolRequest& request, const Error& error);
    std::string owner_of(const std::string& name) const;
    bool knows(const std::string& name) const;

    SpoolFolder folder_;
    std::string host_;
    SpoolActions& actions_;
    Clock& clock_;
    Monitor& monitor_;
    std::vector<SpoolMachine> machines_;
};

/// Calls `pass` now and after each change in the directory: reported by inotify at once, and also every
/// `poll`, because changes other hosts make on NFS are not reported. Ends only with Interrupted.
void watch_spool(const SpoolFolder& folder, std::chrono::milliseconds poll,
                 const std::function<void()>& pass);

}  // namespace imgforge::lifecycle
