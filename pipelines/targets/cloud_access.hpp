// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>

namespace imgforge::targets {

/// How an OpenStack cloud is reached, as clouds.yaml says it.
struct CloudAccess {
    std::string name;                 ///< for messages
    std::string auth_url{};           ///< Keystone's v3; empty: none
    std::string credential_id{};      ///< of an application credential
    std::string credential_secret{};  ///< never shown
    std::string region{};             ///< empty: the first of the catalogue
    std::string interface = "public";
    std::string image_endpoint{};  ///< stated; empty: from the catalogue
};

/// The cloud of that name in `file`; empty: ./clouds.yaml, ~/.config/openstack/clouds.yaml or
/// /etc/openstack/clouds.yaml ($OS_CLIENT_CONFIG_FILE before them). Throws Failure::usage for an unknown
/// name or an authentication other than application credentials, Failure::host when the file is missing.
CloudAccess read_cloud(const std::string& name, const std::filesystem::path& file);

/// A token and where the image service is.
struct CloudSession {
    std::string token;
    std::string image_url;  ///< without a slash at the end, without "/v2"
};

/// Asks Keystone. Throws Failure::host when it refuses the credential or knows no image service.
CloudSession open_cloud(const CloudAccess& access);

/// The image service that a catalogue names; empty: none of that region and interface. `catalogue` is the
/// member of that name of a token.
std::string image_endpoint_of(const std::string& token_answer, const std::string& region,
                              const std::string& interface);

}  // namespace imgforge::targets
