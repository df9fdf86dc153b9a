// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/engine/tidy.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/file.hpp"
#include "builder/base/log.hpp"
#include "pipelines/engine/layer.hpp"

namespace imgforge::engine {
namespace {

constexpr std::size_t kept_runs = 100;

/// Announced by a build that was killed before the rename, or deleted by hand.
std::vector<std::string> vanished_layers(const std::vector<Layer>& layers,
                                         const std::map<std::string, std::int64_t>& used_at,
                                         const std::set<std::string>& in_use) {
    std::vector<std::string> vanished;
    for (const auto& [id, used] : used_at) {
        const bool there = std::any_of(layers.begin(), layers.end(),
                                       [&id = id](const Layer& layer) { return layer.id == id; });
        if (!there && in_use.count(id) == 0) {
            vanished.push_back(id);
        }
    }
    return vanished;
}

/// Removes and evicts what was chosen; the ids of the layers that no longer exist.
std::vector<std::string> drop(const LayerStore& store, const Eviction& chosen, BuildObserver* observer) {
    const auto point = [&](const std::string& name) {
        if (observer != nullptr) {
            observer->reached(name);
        }
    };
    std::vector<std::string> gone;
    for (const Layer& layer : chosen.remove) {
        point("removing " + layer.type);
        store.remove(layer);
        gone.push_back(layer.id);
    }
    for (const Layer& layer : chosen.evict) {
        point("evicting " + layer.type);
        store.evict(layer);
        log::debug(fmt::format("evicted the disk of a '{}' layer", layer.type));
    }
    point("dropped");
    return gone;
}

}  // namespace

void tidy_cache(const Host& host, Journal& journal, const std::string& run, const DiskUsers* users,
                BuildObserver* observer) {
    const LayerStore store(host.places);
    const std::vector<Layer> layers = store.list();
    std::set<std::string> in_use = journal.layers_in_use(run);
    for (const Layer& layer : layers) {
        if (users != nullptr && !layer.result.disk.empty() && users->in_use(layer.result.disk)) {
            in_use.insert(layer.id);
        }
    }
    const std::map<std::string, std::int64_t> used_at = journal.used_at();
    std::vector<std::string> forgotten = vanished_layers(layers, used_at, in_use);
    const CachePolicy policy = CachePolicy::from_settings(host.settings.cache);
    const Eviction chosen = choose_evictions(layers, used_at, in_use, policy, host.clock->wall_seconds());
    for (std::string& id : drop(store, chosen, observer)) {
        forgotten.push_back(std::move(id));
    }
    if (!forgotten.empty()) {
        journal.forget_layers(forgotten);
    }
    for (const std::string& old : journal.forget_old_runs(kept_runs)) {
        remove_tree(host.places.runs() / old);
    }
}

}  // namespace imgforge::engine
