// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/file.hpp"
#include "pipelines/fetch/registry.hpp"
#include "pipelines/store/publish.hpp"
#include "tests/support/disk_maker.hpp"
#include "tests/support/require.hpp"
#include "tests/support/store_fixture.hpp"

namespace imgforge::targets {

/// A port that was free a moment ago.
inline int free_port() {
    const Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    return ntohs(address.sin_port);
}

/// A registry on the loopback interface and two stores.
class RegistryTest : public testing::Test {
protected:
    void SetUp() override {
        if (!find_program("docker-registry")) {
            IMGFORGE_SKIP("tools", "docker-registry is not installed");
        }
        host_ = "127.0.0.1:" + std::to_string(free_port());
        write_file_atomically(
            work_ / "config.yml",
            "version: 0.1\nlog: {level: error}\nstorage:\n  delete: {enabled: true}\n  filesystem: "
            "{rootdirectory: " +
                (work_ / "data").string() + "}\nhttp: {addr: '" + host_ + "'}\n");
        const std::string config = (work_ / "config.yml").string();
        const std::string log = (work_ / "registry.log").string();
        server_ = ::fork();
        if (server_ == 0) {
            const int fd = ::open(log.c_str(), O_WRONLY | O_CREAT, 0600);
            ::dup2(fd, STDOUT_FILENO);
            ::dup2(fd, STDERR_FILENO);
            ::execlp("docker-registry", "docker-registry", "serve", config.c_str(), nullptr);
            ::_exit(127);
        }
        wait_for_server();
    }
    void TearDown() override {
        if (server_ > 0) {
            ::kill(server_, SIGTERM);
            ::waitpid(server_, nullptr, 0);
        }
    }
    void wait_for_server() {
        SystemClock clock;
        wait_until(
            clock, "the registry", std::chrono::seconds(30),
            [&] {
                try {
                    fetch::Registry(name("x")).tags();
                    return true;
                } catch (const Error&) {
                    return false;
                }
            },
            [] { return std::string("no answer"); });
    }
    fetch::RegistryName name(const std::string& repository) const {
        return fetch::parse_registry_name(host_ + "/" + repository);
    }
    store::Generation publish(std::uint32_t seed) {
        const std::filesystem::path disk = work_ / ("disk" + std::to_string(seed) + ".qcow2");
        test::make_disk(processes_, disk, {.seed = seed, .data_mib = 2, .virtual_mib = 16});
        run_checked(processes_, {.program = "qemu-io",
                                 .args = {"-f", "qcow2", "-c", "write -P 0x55 510 1", "-c",
                                          "write -P 0xaa 511 1", disk.string()}});
        store::Candidate candidate{.image = "debian12", .disk = disk};
        candidate.contents.package_format = "deb";
        candidate.contents.packages = {
            {.name = "curl", .version = std::to_string(seed), .architecture = "amd64"}};
        const auto published = store::publish(home_.store, processes_, candidate, monitor_);
        return home_.store.promote("debian12", published.generation.generation);
    }

    TempDir work_{"registry-test", test::fast_folder()};
    test::StoreHome home_;
    test::StoreHome other_;
    SystemProcessRunner processes_;
    RecordingMonitor monitor_;
    std::string host_;
    pid_t server_ = -1;
};

}  // namespace imgforge::targets
