// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "builder/base/json.hpp"
#include "pipelines/provision/guest_script.hpp"
#include "pipelines/provision/steps.hpp"

namespace imgforge::provision {

/// A check that a script in the guest decides: it holds when the script exits with 0.
struct GuestCheck {
    std::string script;
};

/// A TCP port that the host must reach.
struct PortCheck {
    std::uint16_t port = 0;
};

/// A file of tests for testinfra, run by the host's pytest; each of its tests is a check of its own.
struct TestinfraCheck {
    std::filesystem::path file;
};

/// One named check of a verify stage.
struct Check {
    std::string name;  ///< "service nginx is active", unique within the stage
    std::variant<GuestCheck, PortCheck, TestinfraCheck> what;
    std::chrono::seconds timeout{0};
};

/// Reads the options of the stage (already checked against verify_schema()): services, ports, files,
/// packages, run, script, testinfra, in this order. `secret` fills secrets in; scripts are read from the
/// host.
std::vector<Check> parse_checks(const Json& options, const std::filesystem::path& folder,
                                const SecretSource& secret);

/// Ports among the checks, each once.
std::vector<std::uint16_t> checked_ports(const std::vector<Check>& checks);

/// Errors the schema cannot see. {pointer below the options, message}.
std::vector<std::pair<std::string, std::string>> check_checks(const Json& options,
                                                              const std::filesystem::path& folder);

/// Host files whose content the checks depend on.
std::vector<std::filesystem::path> check_files(const Json& options, const std::filesystem::path& folder);

/// Schema of the stage.
const Json& verify_schema();

/// Properties of stages that start clones of the generation: size, network, firmware.
Json clone_properties();

}  // namespace imgforge::provision
