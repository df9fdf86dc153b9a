// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/cloud_init.hpp"

#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/error.hpp"
#include "builder/base/printable.hpp"
#include "pipelines/lifecycle/warm/guest_shell.hpp"

namespace imgforge::lifecycle {
namespace {

/// Texts of a list that may hold anything.
std::vector<std::string> texts_of(const Json& list) {
    std::vector<std::string> texts;
    for (const auto& entry : list) {
        texts.push_back(cloud_init_error(entry.is_string() ? entry.get<std::string>() : entry.dump()));
    }
    return texts;
}

}  // namespace

std::string cloud_init_error(const std::string& recorded) {
    constexpr std::string_view opening = "('";
    constexpr std::string_view separator = "', ";
    const std::size_t end = recorded.find(separator);
    const bool tuple = recorded.starts_with(opening) && recorded.ends_with(')') && end != std::string::npos;
    if (!tuple) {
        return printable(recorded);
    }
    const std::size_t begin = end + separator.size();
    return printable(fmt::format("module {}: {}", recorded.substr(opening.size(), end - opening.size()),
                                 recorded.substr(begin, recorded.size() - begin - 1)));
}

bool cloud_init_is_done(Monitor& monitor, const std::string& machine, const Json& status) {
    const auto errors = texts_of(status.value("errors", Json::array()));
    const std::string state = status.value("status", "");
    if (state == "error" || !errors.empty()) {
        throw Error(Failure::integrity,
                    fmt::format("cloud-init of machine '{}' failed: {}", machine,
                                errors.empty() ? printable(status.value("detail", "no reason given"))
                                               : fmt::format("{}", fmt::join(errors, "; "))),
                    fmt::format("imgforge ssh {} sudo cat /var/log/cloud-init-output.log", machine));
    }
    if (state != "done") {
        return false;
    }
    const Json recoverable = status.value("recoverable_errors", Json::object());
    for (const auto& [level, list] : recoverable.items()) {
        for (const auto& text : texts_of(list)) {
            monitor.warning(fmt::format("cloud-init of machine '{}', {}: {}", machine, level, text));
        }
    }
    return true;
}

std::optional<Json> cloud_init_status_by_agent(Clock& clock, const virt::Domain& domain) {
    try {
        const GuestRun run =
            run_in_guest(clock, domain, "cloud-init status --format json", std::chrono::seconds(30));
        // It exits with 1 or 2 when something failed, and its answer says what.
        Json status = Json::parse(run.out, nullptr, false);
        return status.is_object() ? std::optional(std::move(status)) : std::nullopt;
    } catch (const Error&) {
        return std::nullopt;
    }
}

}  // namespace imgforge::lifecycle
