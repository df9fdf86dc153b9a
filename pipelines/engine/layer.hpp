// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pipelines/engine/stage_data.hpp"

namespace imgforge::engine {

/// One cached stage result: a directory of cache/stages that is never written again, with `result.json` in
/// it.
struct Layer {
    std::string fingerprint;
    std::string id;  ///< unique: the same fingerprint made again (--fresh) is another layer
    std::string type;
    std::filesystem::path folder;
    std::int64_t created = 0;  ///< wall seconds
    double seconds = 0;        ///< what it cost
    std::string previous;      ///< fingerprint of the stage before; empty for the first
    std::string previous_id;   ///< its layer id
    std::string backing_id;    ///< id of the layer whose disk this one's disk is an overlay on; empty: none
    StageResult result;        ///< absolute paths
    bool evicted = false;      ///< the disk was removed to save space; facts and small files are left
    bool damaged = false;      ///< the disk is not as it was published
    std::uint64_t bytes = 0;   ///< space it occupies
};

/// cache/stages. Layers appear by rename and are never changed; a fingerprint made again gets a second
/// directory, because overlays of other recipes may stand on the first.
class LayerStore {
public:
    explicit LayerStore(Places places) : places_(std::move(places)) {}

    /// The newest layer of each of these fingerprints that is there and whole.
    std::map<std::string, Layer> find(const std::set<std::string>& fingerprints) const;
    std::optional<Layer> find(const std::string& fingerprint) const;
    /// All layers, superseded ones too.
    std::vector<Layer> list() const;

    /// Empty directory for a stage at work, beside the layers so that relative backing names stay true after
    /// the rename.
    std::filesystem::path make_scratch(const std::string& run, std::size_t index) const;
    /// Checks and flushes what the stage made, writes result.json. The layer's paths are those after
    /// publish().
    Layer seal(const std::filesystem::path& scratch, Layer layer) const;
    /// The rename that makes it a layer.
    void publish(const std::filesystem::path& scratch, const Layer& layer) const;

    /// Removes the disk, keeps facts and small files.
    void evict(const Layer& layer) const;
    void remove(const Layer& layer) const;
    /// Removes scratch directories whose run is not among `live`.
    void remove_leftovers(const std::set<std::string>& live) const;

private:
    Places places_;
};

/// When cached layers go.
struct CachePolicy {
    std::chrono::seconds max_age{std::chrono::hours(24 * 30)};  ///< since last use
    std::uint64_t max_bytes = 60ULL << 30U;
    /// With what `cache:` of the settings says.
    static CachePolicy from_settings(const CacheSetting& setting);
};

/// Which layers to drop, in a safe order (children before what they stand on). `used_at`: wall seconds by
/// layer id; `in_use`: ids that a live run or a machine needs. Pure.
struct Eviction {
    std::vector<Layer> remove;  ///< superseded or standing on something superseded: whole directory
    std::vector<Layer> evict;   ///< too old or over the budget: disk only
};
Eviction choose_evictions(const std::vector<Layer>& layers,
                          const std::map<std::string, std::int64_t>& used_at,
                          const std::set<std::string>& in_use, const CachePolicy& policy, std::int64_t now);

}  // namespace imgforge::engine
