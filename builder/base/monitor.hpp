// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace imgforge {

/// One thing that happened, sent by library code (which never prints). Thread-safe to send.
struct MonitorEvent {
    enum class Kind {
        activity_started,   ///< a stage or a long step began
        activity_progress,  ///< done/total changed, or the detail text
        activity_finished,  ///< it ended; `failed` says how
        message,            ///< a plain line for the user
        warning,
        artifact,  ///< something was made; `path`
    };
    Kind kind = Kind::message;
    std::uint64_t activity = 0;  ///< id of the activity; 0 = none
    std::uint64_t parent = 0;
    std::string name{};                 ///< of the activity: "install", "fetch debian-13.iso"
    std::string detail{};               ///< current step, message text, or path
    double done = 0;                    ///< in `unit`s
    double total = 0;                   ///< 0 = unknown
    std::string unit{};                 ///< "bytes", "%", "items" or empty
    double seconds = 0;                 ///< elapsed, for activity_finished
    std::optional<double> remaining{};  ///< seconds, when somebody knows better than linear
    bool failed = false;
};

/// Where events go: a terminal, plain lines, JSON lines, a test.
class Monitor {
public:
    virtual ~Monitor() = default;
    virtual void event(const MonitorEvent& event) noexcept = 0;

    void message(std::string text) noexcept;
    void warning(std::string text) noexcept;
    void artifact(std::string path) noexcept;
};

/// RAII: started on construction, finished by finish() or the destructor (failed, when an exception is
/// passing).
class Activity {
public:
    Activity(Monitor& monitor, std::string name, std::uint64_t parent = 0);
    ~Activity();
    Activity(const Activity&) = delete;
    Activity& operator=(const Activity&) = delete;

    /// At most ten events per second pass; the last before finish always does. `total` 0 = unknown.
    void progress(double done, double total, std::string unit = "%", std::string detail = {},
                  std::optional<double> remaining = {}) noexcept;
    void detail(std::string text) noexcept;
    void finish(bool failed = false) noexcept;
    std::uint64_t id() const { return id_; }

private:
    Monitor& monitor_;
    std::string name_;
    std::uint64_t id_;
    std::uint64_t parent_;
    std::int64_t started_ms_;
    std::int64_t last_sent_ms_ = 0;
    int uncaught_;
    bool finished_ = false;
};

/// How to show events on stderr.
enum class MonitorStyle {
    terminal,  ///< one live line per running activity, redrawn
    plain,     ///< a line at start, at whole tens of percent of what takes longer than 5 s, and at the end
    json,      ///< one JSON object per line
    quiet,     ///< warnings only
};

/// Renderer on a file descriptor. terminal falls back to plain when the descriptor is not a terminal.
std::unique_ptr<Monitor> make_monitor(MonitorStyle style, int fd = 2);

/// Drops everything.
class NullMonitor final : public Monitor {
public:
    void event(const MonitorEvent&) noexcept override {}
};

/// Keeps everything, for tests.
class RecordingMonitor final : public Monitor {
public:
    void event(const MonitorEvent& event) noexcept override;
    std::vector<MonitorEvent> events() const;

private:
    mutable std::mutex mutex_;
    std::vector<MonitorEvent> events_;
};

}  // namespace imgforge
