// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/fetch/medium.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/file.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/lock.hpp"
#include "builder/base/temp_dir.hpp"
#include "pipelines/fetch/checksum_file.hpp"
#include "pipelines/fetch/signature.hpp"

namespace fs = std::filesystem;

namespace imgforge::fetch {
namespace {

constexpr std::uint64_t small_file_limit = 4U << 20U;
constexpr std::chrono::hours lock_timeout{12};

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
    std::optional<Checksum> sum;
    std::string by;
};

/// A small file that is downloaded to a private folder, or is local already.
fs::path local_copy(const std::string& location, const TempDir& temporary, const std::string& name,
                    const FetchServices& services) {
    if (!is_url(location)) {
        std::error_code code;
        if (!fs::exists(location, code)) {
            throw Error(Failure::recipe, fmt::format("no such file: {}", location));
        }
        return location;
    }
    DownloadOptions options = services.download;
    options.limit = small_file_limit;
    const fs::path file = temporary / name;
    download(location, file, {}, options);
    return file;
}

Expectation expected(const MediumSpec& spec, const FetchServices& services) {
    Expectation expectation;
    if (!spec.checksums.empty()) {
        const TempDir temporary("imgforge-checksums", services.places.cache());
        const fs::path file = local_copy(spec.checksums, temporary, "checksums", services);
        std::string text = read_file(file, small_file_limit);
        expectation.by = "checksums";
        if (!spec.keyring.empty()) {
            const bool inside = spec.signature.empty();
            if (inside && !is_clear_signed(text)) {
                throw Error(Failure::integrity, fmt::format("{} is not signed", spec.checksums),
                            "name its detached signature with signature:");
            }
            const fs::path covered = inside ? temporary / "covered" : fs::path();
            const auto signature =
                inside ? std::nullopt
                       : std::optional(local_copy(spec.signature, temporary, "signature", services));
            const std::string signer = verify_signature(*services.processes, spec.keyring, file, signature,
                                                        spec.fingerprint, covered);
            expectation.by = "signature of " + signer;
            // Only the text the signature covers counts, not what stands around it.
            text = inside ? read_file(covered, small_file_limit) : text;
        }
        expectation.sum = checksum_for(parse_checksums(text), base_name(spec.location), spec.checksums);
    }
    if (spec.sha256) {
        std::string hex = *spec.sha256;
        std::transform(hex.begin(), hex.end(), hex.begin(),
                       [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        const bool other = expectation.sum && expectation.sum->algorithm == Hasher::Algorithm::sha256 &&
                           expectation.sum->hex != hex;
        if (other) {
            throw Error(Failure::integrity, fmt::format("the recipe's sha256 of {} is not the one {} lists",
                                                        base_name(spec.location), spec.checksums));
        }
        if (!expectation.sum) {
            expectation = {Checksum{.hex = hex, .name = {}}, "sha256"};
        }
    }
    return expectation;
}

/// Measures and compares; gives the medium or throws.
Medium checked(const fs::path& file, const fs::path& final_path, const Expectation& expectation,
               const FetchServices& services) {
    Activity activity(*services.monitor, "verify " + final_path.filename().string(), services.activity);
    Medium medium{.path = final_path,
                  .sha256 = digest_of(file, Hasher::Algorithm::sha256),
                  .verified_by = expectation.by};
    if (!expectation.sum) {
        services.monitor->warning(
            fmt::format("{} is verified by nothing: give installer.sha256, or checksums with signature and "
                        "keyring (its sha256 is {})",
                        final_path.filename().string(), medium.sha256));
        return medium;
    }
    const bool is256 = expectation.sum->algorithm == Hasher::Algorithm::sha256;
    const std::string measured = is256 ? medium.sha256 : digest_of(file, Hasher::Algorithm::sha512);
    if (measured != expectation.sum->hex) {
        throw Error(
            Failure::integrity,
            fmt::format("{} has the {} {}, expected ({}): {}", final_path.filename().string(),
                        is256 ? "SHA-256" : "SHA-512", measured, expectation.by, expectation.sum->hex),
            "the file is damaged or another one; nothing of it was kept or used");
    }
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
        file.string() + ".lock", "download of " + spec.location, lock_timeout,
        [&](const std::string& holder) {
            services.monitor->message(fmt::format("{}: waiting for {}", base_name(spec.location), holder));
        });
    const Expectation expectation = expected(spec, services);
    std::error_code code;
    if (expectation.sum && fs::exists(file, code)) {
        try {
            return checked(file, file, expectation, services);
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
            services.download);
    }
    try {
        Medium medium = checked(part, file, expectation, services);
        fs::rename(part, file);
        sync_directory(services.places.media());
        return medium;
    } catch (const Error&) {
        discard(part);
        throw;
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
    spec.keyring = resolved(installer.value("keyring", ""));
    spec.fingerprint = installer.value("fingerprint", "");
    return spec;
}

Medium fetch_medium(const MediumSpec& spec, const FetchServices& services) {
    return in_context(
        [&] { return fmt::format("medium {}", spec.location); },
        [&] {
            if (is_url(spec.location)) {
                return fetch_url(spec, services);
            }
            std::error_code code;
            if (spec.location.find("://") != std::string::npos) {
                throw Error(Failure::recipe,
                            fmt::format("{}: media come by http, https or ftp, or are files", spec.location));
            }
            if (!fs::is_regular_file(spec.location, code)) {
                throw Error(Failure::recipe, fmt::format("no such file: {}", spec.location),
                            "give one with --set installer.iso=FILE");
            }
            return checked(spec.location, spec.location, expected(spec, services), services);
        });
}

}  // namespace imgforge::fetch
