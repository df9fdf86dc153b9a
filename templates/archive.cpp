// SPDX-License-Identifier: GPL-3.0-or-later
#include "templates/archive.hpp"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/error.hpp"
#include "builder/base/places.hpp"
#include "builder/base/suggestion.hpp"
#include "templates/packed_rows.hpp"
#include "templates/row_reader.hpp"

namespace imgforge::templates {

namespace {

void read_suite(const YamlDocument& document, Diagnostics& faults, ArchiveSuite& out) {
    RowReader row(document, document.root, "", faults, true);
    std::string ignored;
    row.text("extends", ignored);
    row.text("suite", out.suite);
    row.text("distribution", out.distribution);
    row.text("version", out.version);
    row.text("keyring", out.keyring);
    row.text("keyring-package", out.keyring_package);
    row.texts("installers", out.installers);
    row.texts("packages", out.packages);
    row.texts("extra-packages", out.extra_packages);
    row.texts("efi-packages", out.efi_packages);
    row.texts("boot-packages", out.boot_packages);
    row.text("netboot-package", out.netboot_package);
    row.text("netboot-initrd", out.netboot_initrd);
    row.texts("initrd-udebs", out.initrd_udebs);
    row.texts("initrd-modules", out.initrd_modules);
    row.texts("dropped-udebs", out.dropped_udebs);
    row.texts("pool-udebs", out.pool_udebs);
    row.texts("pool-modules", out.pool_modules);
    row.texts("udeb-include", out.udeb_include);
    row.finish();
}

}  // namespace

std::vector<std::string> archive_suites() {
    std::vector<std::string> names;
    std::error_code failed;
    for (const auto& entry : std::filesystem::directory_iterator(data_path("templates/archives"), failed)) {
        if (entry.path().extension() == ".yaml" && entry.path().stem() != "debian")
            names.push_back(entry.path().stem().string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

ArchiveSuite archive_suite(std::string_view name) {
    const std::vector<std::string> names = archive_suites();
    if (std::find(names.begin(), names.end(), name) == names.end())
        throw Error(
            Failure::usage,
            fmt::format("cannot assemble an installer ISO for '{}'{}", name, did_you_mean(name, names)),
            fmt::format("suites: {}", fmt::join(names, ", ")));
    const std::filesystem::path folder = data_path("templates/archives");
    Diagnostics faults;
    ArchiveSuite suite;
    const YamlDocument own = load_row_file(folder / fmt::format("{}.yaml", name));
    if (const auto base = own.root.find("extends"); base != own.root.end() && base->is_string())
        read_suite(load_row_file(folder / (base->get<std::string>() + ".yaml")), faults, suite);
    read_suite(own, faults, suite);
    faults.sort();
    faults.throw_if_errors();
    return suite;
}

}  // namespace imgforge::templates
