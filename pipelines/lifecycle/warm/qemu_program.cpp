// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/warm/qemu_program.hpp"

#include <sys/stat.h>

#include <fmt/format.h>

#include "builder/base/file.hpp"
#include "builder/base/json.hpp"
#include "builder/base/quick_file.hpp"

namespace imgforge::lifecycle {
namespace {

namespace fs = std::filesystem;

constexpr const char* qemu_name = "qemu-system-x86_64";

/// Empty when it cannot be found: then it is asked every time.
std::string qemu_file_facts() {
    const auto path = find_program(qemu_name);
    struct stat status {};
    if (!path || stat(path->c_str(), &status) != 0) {
        return {};
    }
    return fmt::format("{} {} {}.{:09}", path->string(), status.st_size, status.st_mtim.tv_sec,
                       status.st_mtim.tv_nsec);
}

}  // namespace

QemuProgram qemu_program(ProcessRunner& processes, const Places& places) {
    const fs::path known = places.cache() / "qemu.json";
    QemuProgram qemu{.file = qemu_file_facts()};
    std::error_code missing;
    if (!qemu.file.empty() && fs::exists(known, missing)) {
        const Json said = Json::parse(read_file(known), nullptr, false);
        if (said.is_object() && said.value("file", "") == qemu.file) {
            qemu.version = said.value("version", "");
        }
    }
    if (qemu.version.empty()) {
        const std::string text = run_checked(processes, {.program = qemu_name, .args = {"--version"}}).out;
        qemu.version = text.substr(0, text.find('\n'));
        make_directories(known.parent_path());
        write_file_unflushed(known, pretty({{"file", qemu.file}, {"version", qemu.version}}));
    }
    return qemu;
}

}  // namespace imgforge::lifecycle
