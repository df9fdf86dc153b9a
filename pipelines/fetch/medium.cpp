// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/fetch/medium.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/file.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/lock.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/base/text.hpp"
#include "pipelines/fetch/checksum_file.hpp"
#include "pipelines/fetch/keyrings.hpp"
#include "pipelines/fetch/signature.hpp"

namespace fs = std::filesystem;

namespace imgforge::fetch {
namespace {

constexpr std::uint64_t small_file_limit = 4U << 20U;
constexpr std::chrono::hours lock_timeout{12};
constexpr std::chrono::seconds small_file_timeout{300};

std::string digest_of(const fs::path& file, Hasher::Algorithm algorithm) {
    if (algorithm == Hasher::Algorithm::sha256) {
        return sha256_file(file, [](std::uint64_t) { interrupt::check(); });
    }
    Hasher hasher(algorithm);
    const Fd fd = open_fd(file, O_RDONLY);
    std::string buffer(1U << 20U, '\0');
    for (;;) {
        const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
        if (got < 0) {
            throw system_error("read", file.string(), errno);
        }
        if (got == 0) {
            return hasher.hex();
        }
        interrupt::check();
        hasher.add(std::string_view(buffer.data(), static_cast<std::size_t>(got)));
    }
}

/// What must hold for the medium, known before it is downloaded.
struct Expectation {
    std::vector<Checksum> sums;  ///< all must hold
    std::string by;              ///< the strongest that vouches for them
    std::string signature;       ///< bytes of the detached signature of the medium itself; empty: none
};

DownloadOptions options_for(const MediumSpec& spec, const FetchServices& services) {
    DownloadOptions options = services.download;
    options.allow_downgrade = options.allow_downgrade || spec.allow_downgrade;
    options.allow_local = options.allow_local || spec.allow_local;
    return options;
}

/// A small file that is downloaded to a private directory, or is local already.
fs::path local_copy(const std::string& location, const TempDir& temporary, const std::string& name,
                    const MediumSpec& spec, const FetchServices& services) {
    if (!is_url(location)) {
        std::error_code code;
        if (!fs::exists(location, code)) {
            throw Error(Failure::recipe, fmt::format("no such file: {}", location));
        }
        return location;
    }
    DownloadOptions options = options_for(spec, services);
    options.limit = small_file_limit;
    options.unstated_limit = small_file_limit;
    options.total = std::min(options.total, small_file_timeout);
    const fs::path file = temporary / name;
    download(location, file, {}, options);
    return file;
}

std::string verified_text(const MediumSpec& spec, const TempDir& temporary, const FetchServices& services,
                          std::string& by) {
    const fs::path file = local_copy(spec.checksums, temporary, "checksums", spec, services);
    const std::string text = read_file(file, small_file_limit);
    by = "checksums";
    if (spec.keyring.empty()) {
        return text;
    }
    const bool inside = spec.signature.empty();
    if (inside && !is_clear_signed(text)) {
        throw Error(Failure::integrity, fmt::format("{} is not signed", without_credentials(spec.checksums)),
                    "name its detached signature with signature:");
    }
    const fs::path covered = inside ? temporary / "covered" : fs::path();
    const auto signature =
        inside ? std::nullopt
               : std::optional(local_copy(spec.signature, temporary, "signature", spec, services));
    by = "signature of " + verify_signature(*services.processes, spec.keyring, file, signature,
                                            spec.fingerprint, covered, spec.keyring_package);
    // Only the text the signature covers counts, not what stands around it.
    return inside ? read_file(covered, small_file_limit) : text;
}

/// The rules of validate again, for callers that come without a recipe: nothing that was named goes
/// unverified.
void require_whole(const MediumSpec& spec) {
    if ((!spec.signature.empty() || !spec.fingerprint.empty()) && spec.keyring.empty()) {
        throw Error(Failure::recipe, "a signature is named without the keyring to verify it with",
                    "give keyring: as well");
    }
    if (!spec.keyring.empty() && spec.signature.empty() && spec.checksums.empty()) {
        throw Error(Failure::recipe, "a keyring is named, but neither a signature nor checksums",
                    "give signature: or clear-signed checksums:");
    }
}

Expectation expected(const MediumSpec& spec, const FetchServices& services) {
    require_whole(spec);
    Expectation expectation;
    make_directories(services.places.cache());
    const TempDir temporary("imgforge-checksums", services.places.cache());
    if (!spec.checksums.empty()) {
        const std::string text = verified_text(spec, temporary, services, expectation.by);
        expectation.sums.push_back(checksum_for(parse_checksums(text), base_name(spec.location),
                                                without_credentials(spec.checksums)));
    } else if (!spec.signature.empty()) {
        expectation.signature =
            read_file(local_copy(spec.signature, temporary, "signature", spec, services), small_file_limit);
    }
    if (spec.sha256) {
        const Checksum stated{.hex = lower_case(*spec.sha256), .name = {}};
        const bool other = !expectation.sums.empty() &&
                           expectation.sums.front().algorithm == stated.algorithm &&
                           expectation.sums.front().hex != stated.hex;
        if (other) {
            throw Error(Failure::integrity,
                        fmt::format("the recipe's sha256 of {} is not the one {} lists",
                                    base_name(spec.location), without_credentials(spec.checksums)));
        }
        expectation.sums.push_back(stated);
        expectation.by = expectation.by.empty() ? "sha256" : expectation.by;
    }
    return expectation;
}

void compare(const fs::path& file, const std::string& name, const Expectation& expectation,
             const std::string& sha256) {
    for (const Checksum& sum : expectation.sums) {
        const bool is256 = sum.algorithm == Hasher::Algorithm::sha256;
        const std::string measured = is256 ? sha256 : digest_of(file, sum.algorithm);
        if (measured != sum.hex) {
            throw Error(Failure::integrity,
                        fmt::format("{} has the {} {}, expected ({}): {}", name,
                                    is256 ? "SHA-256" : "SHA-512", measured, expectation.by, sum.hex),
                        "the file is damaged or another one; nothing of it was kept or used");
        }
    }
}

/// Measures and compares; gives the medium or throws.
Medium checked(const fs::path& file, const fs::path& final_path, const MediumSpec& spec,
               const Expectation& expectation, const FetchServices& services) {
    const std::string name = base_name(spec.location);
    Activity activity(*services.monitor, "verify " + name, services.activity);
    Medium medium{.path = final_path,
                  .sha256 = digest_of(file, Hasher::Algorithm::sha256),
                  .verified_by = expectation.by};
    if (!expectation.signature.empty()) {
        const TempDir temporary("imgforge-signature", services.places.cache());
        write_file_atomically(temporary / "signature", expectation.signature, 0600);
        medium.verified_by = "signature of " + verify_signature(*services.processes, spec.keyring, file,
                                                                temporary / "signature", spec.fingerprint, {},
                                                                spec.keyring_package);
    }
    if (expectation.sums.empty() && expectation.signature.empty()) {
        services.monitor->warning(
            fmt::format("{} was not verified: give its sha256, or checksums with signature and keyring "
                        "(its SHA-256 is {})",
                        final_path.filename().string(), medium.sha256));
    }
    compare(file, final_path.filename().string(), expectation, medium.sha256);
    return medium;
}

void discard(const fs::path& part) {
    remove_tree(part);
    remove_tree(part.string() + ".meta");
}

Medium fetch_url(const MediumSpec& spec, const FetchServices& services) {
    // The same name from another place is another file.
    const fs::path file =
        services.places.media() /
        fmt::format("{}-{}", sha256_hex(spec.location).substr(0, 8), base_name(spec.location));
    const fs::path part = file.string() + ".part";
    make_directories(services.places.media());
    const FileLock lock = FileLock::acquire(
        file.string() + ".lock", "download of " + without_credentials(spec.location), lock_timeout,
        [&](const std::string& holder) {
            services.monitor->message(fmt::format("{}: waiting for {}", base_name(spec.location), holder));
        });
    const Expectation expectation = expected(spec, services);
    std::error_code code;
    const bool provable = !expectation.sums.empty() || !expectation.signature.empty();
    if (provable && fs::exists(file, code)) {
        try {
            return checked(file, file, spec, expectation, services);
        } catch (const Error& error) {
            if (error.kind() != Failure::integrity) {
                throw;
            }
            fs::remove(file, code);  // an older version, or damaged since: fetched again below
        }
    }
    {
        Activity activity(*services.monitor, "fetch " + base_name(spec.location), services.activity);
        download(
            spec.location, part,
            [&](std::uint64_t done, std::uint64_t total) {
                activity.progress(static_cast<double>(done), static_cast<double>(total), "bytes");
            },
            options_for(spec, services));
    }
    try {
        Medium medium = checked(part, file, spec, expectation, services);
        fs::rename(part, file);
        sync_directory(services.places.media());
        return medium;
    } catch (const Error&) {
        discard(part);
        throw;
    }
}

/// A path, or the name of a publisher's keyring: then only its keys count, unless one of them was stated.
void set_keyring(MediumSpec& spec, const std::string& keyring,
                 const std::function<std::string(const std::string&)>& resolved) {
    const auto row = is_keyring_name(keyring) ? keyring_rows().find(keyring) : keyring_rows().end();
    if (row == keyring_rows().end()) {
        spec.keyring = resolved(keyring);
        return;
    }
    spec.keyring = row->second.installed().value_or(row->second.files.front());
    spec.keyring_package = row->second.package;
    if (spec.fingerprint.empty()) {
        spec.fingerprint = fmt::format("{}", fmt::join(row->second.fingerprints, " "));
    }
}

}  // namespace

std::optional<MediumSpec> MediumSpec::from_installer(const Json& installer, const fs::path& folder) {
    const std::string iso = installer.value("iso", "");
    if (iso.empty()) {
        return std::nullopt;
    }
    const auto resolved = [&](const std::string& name) {
        const std::string plain = name.starts_with("file://") ? name.substr(7) : name;
        return name.empty() || is_url(plain) ? plain : (folder / plain).lexically_normal().string();
    };
    MediumSpec spec{.location = resolved(iso)};
    if (installer.contains("sha256")) {
        spec.sha256 = installer["sha256"].get<std::string>();
    }
    spec.checksums = resolved(installer.value("checksums", ""));
    spec.signature = resolved(installer.value("signature", ""));
    spec.fingerprint = installer.value("fingerprint", "");
    set_keyring(spec, installer.value("keyring", ""), resolved);
    for (const Json& word : installer.value("allow-redirects", Json::array())) {
        spec.allow_downgrade = spec.allow_downgrade || word == "http";
        spec.allow_local = spec.allow_local || word == "local";
    }
    for (const std::string& url : {spec.location, spec.checksums, spec.signature}) {
        remember_credentials(url);
    }
    return spec;
}

Medium fetch_medium(const MediumSpec& spec, const FetchServices& services) {
    return in_context([&] { return fmt::format("medium {}", without_credentials(spec.location)); },
                      [&] {
                          if (is_url(spec.location)) {
                              return fetch_url(spec, services);
                          }
                          std::error_code code;
                          if (spec.location.find("://") != std::string::npos) {
                              throw Error(Failure::recipe, fmt::format("{}: an ISO is a file, or an http, "
                                                                       "https or ftp URL",
                                                                       without_credentials(spec.location)));
                          }
                          if (!fs::is_regular_file(spec.location, code)) {
                              throw Error(Failure::recipe, fmt::format("no such file: {}", spec.location),
                                          "give one with --set installer.iso=FILE");
                          }
                          return checked(spec.location, spec.location, spec, expected(spec, services),
                                         services);
                      });
}

}  // namespace imgforge::fetch
