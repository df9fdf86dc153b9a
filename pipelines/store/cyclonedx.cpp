// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "pipelines/store/packages.hpp"

namespace imgforge::store {
namespace {

/// The same image gives the same serial number: a UUID of version 8 (RFC 9562 section 5.8) from its digest.
std::string serial_number(const std::string& sha256) {
    const std::string hex = sha256 + std::string(32, '0');
    return fmt::format("urn:uuid:{}-{}-8{}-8{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 3),
                       hex.substr(15, 3), hex.substr(18, 12));
}

Json component(const SbomSubject& subject, const Package& package) {
    const std::string url = package_url(subject, package);
    Json record = {{"bom-ref", url},
                   {"type", "library"},
                   {"name", package.name},
                   {"version", package.version},
                   {"purl", url}};
    if (!package.supplier.empty()) {
        record["supplier"] = {{"name", package.supplier}};
    }
    if (!package.license.empty()) {
        // Free text: not every distribution writes SPDX expressions.
        record["licenses"] = Json::array({{{"license", {{"name", package.license}}}}});
    }
    return record;
}

}  // namespace

Json cyclonedx(const SbomSubject& subject, const std::vector<Package>& packages) {
    const std::string version = std::to_string(subject.generation);
    Json components = Json::array();
    if (!subject.distribution.empty()) {
        const std::string prefix = subject.distribution + "-";
        const std::string release =
            subject.release.starts_with(prefix) ? subject.release.substr(prefix.size()) : subject.release;
        components.push_back({{"bom-ref", "operating-system"},
                              {"type", "operating-system"},
                              {"name", subject.distribution},
                              {"version", release}});
    }
    for (const Package& package : packages) {
        components.push_back(component(subject, package));
    }
    return {{"bomFormat", "CycloneDX"},
            {"specVersion", "1.5"},
            {"serialNumber", serial_number(subject.disk_sha256)},
            {"version", 1},
            {"metadata",
             {{"timestamp", subject.created},
              {"tools",
               {{"components",
                 Json::array(
                     {{{"type", "application"}, {"name", "imgforge"}, {"version", subject.tool_version}}})}}},
              {"component",
               {{"bom-ref", fmt::format("image:{}@{}", subject.image, version)},
                {"type", "container"},
                {"name", subject.image},
                {"version", version},
                {"hashes", Json::array({{{"alg", "SHA-256"}, {"content", subject.disk_sha256}}})}}}}},
            {"components", std::move(components)}};
}

}  // namespace imgforge::store
