// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "builder/base/settings.hpp"
#include "builder/base/state_db.hpp"
#include "pipelines/targets/target.hpp"

namespace imgforge::targets {

/// Which targets hold which generations of this store, and where a pointer has still to be moved.
class PushedTargets {
public:
    explicit PushedTargets(StateDb& database);

    void put(const NamedTarget& target, const std::string& image, int generation);
    void forget(const std::string& target, const std::string& image, int generation);
    bool holds(const std::string& target, const std::string& image, int generation) const;
    /// Where generations of the image were pushed to. A target of the settings is as they say now, another
    /// one as it was when it was pushed to.
    std::vector<NamedTarget> targets_of(const std::string& image, const Settings& settings) const;
    /// All targets that something was pushed to.
    std::vector<NamedTarget> all(const Settings& settings) const;
    /// Images of which something was pushed to a target with that place.
    std::vector<std::string> images_at(const std::string& place) const;

    /// A pointer that must follow the store's current generation of the image.
    struct Pending {
        NamedTarget target;
        std::string image;
        std::string error{};  ///< why the last try failed; empty: none was made, or it was killed
    };
    std::vector<Pending> pending(const Settings& settings) const;
    void put_pending(const std::string& target, const std::string& image, const std::string& error = {});
    void drop_pending(const std::string& target, const std::string& image);

private:
    NamedTarget named(const std::string& name, const std::string& spec, const Settings& settings) const;
    StateDb& database_;
};

}  // namespace imgforge::targets
