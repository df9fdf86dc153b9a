// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/cli/manual.hpp"
#include "builder/cli/schema_manual.hpp"

namespace imgforge::cli {
namespace {

constexpr const char* lab_example =
    "lab: shop\nnetworks:\n  inner: {isolated: true}\nmachines:\n"
    "  db: {image: debian13, networks: [inner]}\n"
    "  web: {image: debian13, count: 2, networks: [nat, inner], needs: [db]}\n"
    "  edge: {image: debian13, networks: [nat], publish: [\"8080:80\"], ttl: 8h, needs: [web]}\n";

}  // namespace

std::string lab_page(const Json& schema) {
    return fmt::format(".TH IMGFORGE.LAB 5 \"\" \"imgforge {}\" \"File Formats\"\n", IMGFORGE_VERSION) +
           ".SH NAME\nimgforge.lab \\- machines and networks of one lab\n.SH DESCRIPTION\n" +
           troff_escape(
               "A YAML file for imgforge lab up, lab status and lab down. Unknown keys are errors, with "
               "file, "
               "line and column. lab up makes what is missing in the order of needs:, changes what differs "
               "and leaves the rest alone; lab down removes what lab up made, and nothing else. imgforge lab "
               "status --schema prints the JSON Schema this page is made from.\n") +
           ".PP\n.nf\n.RS\n" + troff_escape(lab_example) + ".RE\n.fi\n.SH KEYS\n" + schema_entries(schema) +
           ".SH FILES\n.TP\n.I /usr/share/imgforge/pipelines/labs\nthree examples: a web server with its "
           "database, a jump host, a cluster of three.\n" +
           ".SH SEE ALSO\n.BR imgforge\\-lab\\-up (1),\n.BR imgforge\\-lab\\-status (1),\n"
           ".BR imgforge\\-lab\\-down (1)\n";
}

}  // namespace imgforge::cli
