// SPDX-License-Identifier: GPL-3.0-or-later
#include <unistd.h>

#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <map>

#include <fmt/format.h>

#include "builder/base/byte_size.hpp"
#include "builder/base/clock.hpp"
#include "builder/base/json.hpp"
#include "builder/base/monitor.hpp"
#include "builder/base/printable.hpp"
#include "builder/base/redact.hpp"

namespace imgforge {
namespace {

using Kind = MonitorEvent::Kind;

std::string seconds_text(double seconds) {
    return duration_text(std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000)));
}

/// "46%", "12.0 MiB of 40 MiB", "17 items" or nothing.
std::string amount_text(const MonitorEvent& event) {
    if (event.unit == "bytes") {
        const std::string done = ByteSize::bytes(static_cast<std::uint64_t>(event.done)).text();
        return event.total > 0 ? fmt::format("{} of {}", done,
                                             ByteSize::bytes(static_cast<std::uint64_t>(event.total)).text())
                               : done;
    }
    if (event.total > 0) {
        return fmt::format("{:.0f}%", std::clamp(100.0 * event.done / event.total, 0.0, 100.0));
    }
    return event.done > 0 ? fmt::format("{:.0f} {}", event.done, event.unit) : std::string();
}

/// Seconds left: what the sender knows, else by proportion once there is something to go by.
std::optional<double> remaining_of(const MonitorEvent& event) {
    if (event.remaining) {
        return event.remaining;
    }
    if (event.total > 0 && event.done > 0.03 * event.total && event.seconds > 2) {
        return event.seconds * (event.total - event.done) / event.done;
    }
    return std::nullopt;
}

/// Texts of guests, media and servers must not steer the terminal; secrets are masked.
MonitorEvent shown(const MonitorEvent& event) {
    MonitorEvent clean = event;
    clean.name = printable(redact(event.name));
    clean.detail = printable_lines(redact(event.detail));
    return clean;
}

class Writer {
public:
    explicit Writer(int fd) : fd_(fd) {}
    void write(std::string_view text) const noexcept {
        while (!text.empty()) {
            const ssize_t written = ::write(fd_, text.data(), text.size());
            if (written <= 0) {
                return;  // a closed terminal must not end the work
            }
            text.remove_prefix(static_cast<std::size_t>(written));
        }
    }
    int fd() const { return fd_; }

private:
    int fd_;
};

/// Serialises events of several threads and makes them safe to show.
class ShowingMonitor : public Monitor {
public:
    explicit ShowingMonitor(int fd) : writer_(fd) {}
    void event(const MonitorEvent& event) noexcept final {
        const std::lock_guard lock(mutex_);
        try {
            render(shown(event));
        } catch (const std::exception&) {
            // Progress is a courtesy: out of memory here must not end a build.
        }
    }

protected:
    /// Called with the lock held.
    virtual void render(const MonitorEvent& event) = 0;
    Writer writer_;

private:
    std::mutex mutex_;
};

/// A line at start, at each further 10 %, and at the end: for logs and CI.
class PlainMonitor final : public ShowingMonitor {
public:
    using ShowingMonitor::ShowingMonitor;

private:
    void render(const MonitorEvent& event) override {
        switch (event.kind) {
            case Kind::activity_started: line(event, "started"); break;
            case Kind::activity_progress: progress(event); break;
            case Kind::activity_finished:
                line(event, fmt::format("{} after {}", event.failed ? "FAILED" : "done",
                                        seconds_text(event.seconds)));
                shown_.erase(event.activity);
                break;
            case Kind::message: writer_.write(event.detail + "\n"); break;
            case Kind::warning: writer_.write("warning: " + event.detail + "\n"); break;
            case Kind::artifact: writer_.write("made " + event.detail + "\n"); break;
        }
    }

    /// Only of what takes its time: in a log the steps of a second's work are noise.
    void progress(const MonitorEvent& event) {
        if (event.seconds < worth_telling_seconds) {
            return;
        }
        const int tens = event.total > 0 ? static_cast<int>(10 * event.done / event.total) : 0;
        Shown& shown = shown_[event.activity];
        if (tens <= shown.tens && (event.detail.empty() || event.detail == shown.detail)) {
            return;
        }
        shown = {std::max(tens, shown.tens), event.detail.empty() ? shown.detail : event.detail};
        line(event, fmt::format("{}{}{}", amount_text(event), event.detail.empty() ? "" : " ", event.detail));
    }

    void line(const MonitorEvent& event, const std::string& text) {
        writer_.write(fmt::format("{}: {}\n", event.name, text));
    }

    static constexpr double worth_telling_seconds = 5;
    struct Shown {
        int tens = 0;
        std::string detail;
    };
    std::map<std::uint64_t, Shown> shown_;
};

/// One live line per running activity at the bottom, finished ones above them.
class TerminalMonitor final : public ShowingMonitor {
public:
    TerminalMonitor(int fd, bool colour) : ShowingMonitor(fd), colour_(colour) {}
    ~TerminalMonitor() override { writer_.write(erase()); }

private:
    void render(const MonitorEvent& event) override {
        std::string text = erase();
        switch (event.kind) {
            case Kind::activity_started: running_[event.activity] = event; break;
            case Kind::activity_progress: update(event); break;
            case Kind::activity_finished:
                running_.erase(event.activity);
                if (event.parent == 0 || event.failed) {
                    text += fmt::format("{} {:<12} {}\n", event.failed ? paint("31", "✗") : paint("32", "✓"),
                                        event.name, seconds_text(event.seconds));
                }
                break;
            case Kind::message: text += event.detail + "\n"; break;
            case Kind::warning: text += paint("33", "warning: ") + event.detail + "\n"; break;
            case Kind::artifact: break;
        }
        writer_.write(text + draw());
    }

    void update(const MonitorEvent& event) {
        MonitorEvent& shown = running_[event.activity];
        const std::string detail = event.detail.empty() ? shown.detail : event.detail;
        // A change of the detail alone keeps the last percentage.
        if (event.total > 0 || event.done > 0) {
            shown = event;
        } else {
            shown.name = event.name;
            shown.seconds = event.seconds;
        }
        shown.detail = detail;
    }

    std::string erase() {
        std::string text;
        for (; drawn_ > 0; --drawn_) {
            text += "\x1b[1A\x1b[2K";
        }
        return text;
    }

    std::string draw() {
        struct winsize size {};
        const std::size_t width =
            ::ioctl(writer_.fd(), TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80U;
        std::string text;
        for (const auto& [id, event] : running_) {
            std::string line = fmt::format("  {:<12} {:>5} {:>7}", event.name, amount_text(event),
                                           seconds_text(event.seconds));
            if (const std::optional<double> left = remaining_of(event)) {
                line += fmt::format(", {} left", seconds_text(*left));
            }
            line += event.detail.empty() ? "" : "  " + event.detail;
            text += line.substr(0, width - 1) + "\n";
            ++drawn_;
        }
        return text;
    }

    std::string paint(const char* code, const char* text) const {
        return colour_ ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
    }

    bool colour_;
    std::map<std::uint64_t, MonitorEvent> running_;
    int drawn_ = 0;
};

class JsonMonitor final : public Monitor {
public:
    explicit JsonMonitor(int fd) : writer_(fd) {}
    void event(const MonitorEvent& event) noexcept override {
        const std::lock_guard lock(mutex_);
        try {
            writer_.write(printable_json(record(event).dump(-1, ' ', false, Json::error_handler_t::replace)) +
                          "\n");
        } catch (const std::exception&) {
            // As above.
        }
    }

private:
    static Json record(const MonitorEvent& event) {
        static constexpr std::array<const char*, 6> names = {"started", "progress", "finished",
                                                             "message", "warning",  "artifact"};
        Json json{{"event", names.at(static_cast<std::size_t>(event.kind))}};
        if (event.activity != 0) {
            json["activity"] = event.activity;
            json["parent"] = event.parent == 0 ? Json(nullptr) : Json(event.parent);
            json["name"] = event.name;
        }
        if (!event.detail.empty()) {
            json["detail"] = redact(event.detail);
        }
        if (event.kind == Kind::activity_progress) {
            json["done"] = event.done;
            json["total"] = event.total > 0 ? Json(event.total) : Json(nullptr);
            json["unit"] = event.unit;
            const std::optional<double> left = remaining_of(event);
            json["remaining"] = left ? Json(*left) : Json(nullptr);
        }
        if (event.activity != 0 && event.kind != Kind::activity_started) {
            json["seconds"] = event.seconds;
        }
        if (event.kind == Kind::activity_finished) {
            json["ok"] = !event.failed;
        }
        return json;
    }

    std::mutex mutex_;
    Writer writer_;
};

class QuietMonitor final : public Monitor {
public:
    explicit QuietMonitor(int fd) : writer_(fd) {}
    void event(const MonitorEvent& event) noexcept override {
        if (event.kind == Kind::warning) {
            writer_.write("warning: " + shown(event).detail + "\n");
        }
    }

private:
    Writer writer_;
};

}  // namespace

std::unique_ptr<Monitor> make_monitor(MonitorStyle style, int fd) {
    const char* const no_colour = std::getenv("NO_COLOR");
    const char* const term = std::getenv("TERM");
    const bool dumb = term == nullptr || std::string_view(term) == "dumb";
    switch (style) {
        case MonitorStyle::json: return std::make_unique<JsonMonitor>(fd);
        case MonitorStyle::quiet: return std::make_unique<QuietMonitor>(fd);
        case MonitorStyle::terminal:
            if (::isatty(fd) == 1 && !dumb) {
                return std::make_unique<TerminalMonitor>(fd, no_colour == nullptr || *no_colour == '\0');
            }
            break;
        case MonitorStyle::plain: break;
    }
    return std::make_unique<PlainMonitor>(fd);
}

}  // namespace imgforge
