// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/package_cache.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/install/apt_output.hpp"

namespace imgforge::install {

namespace {

constexpr std::size_t batch_files = 40;  // keeps the command line short and the progress moving

}  // namespace

PackageCache::PackageCache(ProcessRunner& runner, std::filesystem::path folder)
    : runner_(runner), folder_(std::move(folder)) {
    make_directories(folder_);
}

std::filesystem::path PackageCache::path_of(const IndexedPackage& package) const {
    return folder_ / package.sha256.substr(0, 2) /
           (package.sha256 + std::filesystem::path(package.path).extension().string());
}

std::set<std::string> PackageCache::fetch_batch(const AptArchive& archive,
                                                const std::vector<IndexedPackage>& batch) {
    const TempDir scratch("fetch", folder_);
    ProcessSpec spec{.program = apt_helper,
                     .args = {"-c", archive.configuration().string(), "download-file"},
                     .timeout = std::chrono::minutes(30)};
    for (const IndexedPackage& package : batch) {
        spec.args.push_back(archive.source().uri + "/" + package.path);
        spec.args.push_back((scratch / package.sha256).string());
        spec.args.push_back("SHA256:" + package.sha256);
    }
    const ProcessResult result = runner_.run(spec);
    if (result.outcome != ProcessResult::Outcome::exited)
        throw process_error(spec, result);

    std::set<std::string> missing;
    for (const IndexedPackage& package : batch) {
        const std::filesystem::path got = scratch / package.sha256;
        std::error_code failed;
        if (std::filesystem::file_size(got, failed) == package.size && !failed &&
            sha256_file(got) == package.sha256) {
            const std::filesystem::path target = path_of(package);
            make_directories(target.parent_path());
            std::filesystem::rename(got, target);
        } else {
            missing.insert(package.name);
        }
    }
    // Only "no such file" may pass as missing; a dead network must not look like an incomplete mirror.
    const std::string errors = apt_errors(result);
    const bool others = errors.find("Hash Sum mismatch") != std::string::npos ||
                        errors.find("resolving") != std::string::npos ||
                        errors.find("connect") != std::string::npos ||
                        errors.find("Connection") != std::string::npos;
    if (!missing.empty() && (others || errors.find("404") == std::string::npos))
        throw Error(Failure::tool,
                    fmt::format("apt could not download {} from {}: {}", *missing.begin(),
                                archive.source().uri, errors),
                    "check the network and try again; what is downloaded stays");
    return missing;
}

std::set<std::string> PackageCache::fetch(const AptArchive& archive,
                                          const std::vector<IndexedPackage>& packages,
                                          const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
    std::uint64_t total = 0;
    std::uint64_t done = 0;
    std::vector<IndexedPackage> wanted;
    for (const IndexedPackage& package : packages) {
        total += package.size;
        if (std::filesystem::exists(path_of(package)))
            done += package.size;
        else
            wanted.push_back(package);
    }
    std::set<std::string> missing;
    for (std::size_t at = 0; at < wanted.size(); at += batch_files) {
        interrupt::check();
        const std::vector<IndexedPackage> batch(
            wanted.begin() + static_cast<std::ptrdiff_t>(at),
            wanted.begin() + static_cast<std::ptrdiff_t>(std::min(at + batch_files, wanted.size())));
        missing.merge(fetch_batch(archive, batch));
        for (const IndexedPackage& package : batch)
            done += package.size;
        if (progress)
            progress(done, total);
    }
    return missing;
}

}  // namespace imgforge::install
