// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

#include "sysprep/ops/text.hpp"

namespace imgforge::sysprep {

Operation hostname_references_operation() {
    return {
        .name = "hostname-references",
        .heading = "Take the old hostname out of hosts and mail settings",
        .reason = "a clone would resolve and send mail under the builder's name",
        .source = "hosts(5), mailname(5), postconf(5)",
        .rows = {"A4"},
        .perform =
            [](Cleaner& cleaner) {
                const std::string& name = cleaner.os().hostname;
                const std::string bare = name.substr(0, name.find('.'));
                if (bare.empty() || bare == "localhost") {
                    return;
                }
                cleaner.edit_lines("/etc/hosts",
                                   [&](const std::string& line) { return hosts_line_without(line, bare); });
                for (const char* path :
                     {"/etc/mailname", "/etc/postfix/main.cf", "/etc/exim4/update-exim4.conf.conf"}) {
                    cleaner.edit(path, [&](const std::string& text) {
                        return words_replaced(text, bare, "localhost");
                    });
                }
            },
    };
}

}  // namespace imgforge::sysprep
