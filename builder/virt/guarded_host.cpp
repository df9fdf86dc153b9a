// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/virt/guarded_host.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <future>
#include <optional>
#include <thread>

#include "builder/base/interrupt.hpp"
#include "builder/virt/native_host.hpp"
#include "builder/virt/virt_error.hpp"

namespace imgforge::virt {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// What `task` returns or throws; nullopt when it is still at work after `deadline`. The task must own
/// everything it uses. Ctrl-C is heard after `grace`, since what is undone next must not overtake what is
/// still being done.
template <typename Result>
std::optional<Result> within(milliseconds deadline, std::function<Result()> task) {
    std::packaged_task<Result()> work(std::move(task));
    std::future<Result> result = work.get_future();
    std::thread(std::move(work)).detach();
    constexpr std::chrono::seconds grace{10};
    const auto begin = steady_clock::now();
    const auto until = begin + deadline;
    while (result.wait_until(std::min(until, steady_clock::now() + milliseconds(100))) !=
           std::future_status::ready) {
        if (steady_clock::now() >= begin + grace) {
            interrupt::check();
        }
        if (steady_clock::now() >= until) {
            return std::nullopt;
        }
    }
    return result.get();
}

constexpr const char* guard_hint =
    "is its daemon stopped or overloaded? 'virsh -c URI list' shows whether it answers anybody";

}  // namespace

GuardedHost::GuardedHost(const std::string& uri, milliseconds timeout) : uri_(uri) {
    auto opened =
        within<std::shared_ptr<NativeHost>>(timeout, [uri] { return std::make_shared<NativeHost>(uri); });
    if (!opened) {
        throw VirtError(VirtCause::no_connection, Failure::host,
                        fmt::format("cannot connect to {}: no answer within {}", uri,
                                    std::chrono::ceil<std::chrono::seconds>(timeout)),
                        guard_hint);
    }
    host_ = std::move(*opened);
}

Json GuardedHost::call(const Json& request, milliseconds deadline) {
    const std::string op = request.at("op");
    if (silent_) {
        throw VirtError(VirtCause::no_connection, Failure::domain,
                        fmt::format("cannot ask {} for '{}': it stopped answering", uri_, op), guard_hint);
    }
    std::optional<Json> answer =
        within<Json>(deadline, [host = host_, request, deadline] { return host->call(request, deadline); });
    if (!answer) {
        silent_ = true;
        throw VirtError(VirtCause::timeout, Failure::timeout,
                        fmt::format("{} did not answer '{}' within {}", uri_, op,
                                    std::chrono::ceil<std::chrono::seconds>(deadline)),
                        guard_hint);
    }
    return std::move(*answer);
}

_virConnect* GuardedHost::raw() const {
    return host_->raw();
}

}  // namespace imgforge::virt
