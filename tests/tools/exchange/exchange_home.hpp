// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "builder/base/fd.hpp"
#include "builder/base/process.hpp"
#include "pipelines/exchange/import.hpp"
#include "pipelines/store/publish.hpp"
#include "tests/support/disk_maker.hpp"
#include "tests/support/store_fixture.hpp"

namespace imgforge::test {

/// A store, and disks beside it to bring in.
struct ExchangeHome : StoreHome {
    TempDir outside{"imgforge-outside", fast_folder()};
    SystemProcessRunner processes;
    RecordingMonitor monitor;

    std::filesystem::path file(const std::string& name) const { return outside / name; }

    /// A qcow2 with a boot sector and some data that depends on `seed`.
    std::filesystem::path disk(const std::string& name, std::uint32_t seed = 1) {
        make_disk(processes, file(name), {.seed = seed, .data_mib = 2, .virtual_mib = 16});
        run("qemu-io",
            {"-f", "qcow2", "-c", "write -P 0x55 510 1", "-c", "write -P 0xaa 511 1", file(name).string()});
        return file(name);
    }
    ProcessResult run(const std::string& program, std::vector<std::string> args) {
        return run_checked(processes, {.program = program, .args = std::move(args)});
    }
    void convert(const std::filesystem::path& from, const std::string& format, const std::string& name,
                 std::vector<std::string> more = {}) {
        more.insert(more.begin(), {"convert", "-f", "qcow2", "-O", format});
        more.insert(more.end(), {from.string(), file(name).string()});
        run("qemu-img", std::move(more));
    }
    static void cut(const std::filesystem::path& path, std::uint64_t by) {
        std::filesystem::resize_file(path, std::filesystem::file_size(path) - by);
    }
    bool same_disk(const std::filesystem::path& a, const std::filesystem::path& b) {
        return processes
            .run({.program = "qemu-img",
                  .args = {"compare", "-f", "qcow2", "-F", "qcow2", a.string(), b.string()}})
            .ok();
    }

    exchange::ImportResult import(exchange::SourceRequest request) {
        const auto catalog = catalog::Catalog::load({data_path("templates/catalog"), outside / "catalog.d"});
        return exchange::import_image(exchange::resolve_source(request, catalog),
                                      {.store = store, .processes = processes, .monitor = monitor});
    }
    exchange::ImportResult import(const std::filesystem::path& path, const std::string& name = "disk") {
        return import({.source = path.string(), .name = name});
    }
    /// Directories and files of unfinished work under images/NAME.
    std::vector<std::string> leftovers(const std::string& image) const {
        std::vector<std::string> names;
        std::error_code code;
        for (const auto& entry : std::filesystem::directory_iterator(store.image_folder(image), code)) {
            const std::string name = entry.path().filename().string();
            if (name.starts_with(".new-")) {
                names.push_back(name);
            }
        }
        return names;
    }
};

}  // namespace imgforge::test
