// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/kickstart_table.hpp"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "builder/base/file.hpp"
#include "builder/base/json.hpp"
#include "builder/base/places.hpp"

namespace imgforge::seeds {
namespace {

using Names = std::vector<std::string>;

KickstartOption read_option(const Json& row, const Names& releases) {
    const std::string value = row.value("value", "");
    return {.value = value == "flag"  ? KickstartOption::Value::flag
                     : value == "int" ? KickstartOption::Value::integer
                                      : KickstartOption::Value::any,
            .optional = row.value("optional", false),
            .required = row.value("required", false),
            .choices = row.value("choices", Names{}),
            .releases = row.value("in", releases)};
}

std::map<std::string, KickstartCommand> read_table() {
    const std::filesystem::path path = data_path("seeds/schemas/kickstart.json");
    const Json table = parse_json(read_file(path), path.string());
    const Names all = table.at("releases").get<Names>();
    std::map<std::string, KickstartCommand> commands;
    for (const auto& [name, row] : table.at("commands").items()) {
        KickstartCommand command{.releases = row.value("in", all),
                                 .deprecated = row.value("deprecated", Names{}),
                                 .options = {},
                                 .or_option = row.value("or-option", false),
                                 .one_of = row.value("one-of", Names{})};
        if (const auto words = row.find("arguments"); words != row.end()) {
            command.fewest = words->at(0).get<std::size_t>();
            command.most = words->at(1).get<std::size_t>();
        }
        const Json options = row.value("options", Json::object());
        for (const auto& [option, entry] : options.items()) {
            command.options.emplace(option, read_option(entry, command.releases));
        }
        commands.emplace(name, std::move(command));
    }
    return commands;
}

}  // namespace

const std::map<std::string, KickstartCommand>& kickstart_commands() {
    static const std::map<std::string, KickstartCommand> table = read_table();
    return table;
}

std::string kickstart_release(const AnswerFacts& facts) {
    constexpr int oldest_fedora = 40;
    constexpr int newest_fedora = 44;
    if (facts.product.empty() || facts.version.empty()) {
        return {};
    }
    const int major = std::atoi(facts.version.c_str());
    if (facts.product.find("Fedora") != std::string::npos) {
        return fmt::format("F{}", std::clamp(major, oldest_fedora, newest_fedora));
    }
    return fmt::format("RHEL{}", std::clamp(major, 8, 10));
}

}  // namespace imgforge::seeds
