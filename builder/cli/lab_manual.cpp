// SPDX-License-Identifier: GPL-3.0-or-later
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
    return manual_page(
        {.name = "lab",
         .summary = "machines and networks of one lab",
         .text =
             "A YAML file for imgforge lab up, lab status and lab down. Unknown keys are errors, with file, "
             "line and column. lab up makes what is missing in the order of needs:, changes what differs "
             "and leaves the rest alone; lab down removes what lab up made, and nothing else. imgforge lab "
             "status --schema prints the JSON Schema this page is made from.",
         .example = lab_example,
         .keys = schema_entries(schema),
         .more =
             ".SH FILES\n.TP\n.I /usr/share/imgforge/pipelines/labs\nthree examples: a web server with its "
             "database, a jump host, a cluster of three.\n",
         .see = {{"imgforge-lab-up", 1}, {"imgforge-lab-status", 1}, {"imgforge-lab-down", 1}}});
}

}  // namespace imgforge::cli
