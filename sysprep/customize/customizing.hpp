// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/base/file.hpp"
#include "sysprep/cleaner.hpp"
#include "sysprep/customize/customize.hpp"

namespace imgforge::sysprep {

/// Runs the steps of one spec.
class Customizing {
public:
    Customizing(OfflineSession& session, const CustomizeSpec& spec, const std::filesystem::path& logs)
        : session_(session),
          fs_(session.fs),
          spec_(spec),
          logs_(logs),
          activity_(session.monitor, "customize",
                    session.appliance == nullptr ? 0 : session.appliance->parent_activity()),
          cleaner_(session.fs, session.os, options_) {
        make_directories(logs_, 0700);
    }

    CustomizeReport run() {
        check_architecture();
        packages();
        files();
        users();
        passwords();
        settings();
        commands();
        first_boot();
        selinux();
        for (const Change& change : cleaner_.changes) {
            keep(change.path);
        }
        return std::move(report_);
    }

private:
    void step(std::string text) {
        activity_.detail(text);
        report_.steps.push_back(std::move(text));
    }
    void keep(const std::string& path) { report_.paths.push_back(guest::glob_quote(path)); }
    bool needs_commands() const {
        return spec_.update || !spec_.install.empty() || !spec_.remove.empty() || !spec_.run.empty() ||
               !spec_.run_scripts.empty() || !spec_.users.empty() || !spec_.locale.empty();
    }
    bool runs_here() const;
    void check_architecture() const;
    void packages();
    void files();
    void users();
    void make_user(const UserSpec& user);
    void add_keys(const std::string& user, const std::vector<std::string>& keys);
    void set_hash(const std::string& user, const std::string& hash);
    void set_field(const std::string& user, const std::function<std::string(std::string_view)>& change);
    void passwords();
    void first_boot();
    void selinux();
    void settings();
    void locale();
    void commands();
    void command(const std::string& what, const std::string& script);

    OfflineSession& session_;
    guest::GuestFs& fs_;
    const CustomizeSpec& spec_;
    std::filesystem::path logs_;
    Activity activity_;
    SysprepOptions options_;
    Cleaner cleaner_;
    CustomizeReport report_;
    int number_ = 0;
};

}  // namespace imgforge::sysprep
