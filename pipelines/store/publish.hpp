// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "builder/base/json.hpp"
#include "builder/base/monitor.hpp"
#include "builder/base/process.hpp"
#include "pipelines/store/store.hpp"

namespace imgforge::store {

/// What shall become a generation.
struct Candidate {
    std::string image;
    std::filesystem::path disk;                    ///< qcow2, standalone or with a backing chain of stated formats; only read
    Json recipe = Json::object();                  ///< {file, sha256, name, os, …}: copied into the manifest
    Json inputs = Json::array();                   ///< [{name, path, sha256}]: medium, answer files, uploads
    Json tools = Json::object();                   ///< {"qemu-img": "7.2.22", …}
    Json stages = Json::array();                   ///< [{name, type, fingerprint}]
    Json packages = Json::array();                 ///< [{name, version, architecture, …}] as packages.hpp makes them; empty when unknown
    std::optional<std::filesystem::path> files{};  ///< file manifest of the guest (files.hpp); absent when unknown
    std::optional<std::filesystem::path> audit{};  ///< the audit's report; absent: no audit stage
    std::string compression = "zstd";              ///< of the stored clusters: zstd, zlib or none
    int max_depth = 4;                             ///< longest chain of parents; 0: every generation standalone
};

struct PublishResult {
    bool published = false;
    Generation generation;  ///< the new candidate; when not published, the generation that has this content already
    std::string reason;     ///< "content is the same as debian13@6", "12 packages changed", …
};

/// Makes the candidate a generation: complete or absent. Stored as the difference to an earlier generation when that saves at
/// least half (chain at most `max_depth`), then compared with the candidate's disk block by block. When packages and files are those of the
/// current generation (or of a candidate a killed build left), nothing is published. Throws without a trace on a full disk.
PublishResult publish(Store& store, ProcessRunner& processes, const Candidate& candidate, Monitor& monitor, std::uint64_t activity = 0);

/// Digest over packages and files with timestamps and other things that differ from run to run left out; empty when neither is known.
std::string content_digest(const Json& packages, const std::optional<std::filesystem::path>& files);

}  // namespace imgforge::store
