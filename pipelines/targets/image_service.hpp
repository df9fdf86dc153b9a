// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "builder/base/json.hpp"
#include "pipelines/fetch/http_client.hpp"
#include "pipelines/targets/cloud_access.hpp"

namespace imgforge::targets {

/// An image as OpenStack's image service (Glance, API v2) has it; only what we look at.
struct ServiceImage {
    std::string id;
    std::string name;    ///< "debian12", the same for all generations
    int generation = 0;  ///< our property; 0: none
    std::string status;  ///< "queued", "saving", "active" …
    bool hidden = false;
    bool guarded = false;  ///< `protected`: its owner says that it must stay
    std::string sha512{};  ///< of its data, by the service; empty: not yet, or another algorithm
    std::string sha256{};  ///< our property: of the disk.qcow2 it was made from
};

/// Throws Failure::tool for what is not an image's record.
ServiceImage parse_service_image(const Json& record);

/// The image service of a cloud; for one thread. What it refuses is an Error with its words: Failure::host
/// for missing rights, Failure::domain for conflicts, Failure::tool else. A token that has expired is renewed
/// once.
class ImageService {
public:
    explicit ImageService(CloudAccess access);

    /// All that were pushed by imgforge, hidden ones too; of one name unless it is empty.
    std::vector<ServiceImage> images(const std::string& name);
    /// `record` as POST /v2/images takes it.
    ServiceImage create(const Json& record);
    /// Streams the file; returns its SHA-512 as it was read. The image is active afterwards.
    std::string upload(const std::string& id, const std::filesystem::path& file,
                       const std::function<void(std::uint64_t)>& progress);
    ServiceImage image(const std::string& id);
    void set_hidden(const std::string& id, bool hidden);
    /// Missing is fine.
    void remove(const std::string& id);

private:
    fetch::HttpAnswer send(const std::string& action, fetch::HttpRequest request,
                           const std::vector<long>& expected);
    void list(const std::string& query, std::vector<ServiceImage>& images);
    const CloudSession& session();

    CloudAccess access_;
    std::optional<CloudSession> session_;
    fetch::HttpClient client_;
};

}  // namespace imgforge::targets
