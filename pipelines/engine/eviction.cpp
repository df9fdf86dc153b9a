// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "pipelines/engine/layer.hpp"

namespace imgforge::engine {
namespace {

/// Ids of layers that no plan can use any more: a newer layer of the fingerprint exists, or the one before is
/// such.
std::set<std::string> stale_ids(const std::vector<Layer>& layers) {
    std::map<std::string, const Layer*> newest;
    for (const Layer& layer : layers) {
        const Layer*& best = newest[layer.fingerprint];
        if (best == nullptr || std::tie(best->created, best->id) < std::tie(layer.created, layer.id)) {
            best = &layer;
        }
    }
    std::set<std::string> stale;
    for (bool again = true; again;) {
        again = false;
        for (const Layer& layer : layers) {
            const auto before = newest.find(layer.previous);
            const bool other_below = before != newest.end() && before->second->id != layer.previous_id;
            if ((newest[layer.fingerprint] != &layer || other_below || stale.count(layer.previous_id) > 0) &&
                stale.insert(layer.id).second) {
                again = true;
            }
        }
    }
    return stale;
}

/// Layers of `chosen` such that none is dropped while something that stays stands on its disk.
class Dropper {
public:
    Dropper(const std::vector<Layer>& layers, const std::set<std::string>& in_use)
        : layers_(layers), in_use_(in_use) {}

    bool may_drop(const Layer& layer) const {
        if (in_use_.count(layer.id) > 0 || dropped_.count(layer.id) > 0) {
            return false;
        }
        return std::none_of(layers_.begin(), layers_.end(), [&](const Layer& child) {
            return child.backing_id == layer.id && !child.evicted && dropped_.count(child.id) == 0;
        });
    }
    void drop(const Layer& layer) { dropped_.insert(layer.id); }

private:
    const std::vector<Layer>& layers_;
    const std::set<std::string>& in_use_;
    std::set<std::string> dropped_;
};

}  // namespace

Eviction choose_evictions(const std::vector<Layer>& layers,
                          const std::map<std::string, std::int64_t>& used_at,
                          const std::set<std::string>& in_use, const CachePolicy& policy, std::int64_t now) {
    Eviction chosen;
    Dropper dropper(layers, in_use);
    const auto last_use = [&](const Layer& layer) {
        const auto found = used_at.find(layer.id);
        return found != used_at.end() ? std::max(found->second, layer.created) : layer.created;
    };
    const std::set<std::string> stale = stale_ids(layers);
    std::uint64_t total = 0;
    for (const Layer& layer : layers) {
        total += layer.bytes;
    }
    for (bool again = true; again;) {
        again = false;
        for (const Layer& layer : layers) {
            if (stale.count(layer.id) > 0 && dropper.may_drop(layer)) {
                dropper.drop(layer);
                chosen.remove.push_back(layer);
                total -= layer.bytes;
                again = true;
            }
        }
    }
    for (;;) {
        const Layer* oldest = nullptr;
        for (const Layer& layer : layers) {
            if (!layer.evicted && !layer.result.disk.empty() && dropper.may_drop(layer) &&
                (oldest == nullptr || last_use(layer) < last_use(*oldest))) {
                oldest = &layer;
            }
        }
        if (oldest == nullptr ||
            (total <= policy.max_bytes && now - last_use(*oldest) <= policy.max_age.count())) {
            return chosen;
        }
        dropper.drop(*oldest);
        chosen.evict.push_back(*oldest);
        total -= oldest->bytes;
    }
}

CachePolicy CachePolicy::from_settings(const CacheSetting& setting) {
    CachePolicy policy;
    policy.max_age = setting.max_age.value_or(policy.max_age);
    policy.max_bytes = setting.max_size ? setting.max_size->in_bytes() : policy.max_bytes;
    return policy;
}

}  // namespace imgforge::engine
