// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/guest/memory_image_session.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "builder/base/error.hpp"
#include "builder/base/random.hpp"
#include "builder/guest/memory_image_plan.hpp"

namespace imgforge::guest {

std::vector<std::string> ConnectedQemu::command() const {
    std::ifstream file(fmt::format("/proc/{}/cmdline", pid), std::ios::binary);
    std::vector<std::string> words;
    for (std::string word; std::getline(file, word, '\0');) {
        words.push_back(word);
    }
    return words;
}

// /tmp, because a socket's path has at most 107 bytes.
MemoryImageSession::MemoryImageSession(std::chrono::seconds deadline, Body body)
    : folder_("imgforge-appliance", "/tmp"),
      monitor_(folder_ / "monitor.sock"),
      wake_(folder_ / "wake.sock"),
      thread_([this, deadline, kept = std::move(body)](const std::stop_token& stop) {
          run(stop, deadline, kept);
      }) {}

void MemoryImageSession::run(const std::stop_token& stop, std::chrono::seconds deadline, const Body& body) {
    const WaitLimit limit{std::chrono::steady_clock::now() + deadline, stop};
    pid_t pid = 0;
    try {
        LineSocket wake(wake_.accept(limit));
        pid = wake.peer();
        QemuMonitor monitor(monitor_.accept(limit), limit);
        connected_ = true;
        ConnectedQemu qemu{pid, monitor, wake, limit};
        body(qemu);
    } catch (...) {
        error_ = std::current_exception();
        // Not reaped before guestfs_launch() returns, so the number is still this QEMU's.
        if (pid > 0) {
            ::kill(pid, SIGKILL);
        }
    }
}

void MemoryImageSession::finish() {
    if (thread_.joinable()) {
        thread_.join();
    }
    if (error_) {
        std::rethrow_exception(error_);
    }
}

std::string MemoryImageSession::failure() {
    thread_.request_stop();
    try {
        finish();
    } catch (const std::exception& error) {
        return error.what();
    }
    return {};
}

namespace {

void require_same_machine(const MemoryImage& image, const ConnectedQemu& qemu) {
    // Now, because libguestfs may have made a new root disk or kernel since the image was found; QEMU has its
    // files open by now.
    if (const auto changed = image.changed_file()) {
        throw Error(Failure::integrity, *changed + " has changed");
    }
    if (lasting_command(qemu.command()) != image.command) {
        throw Error(Failure::integrity, "libguestfs starts QEMU with other parameters");
    }
}

/// The guest's answer: "ok", or "failed" and the reason.
void require_word(const std::string& line, std::string_view wanted) {
    if (line != wanted) {
        throw Error(Failure::guest, fmt::format("the appliance said '{}'", line));
    }
}

}  // namespace

MemoryImageSession::Body restore_body(const MemoryImage& image, std::size_t disks) {
    return [&image, disks](ConnectedQemu& qemu) {
        require_same_machine(image, qemu);
        const Fd state = open_fd(image.state(), O_RDONLY);
        qemu.monitor.load(state.get(), qemu.limit);
        const double now =
            std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
        constexpr std::size_t noise_bytes = 32;
        qemu.wake.send(wake_line(now, disks, random_hex(noise_bytes)));
        require_word(qemu.wake.read_line(qemu.limit), "ok");
    };
}

MemoryImageSession::Body making_body(const std::filesystem::path& state, std::vector<std::string>& command) {
    return [state, &command](ConnectedQemu& qemu) {
        command = qemu.command();
        require_word(qemu.wake.read_line(qemu.limit), "ready");
        const Fd file = open_fd(state, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        qemu.monitor.save(file.get(), qemu.limit);
        qemu.monitor.quit(qemu.limit);
    };
}

}  // namespace imgforge::guest
