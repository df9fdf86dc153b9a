// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/suggestion.hpp"
#include "builder/cli/exchange_commands.hpp"
#include "builder/cli/import_support.hpp"
#include "builder/cli/machine_options.hpp"

namespace imgforge::cli {
namespace {

Json catalog_record(const catalog::CatalogImage& image) {
    Json record = {{"name", image.name}, {"os", image.os},   {"version", image.version},
                   {"arch", image.arch}, {"url", image.url}, {"verify", std::string(image.verify())}};
    for (const auto& [key, value] :
         {std::pair("checksums", image.checksums), std::pair("signature", image.signature),
          std::pair("keyring", image.keyring), std::pair("fingerprint", image.fingerprint)}) {
        if (!value.empty()) {
            record[key] = value;
        }
    }
    return record;
}

int run_catalog(const Arguments& arguments, CommandContext& context) {
    const catalog::Catalog catalog = open_catalog();
    const auto name = arguments.get("NAME");
    Json images = Json::array();
    std::vector<std::vector<std::string>> rows{{"NAME", "VERSION", "ARCH", "VERIFIED BY", "URL"}};
    for (const catalog::CatalogImage& image : catalog.images()) {
        if (!name || image.name == *name) {
            images.push_back(catalog_record(image));
            rows.push_back({image.name, image.version, image.arch, std::string(image.verify()), image.url});
        }
    }
    if (name && images.empty()) {
        throw Error(Failure::usage,
                    fmt::format("the catalogue has no '{}'{}", *name, did_you_mean(*name, catalog.names())),
                    "`imgforge catalog` lists what it has");
    }
    context.result({{"images", images}}, table(rows));
    return 0;
}

}  // namespace

Command catalog_command() {
    return {.name = "catalog",
            .group = "Images",
            .summary = "list official cloud images that `images import` and `spawn` know by name",
            .description =
                "Name, version, architecture, URL, and what proves a download: the publisher's "
                "signature, or its checksum file where it signs nothing. Additional and replacement "
                "entries are YAML files in /etc/imgforge/catalog.d and ~/.config/imgforge/catalog.d.",
            .positionals = {{.name = "NAME", .help = "only this one", .required = false}},
            .examples = {{"imgforge catalog", "everything"},
                         {"imgforge catalog debian12 --json", "where one comes from"}},
            .run = run_catalog};
}

}  // namespace imgforge::cli
