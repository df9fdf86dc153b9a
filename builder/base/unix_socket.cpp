// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/unix_socket.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <string>

#include <fmt/format.h>

#include "builder/base/error.hpp"

namespace imgforge {
namespace {

/// False when the address cannot hold the path.
bool fill_address(sockaddr_un& address, const std::string& path) {
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return false;
    }
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return true;
}

/// The sockets API types every address as sockaddr.
const sockaddr* plain(const sockaddr_un& address) {
    return reinterpret_cast<const sockaddr*>(&address);  // NOLINT
}

}  // namespace

Fd listen_unix(const std::filesystem::path& path) {
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    if (!fd || !fill_address(address, path.string())) {
        throw Error(Failure::host, fmt::format("cannot make the socket {}", path.string()));
    }
    if (::bind(fd.get(), plain(address), sizeof address) != 0 || ::chmod(path.c_str(), 0600) != 0 ||
        ::listen(fd.get(), 1) != 0) {
        throw system_error("listen on", path.string(), errno);
    }
    return fd;
}

Fd connect_unix(const std::filesystem::path& socket) {
    const Fd folder(::open(socket.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    if (!folder || !fd ||
        !fill_address(address,
                      fmt::format("/proc/self/fd/{}/{}", folder.get(), socket.filename().string())) ||
        ::connect(fd.get(), plain(address), sizeof address) != 0) {
        return {};
    }
    return fd;
}

}  // namespace imgforge
