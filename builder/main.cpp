// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/interrupt.hpp"
#include "builder/cli/frame.hpp"

int main(int argc, char** argv) {
    imgforge::interrupt::install();
    return imgforge::cli::run_main(argc, argv);
}
