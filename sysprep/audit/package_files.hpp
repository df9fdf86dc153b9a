// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/guest/guest_fs.hpp"
#include "sysprep/audit/guest_tree.hpp"
#include "sysprep/audit/report.hpp"

namespace imgforge::sysprep::audit {

/// Answers whether a guest file is exactly what its package shipped: then nothing in it is a secret of this
/// machine. Digests come from the package database (dpkg md5sums, apk's installed list, rpm asked inside the
/// appliance) and are compared with the file itself.
class PackageFiles {
public:
    PackageFiles(const GuestTree& tree, guest::GuestFs& fs, const guest::Inspection& os);

    /// Name of the package when the file is unchanged, or an unchanged copy that the package's own program
    /// made (GRUB's modules in /boot, templates that a maintainer script copied to /etc or /var); nothing
    /// when it belongs to none, differs, or the database cannot say.
    std::optional<std::string> unchanged_in(const std::string& path);
    /// Name of the package that brought the file, changed since or not; empty when none did.
    std::string package_of(const std::string& path);
    /// SHA-256 of the file as it is in the guest, hex; empty when it cannot be read.
    std::string sha256_of(const std::string& path);

private:
    struct Owner {
        std::string package;
        std::string digest;  ///< hex
    };
    void read_dpkg(const GuestTree& tree);
    void read_conffiles(const GuestTree& tree);
    void read_apk(const GuestTree& tree);
    std::optional<Owner> ask_rpm(const std::string& path);
    std::optional<Owner> owner_of(const std::string& path);
    std::optional<std::string> shipped_elsewhere(const std::string& path, std::string_view bytes) const;

    guest::GuestFs& fs_;
    bool rpm_ = false;
    std::map<std::string, Owner, std::less<>> owners_;
    std::map<std::string, std::string, std::less<>> by_digest_;  ///< digest -> package
    std::map<std::string, std::optional<std::string>> answers_;
};

/// Waives what stands in unchanged files of packages: it is public; the same bytes elsewhere (a copy below
/// /boot, a cache) are as public.
void waive_package_files(std::vector<Finding>& findings, PackageFiles& packages);

/// Hex digest of `bytes` by OpenSSL's name of the algorithm: "MD5", "SHA1", "SHA256".
std::string digest_hex(const char* algorithm, std::string_view bytes);

}  // namespace imgforge::sysprep::audit
