// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/targets/cloud_access.hpp"

#include <utility>
#include <vector>

#include <fmt/format.h>

#include "builder/base/environment.hpp"
#include "builder/base/error.hpp"
#include "builder/base/json_text.hpp"
#include "builder/base/redact.hpp"
#include "builder/base/strict_yaml.hpp"
#include "builder/base/suggestion.hpp"
#include "pipelines/fetch/http_client.hpp"
#include "pipelines/targets/slashes.hpp"

namespace fs = std::filesystem;

namespace imgforge::targets {
namespace {

fs::path find_clouds_file(const fs::path& stated) {
    if (!stated.empty()) {
        return stated;
    }
    const std::vector<fs::path> places = {environment("OS_CLIENT_CONFIG_FILE"), "clouds.yaml",
                                          fs::path(environment("HOME")) / ".config/openstack/clouds.yaml",
                                          "/etc/openstack/clouds.yaml"};
    for (const fs::path& place : places) {
        std::error_code code;
        if (!place.empty() && fs::exists(place, code)) {
            return place;
        }
    }
    throw Error(Failure::host, "no clouds.yaml was found",
                "name it by `conf:` of the target, or put it at ~/.config/openstack/clouds.yaml");
}

/// Keystone's URL with its version, as the token's address is below it.
std::string versioned(std::string url) {
    url = without_end_slashes(std::move(url));
    return url.empty() || url.ends_with("/v3") ? url : url + "/v3";
}

std::string plain_endpoint(std::string url) {
    url = without_end_slashes(std::move(url));
    return url.ends_with("/v2") ? url.substr(0, url.size() - 3) : url;
}

}  // namespace

CloudAccess read_cloud(const std::string& name, const fs::path& file) {
    const fs::path found = find_clouds_file(file);
    const Json root = load_yaml(found.string()).root;
    const Json clouds = root.is_object() ? root.value("clouds", Json::object()) : Json::object();
    if (!clouds.is_object() || !clouds.contains(name)) {
        std::vector<std::string> names;
        for (const auto& [other, unused] : clouds.items()) {
            names.push_back(other);
        }
        throw Error(Failure::usage,
                    fmt::format("{} has no cloud '{}'{}", found.string(), name, did_you_mean(name, names)));
    }
    const Json& cloud = clouds[name];
    const Json auth = cloud.is_object() ? cloud.value("auth", Json::object()) : Json::object();
    CloudAccess access{.name = name,
                       .auth_url = versioned(text_at(auth, "auth_url")),
                       .credential_id = text_at(auth, "application_credential_id"),
                       .credential_secret = text_at(auth, "application_credential_secret"),
                       .region = text_at(cloud, "region_name"),
                       .image_endpoint = text_at(cloud, "image_endpoint_override")};
    if (const std::string interface = text_at(cloud, "interface"); !interface.empty()) {
        access.interface = interface;
    }
    if (access.auth_url.empty() || access.credential_id.empty() || access.credential_secret.empty()) {
        throw Error(
            Failure::usage,
            fmt::format("cloud '{}' of {} has no application credential", name, found.string()),
            "openstack application credential create imgforge; then auth_type: v3applicationcredential "
            "with auth_url, application_credential_id and application_credential_secret under auth:");
    }
    remember_secret(access.credential_secret);
    return access;
}

std::string image_endpoint_of(const std::string& token_answer, const std::string& region,
                              const std::string& interface) {
    const Json answer = parse_json(token_answer, "Keystone's token");
    const Json token = answer.is_object() ? answer.value("token", Json::object()) : Json::object();
    for (const Json& service : token.value("catalog", Json::array())) {
        if (text_at(service, "type") != "image") {
            continue;
        }
        for (const Json& endpoint : service.value("endpoints", Json::array())) {
            const std::string place = text_at(endpoint, "region_id").empty() ? text_at(endpoint, "region")
                                                                             : text_at(endpoint, "region_id");
            if (text_at(endpoint, "interface") == interface && (region.empty() || region == place)) {
                return plain_endpoint(text_at(endpoint, "url"));
            }
        }
    }
    return {};
}

CloudSession open_cloud(const CloudAccess& access) {
    fetch::HttpClient client;
    const Json body = {{"auth",
                        {{"identity",
                          {{"methods", {"application_credential"}},
                           {"application_credential",
                            {{"id", access.credential_id}, {"secret", access.credential_secret}}}}}}}};
    fetch::HttpAnswer answer = client.send({.method = "POST",
                                            .url = access.auth_url + "/auth/tokens",
                                            .headers = {"Content-Type: application/json"},
                                            .body = body.dump()});
    if (answer.status != 201) {
        throw Error(Failure::host,
                    fmt::format("cloud '{}': Keystone at {} answers {} to the application credential",
                                access.name, access.auth_url, answer.status),
                    answer.status == 401 ? "it may have expired: openstack application credential list" : "");
    }
    CloudSession session{.token = answer.headers["x-subject-token"],
                         .image_url = plain_endpoint(access.image_endpoint)};
    if (session.image_url.empty()) {
        session.image_url = image_endpoint_of(answer.body, access.region, access.interface);
    }
    if (session.image_url.empty()) {
        throw Error(Failure::host,
                    fmt::format("cloud '{}' has no image service with the interface '{}' in region '{}'",
                                access.name, access.interface, access.region),
                    "check region_name and interface in clouds.yaml (openstack catalog list)");
    }
    remember_secret(session.token);
    return session;
}

}  // namespace imgforge::targets
