// SPDX-License-Identifier: GPL-3.0-or-later
// imgforge-machine URI CAPABILITIES TIMEOUT_MS: holds one embedded libvirt root and answers JSON lines on
// its standard input until that ends. Started by WorkerTransport only; see there.
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "builder/base/error.hpp"
#include "builder/base/lock.hpp"
#include "builder/virt/embedded_root.hpp"
#include "builder/virt/native_host.hpp"
#include "builder/virt/virt_error.hpp"
#include "builder/virt/worker_transport.hpp"

namespace {

using namespace imgforge;
using namespace imgforge::virt;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// As root libvirt looks its default user for QEMU up before it reads the root's own qemu.conf, and gives up
/// when there is none: waiting does not help. libvirt has no code for it.
void require_default_user(const VirtError& error) {
    if (error.message().find("Failed to parse user") != std::string::npos) {
        throw VirtError(error.cause(), Failure::host, error.message(),
                        "the user comes with libvirt's system daemon: apt-get install libvirt-daemon-system");
    }
}

/// The root, held by a lock of ours first, so that who waits queues up and can learn for whom.
class Worker {
public:
    Worker(const std::string& uri, std::filesystem::path capabilities, milliseconds timeout)
        : root_(embedded_root(uri).value()),
          capabilities_(std::move(capabilities)),
          lock_((prepare_root(root_, capabilities_),
                 FileLock::acquire(root_ / "imgforge.lock", "libvirt", timeout))) {
        const std::string short_uri = "qemu:///embed?root=" + short_root(root_).string();
        const milliseconds settle = settle_time(root_);
        // A process that was killed can hold libvirt's own pid file a moment longer than our lock.
        std::optional<VirtError> first;  // the later ones speak of a driver that is not active any more
        for (const auto until = steady_clock::now() + timeout; !host_;) {
            try {
                host_ = std::make_unique<NativeHost>(short_uri, settle);
            } catch (const VirtError& error) {
                require_default_user(error);
                if (!first) {
                    first.emplace(error);
                }
                if (steady_clock::now() >= until) {
                    throw VirtError(*first);
                }
                std::this_thread::sleep_for(milliseconds(50));
            }
        }
    }

    /// The embedded driver knows no VIR_DOMAIN_START_AUTODESTROY, so that promise is kept here.
    ~Worker() {
        for (const std::string& uuid : ends_with_us_) {
            try {
                host_->call({{"op", "destroy"}, {"domain", uuid}}, {});
            } catch (const std::exception&) {
                continue;  // it ended by itself
            }
        }
    }
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    Json answer(Json request) {
        const std::string op = request.at("op");
        const bool ends_with_us = request.value("auto_destroy", false);
        request["auto_destroy"] = false;
        Json result = host_->call(request, {});
        if (ends_with_us) {
            ends_with_us_.push_back(result.at("uuid"));
        }
        if (op == "create" || op == "start" || op == "define" || op == "capabilities") {
            share_capabilities(root_, capabilities_);
        }
        return result;
    }

private:
    std::filesystem::path root_;
    std::filesystem::path capabilities_;
    FileLock lock_;
    std::unique_ptr<NativeHost> host_;
    std::vector<std::string> ends_with_us_;
};

void reply(const Json& answer) {
    std::cout << answer.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::cerr << "imgforge-machine is started by imgforge\n";
        return 2;
    }
    signal(SIGINT, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    std::unique_ptr<Worker> worker;
    std::string line;
    while (std::getline(std::cin, line)) {
        Json id;
        try {
            const Json request = parse_json(line, "request");
            id = request.at("id");
            if (!worker) {
                worker = std::make_unique<Worker>(argv[1], argv[2], milliseconds(std::atol(argv[3])));
            }
            reply({{"id", id}, {"ok", worker->answer(request)}});
        } catch (const Error& error) {
            reply({{"id", id}, {"error", error_to_json(error)}});
        } catch (const std::exception& error) {
            reply({{"id", id}, {"error", error_to_json(Error(Failure::domain, error.what()))}});
        }
    }
    return 0;
}
