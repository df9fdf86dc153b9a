// SPDX-License-Identifier: GPL-3.0-or-later
// imgforge: what users start. `imgforge seed …` needs no hypervisor and runs here at once; everything else is
// handed to imgforge-host. Why two programs: loading libvirt, libguestfs and their sixty libraries takes
// several times as long as writing a seed does (tests/bench, seed/genisoimage).
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "builder/base/error.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/cli/commands.hpp"
#include "builder/cli/frame.hpp"

namespace {

namespace fs = std::filesystem;

/// Only returns when imgforge-host cannot be started.
int become_host(char** argv) {
    std::error_code code;
    const fs::path folder = fs::read_symlink("/proc/self/exe", code).parent_path();
    for (const fs::path& host :
         {folder / "imgforge-host", folder.parent_path() / "libexec" / "imgforge" / "imgforge-host"}) {
        if (::access(host.c_str(), X_OK) == 0) {
            ::execv(host.c_str(), argv);
        }
    }
    std::fprintf(stderr,
                 "imgforge: imgforge-host was not found next to %s (%s)\n  try: "
                 "reinstall imgforge\n",
                 folder.c_str(), std::strerror(errno));
    return static_cast<int>(imgforge::ExitCode::host_prerequisite);
}

bool wants_help(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "--help" || word == "-h") {
            return true;
        }
    }
    return argc < 3;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2 || std::string_view(argv[1]) != "seed" || wants_help(argc, argv)) {
        return become_host(argv);
    }
    imgforge::interrupt::install();
    return imgforge::cli::run_main(argc, argv, imgforge::cli::light_commands());
}
