// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "builder/base/json.hpp"
#include "builder/base/monitor.hpp"
#include "builder/base/process.hpp"
#include "builder/image/backing_chain.hpp"
#include "builder/image/qemu_img.hpp"
#include "pipelines/store/packages.hpp"
#include "pipelines/store/store.hpp"

namespace imgforge::store {

/// What was read from the guest for packages.json, the SBOM and the file manifest.
struct GuestContents {
    std::vector<Package> packages{};
    std::string package_format{};                  ///< deb, rpm, apk, pacman; empty: unknown
    std::string distribution{};                    ///< debian, rocky …
    std::string release{};                         ///< "debian-13"
    std::optional<std::filesystem::path> files{};  ///< files_to_text(); absent: unknown
    bool known() const { return !package_format.empty() || files.has_value(); }
};

/// What shall become a generation.
struct Candidate {
    std::string image;
    std::filesystem::path disk;  ///< qcow2, standalone or with a backing chain of stated formats; only read
    image::ChainPolicy references{};  ///< which files that chain may name
    Json recipe =
        Json::object();  ///< {name, os, file, sha256, …}: copied into the manifest, so without secrets
    Json inputs = Json::array();   ///< [{name, sha256}]: medium, answer files, uploads
    Json tools = Json::object();   ///< {"qemu-img": "7.2.22", …}
    Json stages = Json::array();   ///< [{name, type, fingerprint}]
    Json policy = Json::object();  ///< {keep, keep_days, max_age}: what gc and refresh follow
    /// Ed25519 key that signs attestation.json, made when it is missing; empty: no attestation.
    std::filesystem::path signing_key{};
    GuestContents contents{};
    std::optional<std::filesystem::path> audit{};  ///< the audit's report; absent: no audit stage
    image::qemu_img::Compression compression =
        image::qemu_img::Compression::zstd;  ///< of clusters written here
    int max_depth = 4;                       ///< longest chain of parents; 0: every generation standalone
    Json origin{};  ///< for an imported disk {source, sha256, verified, …}: copied into the manifest
    bool take_disk = false;  ///< `disk` is the caller's own, on the store's file system: moved, not copied
    /// SHA-256 of `disk` when it is known: a copy is then verified by it in place of a comparison.
    std::string disk_sha256{};
};

struct PublishResult {
    bool published = false;
    Generation
        generation;  ///< the new candidate; when not published, the generation that has this content already
    std::string reason;  ///< "content is the same as debian13@6", "stored as difference to debian13@5 (4 % of
                         ///< its size)" …
};

/// Makes the candidate a generation: complete or absent. It is stored as the difference to an earlier
/// generation when that saves at least half (chain at most `max_depth`), and then compared with the
/// candidate's disk block by block. Nothing is published when packages and files are those of the current
/// generation, of a newer one that was rolled back, or of a candidate that a killed build left behind (which
/// is then returned). Throws without leaving a trace, on a full disk too.
PublishResult publish(Store& store, ProcessRunner& processes, const Candidate& candidate, Monitor& monitor,
                      std::uint64_t activity = 0);

/// Digest over packages, files and disk size, with timestamps and what differs from run to run left out;
/// empty when the contents are not known.
std::string content_digest(const GuestContents& contents, ByteSize virtual_size);

}  // namespace imgforge::store
