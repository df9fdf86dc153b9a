// SPDX-License-Identifier: GPL-3.0-or-later
#include <regex>

#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

void forget_node_names(Cleaner& cleaner) {
    // client.rb: node_name "builder"; minion: id: builder; puppet.conf: certname = builder. Without the line
    // each program takes the machine's own name.
    static const std::regex name(
        R"(\s*(node_name\s+.*|chef_guid\s+.*|id:\s*\S.*|minion_id:.*|certname\s*=.*|node_name_value\s*=.*))");
    for (const std::string& path :
         cleaner.fs().glob_all({"/etc/{chef,cinc}/{client.rb,client.d/*.rb}",
                                "/etc/{salt,venv-salt-minion}/{minion,minion.d/*.conf}",
                                "/etc/{puppetlabs/,}puppet/puppet.conf"})) {
        cleaner.edit_lines(path, [](const std::string& line) {
            return std::regex_match(line, name) ? std::nullopt : std::optional(line);
        });
    }
}

}  // namespace imgforge::sysprep
