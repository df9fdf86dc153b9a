// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "builder/base/monitor.hpp"
#include "builder/base/process.hpp"
#include "builder/base/settings.hpp"
#include "pipelines/store/store.hpp"
#include "pipelines/targets/folder_format.hpp"
#include "pipelines/targets/folder_reader.hpp"

namespace imgforge::targets {

struct PullServices {
    store::Store& store;
    ProcessRunner& processes;
    Monitor& monitor;
    std::filesystem::path signing_key{};  ///< signs the attestation; empty: none is made
};

/// A directory that is read, and the key that must have signed its index; empty: any, with a warning.
struct PullSource {
    std::string location;
    std::filesystem::path key{};
    TargetSetting setting{};  ///< what else reading it takes (S3's keys); empty: a plain directory or URL
};

/// The files of a source.
std::unique_ptr<FolderReader> open_source(const PullSource& source);

/// The index as it was accepted.
struct AcceptedIndex {
    FolderIndex index;
    bool signed_by_key = false;
    bool unchanged = false;  ///< the server says that it is still the one after which all was up to date
    std::string digest;
    std::string entity_tag;
};

/// Reads and judges the index of a source: signature, expiry, and never older than seen. With
/// `only_if_changed` the server is asked for a newer one only. Throws Failure::integrity for one that does
/// not count, Failure::usage when there is none.
AcceptedIndex accept_index(const PullSource& source, FolderReader& reader, const PullServices& services,
                           bool only_if_changed = false);

/// Everything of that index is here now: the next look asks only whether there is a newer one.
void mark_up_to_date(const PullSource& source, const AcceptedIndex& accepted, const PullServices& services);

/// The manifest of one generation (the source's current one when `generation` is empty), with the digest that
/// the index names. Throws Failure::usage for what is not there, Failure::integrity for a manifest that does
/// not count.
DiskManifest accepted_manifest(const PullSource& source, FolderReader& reader, const AcceptedIndex& accepted,
                               const std::string& image, std::optional<int> generation);

struct PullResult {
    store::Generation generation;
    bool published = false;     ///< false: it was here already (and is current now)
    int remote_generation = 0;  ///< its number at the source
    std::uint64_t windows = 0;
    std::uint64_t fetched = 0;  ///< windows that came over the network
    std::uint64_t bytes = 0;    ///< of them
    double seconds = 0;
};

/// Brings one generation (the source's current one when `generation` is empty) into the store and makes it
/// current. Windows that local generations of the image have are taken from there; the others come over up to
/// eight connections and are kept in cache/windows until the whole disk was read back and is published.
PullResult pull_generation(const PullSource& source, FolderReader& reader, const AcceptedIndex& accepted,
                           const std::string& image, std::optional<int> generation,
                           const PullServices& services);

}  // namespace imgforge::targets
