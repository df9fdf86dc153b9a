// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "builder/base/byte_size.hpp"
#include "builder/base/json.hpp"

namespace imgforge {

/// One entry of `sizes:`; what is absent comes from the built-in size of that name.
struct SizeSetting {
    std::optional<ByteSize> memory{};
    std::optional<unsigned> vcpus{};
    std::optional<ByteSize> disk{};
    bool operator==(const SizeSetting&) const = default;
};

/// One entry of `hosts:`.
struct HostSetting {
    std::string connection;  ///< libvirt URI
    std::string pool{};      ///< storage pool for disks; empty: chosen on the host
    bool operator==(const HostSetting&) const = default;
};

/// `budget:`, what concurrent jobs of a refresh may take together.
struct BudgetSetting {
    std::optional<ByteSize> memory{};
    std::optional<int> cpus{};
    std::optional<ByteSize> disk{};
    bool operator==(const BudgetSetting&) const = default;
};

/// `cache:`, when cached stage results are evicted.
struct CacheSetting {
    std::optional<std::chrono::seconds> max_age{};  ///< since last use
    std::optional<ByteSize> max_size{};
    bool operator==(const CacheSetting&) const = default;
};

/// `notify:`, who gets the report of a refresh.
struct NotifySetting {
    std::vector<std::string> command{};  ///< program and arguments; empty: nobody
    bool on_failure = true;
    bool on_change = true;
    bool always = false;
    bool operator==(const NotifySetting&) const = default;
};

/// One entry of `targets:`: a place that takes generations or gives them.
struct TargetSetting {
    std::string kind{};  ///< the key that names the place: directory, s3, web, oci, rbd, glance, libvirt
    std::vector<std::string> places{};  ///< what stands behind that key; only libvirt has several
    /// The other keys as they were written ("key", "conf", "user", …); which of them count depends on the
    /// kind.
    std::map<std::string, std::string> options{};

    /// The first place; empty without one.
    std::string place() const { return places.empty() ? std::string() : places.front(); }
    /// The option, or empty.
    std::string option(const std::string& name) const {
        const auto found = options.find(name);
        return found == options.end() ? std::string() : found->second;
    }
    bool operator==(const TargetSetting&) const = default;
};

/// `acceleration:`; automatic measures what the host can do.
enum class AccelerationSetting { automatic, kvm, tcg };

/// What the configuration files say, checked and typed. A key exists when settings_table.cpp has a row for
/// it; the row names the member below that it fills.
struct Settings {
    std::optional<std::string> connection{};  ///< libvirt URI, or "embedded"
    std::vector<std::string> networks{};      ///< as for `spawn --network`; empty: the driver's default
    std::map<std::string, SizeSetting> sizes{};
    std::string default_size = "small";
    std::map<std::string, HostSetting> hosts{};
    std::optional<int> jobs{};
    BudgetSetting budget{};
    CacheSetting cache{};
    std::vector<std::string> ssh_keys{};  ///< each a public key, or the file that holds some
    NotifySetting notify{};
    std::optional<std::filesystem::path> metrics{};
    AccelerationSetting acceleration = AccelerationSetting::automatic;
    std::map<std::string, TargetSetting> targets{};
    std::filesystem::path signing_key{};                      ///< `signing.key`; empty: the store's own key
    std::vector<std::filesystem::path> image_path{};          ///< `images.path`: read-only stores of others
    std::optional<std::chrono::seconds> appliance_timeout{};  ///< `appliance.timeout`, of one start
    bool operator==(const Settings&) const = default;
};

/// The settings of all files that exist: later files win, maps merge key by key, lists replace. Throws
/// Failure::recipe with every error as "file:line:column: message (did you mean 'x'?)": unknown keys at any
/// depth, wrong types and values.
Settings load_settings(const std::vector<std::filesystem::path>& files);

/// JSON Schema of a settings file, composed from the same rows; `man imgforge.config` is made from it.
Json settings_schema();

}  // namespace imgforge
