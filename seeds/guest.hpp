// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <vector>

namespace imgforge::seeds {

/// "22.4"; the newest when nothing is said.
struct CloudInitVersion {
    int year = 99;
    int number = 0;
    auto operator<=>(const CloudInitVersion&) const = default;
};

/// "22.4" as a version; throws Failure::recipe for other text.
CloudInitVersion parse_cloud_init_version(std::string_view text);
std::string to_string(const CloudInitVersion& version);

/// Who will read a seed.
struct Guest {
    std::string name{};          ///< "debian12"; empty when it is not known
    CloudInitVersion version{};  ///< of the cloud-init in its images
    bool netplan = false;        ///< whether its network is rendered by netplan, as far as that is known
    bool yescrypt = true;        ///< whether its crypt(3) knows "$y$" hashes; musl's does not
};

/// The guest of a `--for` word: a row of seeds/schemas/guests.json, or a cloud-init version such as "24.4".
/// Throws Failure::usage with the known words.
Guest guest_named(const std::string& word);

/// The words of guests.json.
std::vector<std::string> guest_names();

}  // namespace imgforge::seeds
