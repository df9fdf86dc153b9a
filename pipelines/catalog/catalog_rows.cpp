// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/catalog/catalog_rows.hpp"

#include <algorithm>
#include <initializer_list>

#include <fmt/format.h>

#include "builder/base/diagnostics.hpp"
#include "builder/base/strict_yaml.hpp"
#include "templates/row_reader.hpp"

namespace fs = std::filesystem;

namespace imgforge::catalog {
namespace {

using templates::RowReader;

std::string with_arch(std::string text, const std::string& arch) {
    constexpr std::string_view placeholder = "{arch}";
    for (std::size_t at = text.find(placeholder); at != std::string::npos; at = text.find(placeholder, at)) {
        text.replace(at, placeholder.size(), arch);
    }
    return text;
}

/// A name without scheme and leading slash lies beside the image.
std::string beside(const std::string& url, const std::string& name) {
    if (name.empty() || name.front() == '/' || name.find("://") != std::string::npos) {
        return name;
    }
    return url.substr(0, url.find_last_of('/') + 1) + name;
}

void add_images(const CatalogImage& row, const std::vector<std::string>& archs, CatalogRows& rows) {
    for (const std::string& arch : archs) {
        CatalogImage image = row;
        image.arch = arch;
        image.url = with_arch(row.url, arch);
        image.checksums = beside(image.url, with_arch(row.checksums, arch));
        image.signature = beside(image.url, with_arch(row.signature, arch));
        rows.images.push_back(std::move(image));
    }
}

void read_image(RowReader& reader, CatalogRows& rows) {
    CatalogImage row;
    std::vector<std::string> archs;
    row.format = "qcow2";
    reader.text("name", row.name);
    reader.text("os", row.os);
    reader.text("version", row.version);
    reader.texts("arch", archs);
    reader.text("url", row.url);
    reader.text("format", row.format);
    reader.text("sha256", row.sha256);
    reader.text("checksums", row.checksums);
    reader.text("signature", row.signature);
    reader.text("keyring", row.keyring);
    reader.text("keyring-package", row.keyring_package);
    reader.text("fingerprint", row.fingerprint);
    for (const auto& [key, value] : {std::pair("name", row.name), std::pair("url", row.url)}) {
        if (value.empty()) {
            reader.fault(key, fmt::format("an image of the catalogue needs '{}'", key));
        }
    }
    if (archs.empty()) {
        reader.fault("arch", "an image of the catalogue needs 'arch', such as [amd64, arm64]");
    }
    if (!row.signature.empty() && row.keyring.empty()) {
        reader.fault("signature", "'signature' needs 'keyring'", "the file with the publisher's public key");
    }
    if (!row.keyring.empty() && row.signature.empty() && row.checksums.empty()) {
        reader.fault("keyring", "'keyring' needs 'signature', or 'checksums' that are clear-signed");
    }
    add_images(row, archs, rows);
}

void read_recognition(RowReader& reader, CatalogRows& rows) {
    std::string match;
    Recognition says;
    reader.pattern("match", match);
    reader.text("os", says.os);
    reader.text("format", says.format);
    if (match.empty() || says.os.empty()) {
        reader.fault("match", "a pattern of 'recognise' needs 'match' and 'os'");
    }
    rows.patterns.emplace_back(std::move(match), std::move(says));
}

std::vector<fs::path> yaml_files(const fs::path& folder) {
    std::vector<fs::path> files;
    std::error_code code;
    for (const auto& entry : fs::directory_iterator(folder, code)) {
        if (entry.path().extension() == ".yaml") {
            files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

}  // namespace

CatalogRows read_catalog_rows(const std::vector<fs::path>& folders) {
    CatalogRows rows;
    Diagnostics faults;
    for (const fs::path& folder : folders) {
        for (const fs::path& file : yaml_files(folder)) {
            const YamlDocument document = load_yaml(file.string());
            RowReader reader(document, document.root, "", faults, true);
            reader.mappings("images", [&](RowReader& row) { read_image(row, rows); });
            reader.mappings("recognise", [&](RowReader& row) { read_recognition(row, rows); });
            reader.finish();
        }
    }
    faults.sort();
    faults.throw_if_errors();
    return rows;
}

}  // namespace imgforge::catalog
