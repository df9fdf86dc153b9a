// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/cli/manual.hpp"
#include "builder/cli/schema_manual.hpp"

namespace imgforge::cli {
namespace {

constexpr const char* example =
    "network: bridge=br0\nsizes:\n  huge: {memory: 16G, vcpus: 8, disk: 100G}\nhosts:\n"
    "  lab1: {connection: qemu+ssh://lab1/system, pool: imgforge}\nbudget: {memory: 6G, cpus: 4}\n"
    "notify: {command: [mail, -s, imgforge, root], on: [failure]}\n";

}  // namespace

std::string settings_page(const Json& schema) {
    return fmt::format(".TH IMGFORGE.CONFIG 5 \"\" \"imgforge {}\" \"File Formats\"\n", IMGFORGE_VERSION) +
           ".SH NAME\nimgforge.config \\- settings of imgforge on this host\n.SH DESCRIPTION\n" +
           troff_escape(
               "Both files are optional YAML. What the user's file says goes before the system's: mappings "
               "are merged key by key, lists are replaced. Unknown keys and invalid values are errors of "
               "every command, with file, line and column, and exit code 3.\n") +
           ".PP\n.nf\n.RS\n" + troff_escape(example) + ".RE\n.fi\n.SH KEYS\n" + schema_entries(schema) +
           ".SH FILES\n.TP\n.I /etc/imgforge/config.yaml\nFor all users.\n.TP\n.I "
           "$XDG_CONFIG_HOME/imgforge/config.yaml\nelse ~/.config/imgforge/config.yaml: for this user.\n"
           ".SH SEE ALSO\n.BR imgforge (1),\n.BR imgforge.recipe (5)\n";
}

}  // namespace imgforge::cli
