// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "pipelines/store/packages.hpp"

namespace imgforge::store {
namespace {

/// Percent-encoding of a package URL: everything but unreserved characters (and ':', which purl leaves in
/// versions).
std::string encoded(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           c == '-' || c == '.' || c == '_' || c == '~' || c == ':';
        out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

std::string purl_type(const std::string& format) {
    return format == "pacman" ? "alpm" : format.empty() ? "generic" : format;
}

/// SPDX identifiers may have letters, digits, '.' and '-' only (SPDX 2.3, 7.2), and must be unique: a digest
/// settles both.
std::string identifier(const Package& package) {
    return "SPDXRef-Package-" +
           sha256_hex(package.name + "\n" + package.version + "\n" + package.architecture).substr(0, 20);
}

Json package_record(const SbomSubject& subject, const Package& package) {
    Json record = {
        {"SPDXID", identifier(package)},
        {"name", package.name},
        {"versionInfo", package.version},
        {"supplier", package.supplier.empty() ? "NOASSERTION" : "Organization: " + package.supplier},
        {"downloadLocation", "NOASSERTION"},
        {"filesAnalyzed", false},
        {"licenseConcluded", "NOASSERTION"},
        {"licenseDeclared", "NOASSERTION"},
        {"copyrightText", "NOASSERTION"},
        {"primaryPackagePurpose", "LIBRARY"}};
    if (!package.license.empty()) {
        // Not every distribution writes SPDX expressions, so its words stay a comment.
        record["licenseComments"] = "The package declares: " + package.license;
    }
    // The form that trivy writes and reads (pkg/sbom/spdx: "built package from: NAME VERSION").
    record["sourceInfo"] = fmt::format(
        "built package from: {} {}", package.source.empty() ? package.name : package.source, package.version);
    record["externalRefs"] = Json::array({{{"referenceCategory", "PACKAGE-MANAGER"},
                                           {"referenceType", "purl"},
                                           {"referenceLocator", package_url(subject, package)}}});
    return record;
}

/// "debian-13" -> "13": scanners choose the advisories by name and version.
std::string release_version(const SbomSubject& subject) {
    const std::string prefix = subject.distribution + "-";
    return subject.release.starts_with(prefix) ? subject.release.substr(prefix.size()) : subject.release;
}

Json operating_system(const SbomSubject& subject) {
    return {{"SPDXID", "SPDXRef-OperatingSystem"},
            {"name", subject.distribution},
            {"versionInfo", release_version(subject)},
            {"downloadLocation", "NOASSERTION"},
            {"filesAnalyzed", false},
            {"licenseConcluded", "NOASSERTION"},
            {"licenseDeclared", "NOASSERTION"},
            {"copyrightText", "NOASSERTION"},
            {"primaryPackagePurpose", "OPERATING-SYSTEM"}};
}

}  // namespace

std::string package_url(const SbomSubject& subject, const Package& package) {
    std::string url = "pkg:" + purl_type(subject.package_format) + "/";
    if (!subject.distribution.empty()) {
        url += encoded(subject.distribution) + "/";
    }
    url += encoded(package.name) + "@" + encoded(package.version);
    std::string qualifiers;
    if (!package.architecture.empty()) {
        qualifiers += "arch=" + encoded(package.architecture);
    }
    if (!subject.release.empty()) {
        qualifiers += (qualifiers.empty() ? "" : "&") + ("distro=" + encoded(subject.release));
    }
    if (!package.source.empty() && package.source != package.name) {
        qualifiers += (qualifiers.empty() ? "" : "&") + ("upstream=" + encoded(package.source));
    }
    return qualifiers.empty() ? url : url + "?" + qualifiers;
}

Json sbom(const SbomSubject& subject, const std::vector<Package>& packages) {
    const std::string name = fmt::format("{}-{}", subject.image, subject.generation);
    Json document = {{"spdxVersion", "SPDX-2.3"},
                     {"dataLicense", "CC0-1.0"},
                     {"SPDXID", "SPDXRef-DOCUMENT"},
                     {"name", name},
                     {"documentNamespace",
                      fmt::format("https://spdx.org/spdxdocs/imgforge-{}-{}", name, subject.disk_sha256)},
                     {"creationInfo",
                      {{"created", subject.created},
                       {"creators", Json::array({"Tool: imgforge-" + subject.tool_version})}}}};
    Json records = Json::array();
    records.push_back(
        {{"SPDXID", "SPDXRef-Image"},
         {"name", subject.image},
         {"versionInfo", std::to_string(subject.generation)},
         {"packageFileName", "disk.qcow2"},
         {"downloadLocation", "NOASSERTION"},
         {"filesAnalyzed", false},
         {"licenseConcluded", "NOASSERTION"},
         {"licenseDeclared", "NOASSERTION"},
         {"copyrightText", "NOASSERTION"},
         {"primaryPackagePurpose", "OPERATING-SYSTEM"},
         {"checksums", Json::array({{{"algorithm", "SHA256"}, {"checksumValue", subject.disk_sha256}}})}});
    if (!subject.distribution.empty()) {
        records.push_back(operating_system(subject));
    }
    Json relations = Json::array();
    relations.push_back({{"spdxElementId", "SPDXRef-DOCUMENT"},
                         {"relationshipType", "DESCRIBES"},
                         {"relatedSpdxElement", "SPDXRef-Image"}});
    if (!subject.distribution.empty()) {
        relations.push_back({{"spdxElementId", "SPDXRef-Image"},
                             {"relationshipType", "CONTAINS"},
                             {"relatedSpdxElement", "SPDXRef-OperatingSystem"}});
    }
    for (const Package& package : packages) {
        records.push_back(package_record(subject, package));
        relations.push_back({{"spdxElementId", "SPDXRef-Image"},
                             {"relationshipType", "CONTAINS"},
                             {"relatedSpdxElement", identifier(package)}});
    }
    document["packages"] = std::move(records);
    document["relationships"] = std::move(relations);
    return document;
}

}  // namespace imgforge::store
