// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "builder/base/json.hpp"
#include "builder/image/iso_reader.hpp"
#include "templates/distribution.hpp"

namespace imgforge::install {

/// What an installer medium is and how it is booted.
struct MediaInfo {
    std::string distribution;  ///< row of templates/: "debian13"
    std::string family;        ///< "debian", "ubuntu", "redhat", "suse", "alpine", "arch"
    std::string product;       ///< "Debian GNU/Linux"
    std::string version;       ///< as the medium says: "13.5.0"
    std::string arch;          ///< as the medium says: "amd64", "x86_64"
    std::string label;         ///< volume id
    std::string kernel;        ///< path on the medium, without leading slash
    std::string initrd;
    bool offline = false;   ///< its packages suffice to install without a network
    std::string installer;  ///< "d-i", "subiquity", "anaconda", …
    std::map<std::string, std::string>
        facts;  ///< for templates::render_kernel_line(): "label", "iso_uuid", "live_options"
};

/// Recognises a medium by the rows' rules, first match wins. Throws Failure::recipe when no row knows it
/// (saying what was seen) or when it is a medium that cannot be installed from (live, mini, second disc), and
/// what IsoReader throws.
MediaInfo probe_media(const std::filesystem::path& iso);
MediaInfo probe_media(const image::IsoReader& iso, const std::vector<templates::Distribution>& rows);

/// The record of `media probe`.
Json to_json(const MediaInfo& info);

}  // namespace imgforge::install
