// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "builder/base/json.hpp"

namespace imgforge::store {

/// One installed package as the guest's own database has it. All text is untrusted.
struct Package {
    std::string name;
    std::string version;  ///< with epoch and release
    std::string architecture;
    std::string source{};    ///< source package, empty: same as name
    std::string license{};   ///< as the package declares it; dpkg keeps none
    std::string supplier{};  ///< maintainer, vendor or packager

    bool operator==(const Package&) const = default;
};

/// /var/lib/dpkg/status: only packages that are installed.
std::vector<Package> parse_dpkg_status(std::string_view text);
/// /lib/apk/db/installed (or /usr/lib/apk/db/installed).
std::vector<Package> parse_apk_installed(std::string_view text);
/// Output of `rpm -qa --qf` with rpm_query_format.
std::vector<Package> parse_rpm_query(std::string_view text);
inline constexpr std::string_view rpm_query_format =
    R"(%{NAME}\t%{EPOCH}\t%{VERSION}\t%{RELEASE}\t%{ARCH}\t%{SOURCERPM}\t%{LICENSE}\t%{VENDOR}\n)";
/// Output of `pacman -Q`.
std::vector<Package> parse_pacman_query(std::string_view text);

/// Sorted records for packages.json, and back. Throws Failure::integrity naming `source`.
Json packages_to_json(std::vector<Package> packages);
std::vector<Package> packages_from_json(const Json& list, const std::string& source);

/// What an SPDX document says of the image.
struct SbomSubject {
    std::string image;
    int generation = 0;
    std::string disk_sha256;
    std::string package_format;  ///< deb, rpm, apk, pacman
    std::string distribution;    ///< debian, rocky … (purl namespace)
    std::string release;         ///< "debian-13" (purl qualifier distro)
    std::string created;         ///< ISO time
    std::string tool_version;
};

/// SPDX 2.3 document (JSON form): the image, and every package in it with its package URL. Pure.
Json sbom(const SbomSubject& subject, const std::vector<Package>& packages);

/// CycloneDX 1.5 document (JSON form) with the same components. Pure.
Json cyclonedx(const SbomSubject& subject, const std::vector<Package>& packages);

/// Package URL (github.com/package-url/purl-spec):
/// "pkg:deb/debian/libssl3@3.0.15-1~deb12u1?arch=amd64&distro=debian-12&upstream=openssl": scanners look for
/// the source package in `upstream`, since advisories name that.
std::string package_url(const SbomSubject& subject, const Package& package);

}  // namespace imgforge::store
