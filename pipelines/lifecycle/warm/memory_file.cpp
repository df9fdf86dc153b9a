// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/warm/memory_file.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/file.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/base/unix_socket.hpp"
#include "builder/virt/virt_error.hpp"

namespace imgforge::lifecycle {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::minutes qemu_timeout{1};
/// As domain_xml() calls the first of them.
constexpr const char* user_network_id = "imgforge-net0";

/// QEMU takes a socket's path of at most 107 bytes; $TMPDIR and $IMGFORGE_HOME may be longer.
TempDir socket_folder() {
    return TempDir("imgforge-warm", "/var/tmp");
}

/// Returns when `fd` can be read.
void wait_for_bytes(int fd, std::chrono::steady_clock::time_point deadline) {
    pollfd entry{fd, POLLIN, 0};
    while (poll(&entry, 1, 100) <= 0) {
        interrupt::check();
        if (std::chrono::steady_clock::now() >= deadline) {
            throw Error(Failure::timeout, "QEMU did not hand over the state of the devices in time");
        }
    }
}

/// All that one peer sends.
std::string receive(const Fd& listener) {
    const auto deadline = std::chrono::steady_clock::now() + qemu_timeout;
    wait_for_bytes(listener.get(), deadline);
    const Fd peer(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    std::string bytes;
    std::array<char, 65536> chunk{};
    while (true) {
        wait_for_bytes(peer.get(), deadline);
        const ssize_t count = read(peer.get(), chunk.data(), chunk.size());
        if (count < 0) {
            throw system_error("read", "the state of the devices", errno);
        }
        if (count == 0) {
            return bytes;
        }
        bytes.append(chunk.data(), static_cast<std::size_t>(count));
    }
}

/// A socket, so that a QEMU that ended is an error and no signal.
void send_all(const Fd& fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0) {
            throw system_error("send", "the state of the devices to QEMU", errno);
        }
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

/// With it on, QEMU leaves shared memory out of what it saves, and expects it to be there when it loads.
void leave_memory_out(const virt::Domain& domain, bool on) {
    const Json capability = {{"capability", "x-ignore-shared"}, {"state", on}};
    domain.monitor({{"execute", "migrate-set-capabilities"},
                    {"arguments", {{"capabilities", Json::array({capability})}}}});
}

void wait_for_qemu(Clock& clock, const virt::Domain& domain, std::string_view what) {
    std::string seen = "nothing";
    wait_until(
        clock, fmt::format("QEMU {} the devices of '{}'", what, domain.name()), qemu_timeout,
        [&] {
            seen = domain.monitor({{"execute", "query-migrate"}}).value("status", "nothing");
            if (seen == "failed" || seen == "cancelled") {
                throw virt::VirtError(
                    virt::VirtCause::other, Failure::domain,
                    fmt::format("QEMU {} the devices of '{}': {}", what, domain.name(), seen));
            }
            return seen == "completed";
        },
        [&] { return seen; }, std::chrono::milliseconds(10));
}

}  // namespace

ByteSize memory_file_size(ByteSize memory) {
    return ByteSize::mib((memory.in_bytes() + ByteSize::mib(1).in_bytes() - 1) / ByteSize::mib(1).in_bytes());
}

void create_memory_file(const fs::path& file, ByteSize memory) {
    const Fd fd = open_fd(file, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (ftruncate(fd.get(), static_cast<off_t>(memory_file_size(memory).in_bytes())) != 0) {
        throw system_error("set the size of", file.string(), errno);
    }
}

void use_memory_file(virt::DomainSpec& spec, const fs::path& file, MemoryUse use) {
    const bool writes = use == MemoryUse::write;
    const Json backend = {{"qom-type", "memory-backend-file"},
                          {"id", "imgforge-ram"},
                          {"size", memory_file_size(spec.memory).in_bytes()},
                          {"mem-path", file.string()},
                          {"share", writes}};
    for (const std::string& argument : {std::string("-object"), backend.dump(), std::string("-machine"),
                                        std::string("memory-backend=imgforge-ram")}) {
        spec.qemu_args.push_back(argument);
    }
    if (!writes) {
        spec.qemu_args.insert(spec.qemu_args.end(), {"-incoming", "defer"});
    }
    // A balloon gives memory back by punching holes into the file (QEMU 7.2, ram_block_discard_range), which
    // would be holes in the memory of every clone. The definition has one: from its next start on.
    spec.balloon = false;
}

void save_devices(Clock& clock, const virt::Domain& domain, const fs::path& state) {
    const TempDir folder = socket_folder();
    const fs::path socket = folder / "state";
    const Fd listener = listen_unix(socket);
    leave_memory_out(domain, true);
    domain.monitor({{"execute", "migrate"}, {"arguments", {{"uri", "unix:" + socket.string()}}}});
    const std::string bytes = receive(listener);
    wait_for_qemu(clock, domain, "saves");
    write_file_atomically(state, bytes, 0600);
}

void load_devices(Clock& clock, const virt::Domain& domain, const fs::path& state) {
    const TempDir folder = socket_folder();
    const fs::path socket = folder / "state";
    leave_memory_out(domain, true);
    domain.monitor({{"execute", "migrate-incoming"}, {"arguments", {{"uri", "unix:" + socket.string()}}}});
    Fd peer = connect_unix(socket);
    if (!peer) {
        throw system_error("connect to", socket.string(), errno);
    }
    send_all(peer, read_file(state));
    peer.reset();
    wait_for_qemu(clock, domain, "loads");
    // Its own snapshots have all of its memory again.
    leave_memory_out(domain, false);
}

void leave_network(const virt::Domain& domain) {
    domain.monitor({{"execute", "netdev_del"}, {"arguments", {{"id", user_network_id}}}});
}

void join_network(const virt::Domain& domain) {
    domain.monitor({{"execute", "set_link"}, {"arguments", {{"name", user_network_id}, {"up", true}}}});
}

}  // namespace imgforge::lifecycle
