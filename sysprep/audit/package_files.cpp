// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/audit/package_files.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include <fmt/format.h>

#include "builder/base/base64.hpp"
#include "builder/base/crypto_library.hpp"
#include "builder/base/error.hpp"
#include "builder/base/process.hpp"

namespace imgforge::sysprep::audit {

namespace {

using namespace std::string_view_literals;

std::string hex(std::string_view bytes) {
    std::string out;
    for (const char c : bytes) {
        out += fmt::format("{:02x}", static_cast<unsigned char>(c));
    }
    return out;
}

const char* algorithm_of(std::size_t digits) {
    switch (digits) {
        case 32: return "MD5";
        case 40: return "SHA1";
        case 64: return "SHA256";
        default: return nullptr;
    }
}

/// Where a package keeps the file that a program of it copied to `path`; empty when nobody copies there.
/// grub-install puts its modules from /usr/lib/grub/TARGET into /boot/grub/TARGET (/boot/grub2 in the Red Hat
/// and SUSE families): grub-install(8).
std::string original_of_copy(const std::string& path) {
    for (const std::string_view folder : {"/boot/grub/"sv, "/boot/grub2/"sv}) {
        const std::string_view below =
            path.starts_with(folder) ? std::string_view(path).substr(folder.size()) : std::string_view();
        if (std::count(below.begin(), below.end(), '/') == 1) {
            return "/usr/lib/grub/" + std::string(below);
        }
    }
    return {};
}

/// Known by shape or place, not by value: the same may stand in a package.
bool is_generic_secret(const Finding& finding) {
    return finding.rule.starts_with("secret:") || finding.rule.starts_with("site:");
}

}  // namespace

std::string digest_hex(const char* algorithm, std::string_view bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_get_digestbyname(algorithm),
                   nullptr) != 1) {
        throw Error(Failure::tool, fmt::format("no digest {}", algorithm));
    }
    return hex(std::string(digest.begin(), digest.begin() + size));
}

PackageFiles::PackageFiles(const GuestTree& tree, guest::GuestFs& fs, const guest::Inspection& os)
    : fs_(fs), rpm_(os.package_format == "rpm") {
    read_dpkg(tree);
    read_conffiles(tree);
    read_apk(tree);
    for (const auto& [path, owner] : owners_) {
        by_digest_.try_emplace(owner.digest, owner.package);
    }
}

/// dpkg: /var/lib/dpkg/info/PACKAGE[:ARCH].md5sums, "md5  usr/bin/x" per line.
void PackageFiles::read_dpkg(const GuestTree& tree) {
    for (const std::string& list : tree.glob("/var/lib/dpkg/info/*.md5sums")) {
        const auto start = list.rfind('/') + 1;
        const std::string package = list.substr(start, list.find_first_of(":", start) == std::string::npos
                                                           ? list.rfind('.') - start
                                                           : list.find(':', start) - start);
        for (const std::string_view line : lines_of(tree.read(list))) {
            if (line.size() > 34 && line.substr(32, 2) == "  ") {
                owners_.insert_or_assign("/" + std::string(line.substr(34)),
                                         Owner{package, std::string(line.substr(0, 32))});
            }
        }
    }
}

/// dpkg: settings that a package brings stand in the status file: "Conffiles:", then " /etc/x md5" per line.
void PackageFiles::read_conffiles(const GuestTree& tree) {
    std::string package;
    bool conffiles = false;
    for (const std::string_view line : lines_of(tree.read("/var/lib/dpkg/status"))) {
        if (line.starts_with("Package: ")) {
            package = line.substr(9);
        }
        const auto words = words_of(line);
        if (conffiles && line.starts_with(' ') && words.size() >= 2) {
            owners_.insert_or_assign(std::string(words[0]), Owner{package, std::string(words[1])});
        }
        conffiles = line.starts_with("Conffiles:") || (conffiles && line.starts_with(' '));
    }
}

/// apk: /lib/apk/db/installed, paragraphs with P: name, F: directory, R: file, Z: Q1 + base64 of SHA-1.
void PackageFiles::read_apk(const GuestTree& tree) {
    std::string package;
    std::string folder;
    std::string file;
    for (const std::string_view line : lines_of(tree.read("/lib/apk/db/installed"))) {
        const std::string_view value = line.size() > 2 ? line.substr(2) : std::string_view();
        if (line.starts_with("P:")) {
            package = value;
        } else if (line.starts_with("F:")) {
            folder = value;
        } else if (line.starts_with("R:")) {
            file = "/" + folder + "/" + std::string(value);
        } else if (line.starts_with("Z:Q1")) {
            // What is not a digest is not a reason to trust the file.
            owners_.insert_or_assign(file, Owner{package, hex(base64_decode(value.substr(2)).value_or(""))});
        }
    }
}

std::optional<PackageFiles::Owner> PackageFiles::ask_rpm(const std::string& path) {
    const auto result = fs_.run(
        fmt::format("rpm -qf --qf '[%{{NAME}} %{{FILEDIGESTS}} %{{FILENAMES}}\\n]' {}", shell_quote(path)),
        std::chrono::minutes(1));
    for (const std::string_view line : lines_of(result.output)) {
        const auto words = words_of(line);
        if (result.code == 0 && words.size() >= 3 && line.ends_with(" " + path)) {
            return Owner{std::string(words[0]), std::string(words[1])};
        }
    }
    return std::nullopt;
}

std::optional<PackageFiles::Owner> PackageFiles::owner_of(const std::string& path) {
    // A merged /usr: the database may still say /lib/x for /usr/lib/x.
    for (const std::string& name :
         {path, path.starts_with("/usr/") ? path.substr(4) : path, original_of_copy(path)}) {
        const auto found = owners_.find(name);
        if (found != owners_.end()) {
            return found->second;
        }
    }
    if (!rpm_) {
        return std::nullopt;
    }
    const std::string original = original_of_copy(path);
    return ask_rpm(original.empty() ? path : original);
}

/// Maintainer scripts copy templates of their package to /etc and /var (ppp's pap-secrets): the same bytes
/// are public there.
std::optional<std::string> PackageFiles::shipped_elsewhere(const std::string& path,
                                                           std::string_view bytes) const {
    if ((!path.starts_with("/etc/") && !path.starts_with("/var/")) || bytes.empty()) {
        return std::nullopt;
    }
    for (const char* algorithm : {"MD5", "SHA1"}) {
        const auto found = by_digest_.find(digest_hex(algorithm, bytes));
        if (found != by_digest_.end()) {
            return found->second;
        }
    }
    return std::nullopt;
}

std::optional<std::string> PackageFiles::unchanged_in(const std::string& path) {
    const auto known = answers_.find(path);
    if (known != answers_.end()) {
        return known->second;
    }
    std::optional<std::string>& answer = answers_[path];
    try {
        const std::optional<Owner> owner = owner_of(path);
        const char* const algorithm = owner ? algorithm_of(owner->digest.size()) : nullptr;
        if (algorithm == nullptr && by_digest_.empty()) {
            return answer;
        }
        const std::string bytes = fs_.read(path, 256U << 20U);
        if (algorithm != nullptr && digest_hex(algorithm, bytes) == owner->digest) {
            answer = owner->package;
        } else {
            answer = shipped_elsewhere(path, bytes);
        }
    } catch (const Error&) {
        // Not readable, not a file, no rpm: then it is not known to be unchanged.
    }
    return answer;
}

std::string PackageFiles::package_of(const std::string& path) {
    const std::optional<Owner> owner = owner_of(path);
    return owner ? owner->package : "";
}

std::string PackageFiles::sha256_of(const std::string& path) {
    try {
        return digest_hex("SHA256", fs_.read(path, 256U << 20U));
    } catch (const Error&) {
        return {};
    }
}

void waive_package_files(std::vector<Finding>& findings, PackageFiles& packages) {
    std::map<std::string, std::string> published;  // fingerprint -> reason
    for (Finding& finding : findings) {
        if (!is_generic_secret(finding) || !finding.path.starts_with('/')) {
            continue;
        }
        if (const auto package = packages.unchanged_in(finding.path.substr(0, finding.path.find('!')))) {
            finding.waived = true;
            finding.reason = fmt::format(
                "shipped in package {}, file unchanged: public, no secret of this machine", *package);
            if (!finding.fingerprint.empty()) {
                published.try_emplace(
                    finding.fingerprint,
                    fmt::format("the same bytes are shipped in package {} ({})", *package, finding.path));
            }
        }
    }
    for (Finding& finding : findings) {
        const auto same = published.find(finding.fingerprint);
        if (!finding.waived && is_generic_secret(finding) && same != published.end()) {
            finding.waived = true;
            finding.reason = same->second;
        }
    }
}

}  // namespace imgforge::sysprep::audit
