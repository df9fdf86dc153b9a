// SPDX-License-Identifier: GPL-3.0-or-later
// imgforge-host: every command, linked with libvirt, libguestfs and the rest.
#include "builder/base/interrupt.hpp"
#include "builder/cli/frame.hpp"

int main(int argc, char** argv) {
    imgforge::interrupt::install();
    return imgforge::cli::run_main(argc, argv, imgforge::cli::all_commands());
}
