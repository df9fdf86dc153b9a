// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/console.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/handle.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/unix_socket.hpp"
#include "builder/virt/libvirt_library.hpp"
#include "builder/virt/virt_error.hpp"
#include "pipelines/lifecycle/machine_domain.hpp"
#include "pipelines/lifecycle/observe.hpp"

namespace imgforge::lifecycle {
namespace {

constexpr char leave_key = 0x1d;  // Ctrl-], as in telnet and virsh

/// The terminal without echo and line editing while the object lives.
class RawTerminal {
public:
    RawTerminal() {
        if (tcgetattr(STDIN_FILENO, &before_) == 0) {
            termios raw = before_;
            cfmakeraw(&raw);
            changed_ = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
        }
    }
    ~RawTerminal() {
        if (changed_) {
            tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
        }
    }
    RawTerminal(const RawTerminal&) = delete;
    RawTerminal& operator=(const RawTerminal&) = delete;

private:
    termios before_{};
    bool changed_ = false;
};

/// What the console is reached through.
class Line {
public:
    virtual ~Line() = default;
    virtual int fd() const = 0;  ///< readable when there is something; -1: ask receive() often
    /// Bytes, empty: nothing now; nothing at all: the other side has gone.
    virtual std::optional<std::string> receive() = 0;
    virtual void send(std::string_view bytes) = 0;
};

class SocketLine final : public Line {
public:
    explicit SocketLine(Fd fd) : fd_(std::move(fd)) {}
    int fd() const override { return fd_.get(); }
    std::optional<std::string> receive() override {
        std::array<char, 4096> buffer{};
        const ssize_t count = recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (count > 0) {
            return std::string(buffer.data(), static_cast<std::size_t>(count));
        }
        return count < 0 && (errno == EAGAIN || errno == EINTR) ? std::optional(std::string()) : std::nullopt;
    }
    void send(std::string_view bytes) override { write_all(fd_.get(), bytes, "the console"); }

private:
    Fd fd_;
};

class StreamLine final : public Line {
public:
    StreamLine(const virt::Connection& connection, const MachineRecord& record, bool force)
        : connection_(connection) {
        virConnectPtr raw = connection_.raw();
        domain_.reset(virDomainLookupByUUIDString(raw, record.uuid.c_str()));
        stream_.reset(virStreamNew(raw, VIR_STREAM_NONBLOCK));
        const unsigned flags = force ? VIR_DOMAIN_CONSOLE_FORCE : VIR_DOMAIN_CONSOLE_SAFE;
        if (!domain_ || !stream_ || virDomainOpenConsole(domain_.get(), nullptr, stream_.get(), flags) != 0) {
            virt::throw_last_virt_error(fmt::format("open the console of machine '{}'", record.name));
        }
    }
    int fd() const override { return -1; }
    std::optional<std::string> receive() override {
        std::array<char, 4096> buffer{};
        constexpr int nothing_now = -2;  // virStreamRecv(3) on a non-blocking stream
        const int count = virStreamRecv(stream_.get(), buffer.data(), buffer.size());
        if (count > 0) {
            return std::string(buffer.data(), static_cast<std::size_t>(count));
        }
        return count == nothing_now ? std::optional(std::string()) : std::nullopt;
    }
    void send(std::string_view bytes) override {
        static_cast<void>(virStreamSend(stream_.get(), bytes.data(), bytes.size()));
    }

private:
    virt::Connection connection_;
    Handle<virDomain, &virDomainFree> domain_;
    Handle<virStream, &virStreamFree> stream_;
};

std::unique_ptr<Line> open_line(Lifecycle& lifecycle, const MachineRecord& record, bool force) {
    if (record.is_remote()) {
        return std::make_unique<StreamLine>(lifecycle.open(record), record, force);
    }
    Fd fd = connect_unix(console_socket(lifecycle.folder(record.name)));
    if (!fd) {
        throw Error(
            Failure::domain,
            fmt::format("the console of machine '{}' cannot be opened: {}", record.name, errno_text(errno)),
            "only one can sit at it; the user who started the machine may");
    }
    return std::make_unique<SocketLine>(std::move(fd));
}

/// Passes bytes both ways until the user leaves, input ends, or the machine goes.
void pass_bytes(Line& line) {
    bool reading = true;
    while (true) {
        interrupt::check();
        std::array<pollfd, 3> entries = {pollfd{reading ? STDIN_FILENO : -1, POLLIN, 0},
                                         pollfd{line.fd(), POLLIN, 0},
                                         pollfd{interrupt::wake_fd(), POLLIN, 0}};
        constexpr int stream_interval_ms = 20;
        poll(entries.data(), entries.size(), line.fd() < 0 ? stream_interval_ms : 1000);
        const auto received = line.receive();
        if (!received) {
            return;
        }
        write_all(STDOUT_FILENO, *received, "standard output");
        if ((entries[0].revents & (POLLIN | POLLHUP)) == 0) {
            continue;
        }
        std::array<char, 512> keys{};
        const ssize_t count = read(STDIN_FILENO, keys.data(), keys.size());
        const std::string_view typed(keys.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
        const std::size_t leave = typed.find(leave_key);
        line.send(typed.substr(0, leave));
        if (count <= 0 || leave != std::string_view::npos) {
            return;
        }
    }
}

}  // namespace

void attach_console(Lifecycle& lifecycle, const MachineRecord& record, bool force) {
    const std::string state = look(lifecycle, record, {.addresses = false, .sizes = false}).state;
    if (state != "running" && state != "paused") {
        throw Error(Failure::domain, fmt::format("machine '{}' is {}", record.name, state),
                    fmt::format("imgforge start {}", record.name));
    }
    const auto line = open_line(lifecycle, record, force);
    write_all(STDERR_FILENO, fmt::format("console of {}; Ctrl-] leaves it, Enter wakes it\r\n", record.name),
              "standard error");
    {
        const RawTerminal raw;
        pass_bytes(*line);
    }
    write_all(STDERR_FILENO, "\n", "standard error");
}

}  // namespace imgforge::lifecycle
