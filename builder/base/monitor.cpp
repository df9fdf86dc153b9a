// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/monitor.hpp"

#include <atomic>
#include <chrono>
#include <exception>

namespace imgforge {
namespace {

std::int64_t now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

std::atomic<std::uint64_t> next_activity{1};

constexpr std::int64_t send_every_ms = 100;

}  // namespace

void Monitor::message(std::string text) noexcept {
    event({.kind = MonitorEvent::Kind::message, .detail = std::move(text)});
}

void Monitor::warning(std::string text) noexcept {
    event({.kind = MonitorEvent::Kind::warning, .detail = std::move(text)});
}

void Monitor::artifact(std::string path) noexcept {
    event({.kind = MonitorEvent::Kind::artifact, .detail = std::move(path)});
}

Activity::Activity(Monitor& monitor, std::string name, std::uint64_t parent)
    : monitor_(monitor),
      name_(std::move(name)),
      id_(next_activity++),
      parent_(parent),
      started_ms_(now_ms()),
      uncaught_(std::uncaught_exceptions()) {
    monitor_.event(
        {.kind = MonitorEvent::Kind::activity_started, .activity = id_, .parent = parent_, .name = name_});
}

Activity::~Activity() {
    finish(std::uncaught_exceptions() > uncaught_);
}

void Activity::progress(double done, double total, std::string unit, std::string detail,
                        std::optional<double> remaining) noexcept {
    const std::int64_t now = now_ms();
    const bool last = total > 0 && done >= total;
    if (finished_ || (!last && now - last_sent_ms_ < send_every_ms)) {
        return;
    }
    last_sent_ms_ = now;
    monitor_.event({.kind = MonitorEvent::Kind::activity_progress,
                    .activity = id_,
                    .parent = parent_,
                    .name = name_,
                    .detail = std::move(detail),
                    .done = done,
                    .total = total,
                    .unit = std::move(unit),
                    .seconds = static_cast<double>(now - started_ms_) / 1000.0,
                    .remaining = remaining});
}

void Activity::detail(std::string text) noexcept {
    monitor_.event({.kind = MonitorEvent::Kind::activity_progress,
                    .activity = id_,
                    .parent = parent_,
                    .name = name_,
                    .detail = std::move(text),
                    .seconds = static_cast<double>(now_ms() - started_ms_) / 1000.0});
}

void Activity::finish(bool failed) noexcept {
    if (finished_) {
        return;
    }
    finished_ = true;
    monitor_.event({.kind = MonitorEvent::Kind::activity_finished,
                    .activity = id_,
                    .parent = parent_,
                    .name = name_,
                    .seconds = static_cast<double>(now_ms() - started_ms_) / 1000.0,
                    .failed = failed});
}

void RecordingMonitor::event(const MonitorEvent& event) noexcept {
    const std::lock_guard lock(mutex_);
    events_.push_back(event);
}

std::vector<MonitorEvent> RecordingMonitor::events() const {
    const std::lock_guard lock(mutex_);
    return events_;
}

}  // namespace imgforge
