// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/warm/guest_shell.hpp"

#include <fmt/format.h>

#include "builder/base/base64.hpp"
#include "builder/base/error.hpp"

namespace imgforge::lifecycle {
namespace {

std::string decoded(const Json& answer, const char* key) {
    return base64_decode(answer.value(key, "")).value_or("");
}

/// A guest that runs slowly may need seconds for one answer.
constexpr std::chrono::seconds one_answer{20};

/// libvirt hears only after a moment that the agent of a machine that goes on has its channel open.
void wait_for_agent(Clock& clock, const virt::Domain& domain) {
    constexpr std::chrono::seconds reconnects{20};
    std::string seen = "no answer";
    wait_until(
        clock, fmt::format("the guest agent of '{}'", domain.name()), reconnects,
        [&] {
            try {
                static_cast<void>(domain.agent({{"execute", "guest-ping"}}, one_answer));
                return true;
            } catch (const virt::VirtError& error) {
                seen = error.message();
                return false;
            }
        },
        [&] { return seen; }, std::chrono::milliseconds(20));
}

std::int64_t start(const virt::Domain& domain, const std::string& script) {
    const Json command = {{"execute", "guest-exec"},
                          {"arguments",
                           {{"path", "/bin/sh"},
                            {"arg", Json::array({"-s"})},
                            {"input-data", base64_encode(script)},
                            {"capture-output", true}}}};
    try {
        return domain.agent(command, one_answer).at("pid").get<std::int64_t>();
    } catch (const virt::VirtError& error) {
        if (error.cause() == virt::VirtCause::agent_unavailable) {
            throw;
        }
        // Red Hat's package forbids guest-exec in /etc/sysconfig/qemu-ga.
        throw Error(
            Failure::guest,
            fmt::format("the guest agent of '{}' runs no programs: {}", domain.name(), error.message()),
            "allow guest-exec and guest-exec-status in the image's agent configuration, or spawn without "
            "--warm");
    }
}

}  // namespace

std::string GuestRun::last_words() const {
    const std::string& text = err.empty() ? out : err;
    const std::size_t end = text.find_last_not_of(" \n");
    if (end == std::string::npos) {
        return fmt::format("exit code {}", exit_code);
    }
    const std::size_t begin = text.rfind('\n', end);
    return text.substr(begin == std::string::npos ? 0 : begin + 1,
                       end - (begin == std::string::npos ? 0 : begin + 1) + 1);
}

GuestRun run_when_agent_answers(Clock& clock, const virt::Domain& domain, const std::string& script,
                                std::chrono::milliseconds timeout) {
    wait_for_agent(clock, domain);
    return run_in_guest(clock, domain, script, timeout);
}

GuestRun run_in_guest(Clock& clock, const virt::Domain& domain, const std::string& script,
                      std::chrono::milliseconds timeout) {
    const Json status = {{"execute", "guest-exec-status"}, {"arguments", {{"pid", start(domain, script)}}}};
    GuestRun run;
    wait_until(
        clock, fmt::format("a script in guest '{}'", domain.name()), timeout,
        [&] {
            const Json answer = domain.agent(status, one_answer);
            if (!answer.at("exited").get<bool>()) {
                return false;
            }
            run.exit_code = answer.contains("signal") ? 128 + answer.at("signal").get<int>()
                                                      : answer.value("exitcode", 0);
            run.out = decoded(answer, "out-data");
            run.err = decoded(answer, "err-data");
            return true;
        },
        [] { return std::string("it still runs"); }, std::chrono::milliseconds(50));
    return run;
}

}  // namespace imgforge::lifecycle
