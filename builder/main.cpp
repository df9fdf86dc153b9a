// SPDX-License-Identifier: GPL-3.0-or-later
// imgforge: every command. Large libraries are loaded by those that need them
// (builder/base/lazy_library.hpp).
#include "builder/base/interrupt.hpp"
#include "builder/cli/frame.hpp"

int main(int argc, char** argv) {
    imgforge::interrupt::install();
    return imgforge::cli::run_main(argc, argv, imgforge::cli::all_commands());
}
