// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/fetch/registry.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/file.hpp"
#include "builder/base/interrupt.hpp"
#include "pipelines/fetch/http_client.hpp"
#include "pipelines/fetch/registry_auth.hpp"

namespace fs = std::filesystem;

namespace imgforge::fetch {
namespace {

constexpr std::uint64_t piece = 8U << 20U;
constexpr std::uint64_t manifest_limit = 4U << 20U;
constexpr const char* accepted_types =
    "Accept: application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json";

bool is_local(const std::string& host) {
    const std::string name = host.substr(0, host.rfind(':'));
    return name == "localhost" || name == "127.0.0.1" || name == "[::1]";
}

std::string encoded(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           c == '-' || c == '.' || c == '_' || c == '~';
        out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

[[noreturn]] void refused(const std::string& what, const RegistryName& name, const HttpAnswer& answer) {
    const bool rights = answer.status == 401 || answer.status == 403;
    throw Error(
        rights ? Failure::host : Failure::tool,
        fmt::format("{} in {}/{}: the registry answers {}", what, name.host, name.repository, answer.status),
        rights ? "log in with `skopeo login` or `podman login`, or set REGISTRY_AUTH_FILE" : "");
}

std::string sha256_name(std::string_view bytes) {
    return "sha256:" + sha256_hex(bytes);
}

[[noreturn]] void differs(const std::string& digest, const std::string& measured, const RegistryName& name) {
    throw Error(
        Failure::integrity,
        fmt::format("the blob {} of {}/{} has the digest {}", digest, name.host, name.repository, measured),
        "the registry is damaged, or the connection changed it; nothing of it was used");
}

}  // namespace

/// The connection with what the registry wants to see of us.
struct Registry::State {
    HttpClient client;
    std::string authorization{};

    HttpAnswer send(HttpRequest request, const RegistryName& name) {
        if (!authorization.empty()) {
            request.headers.push_back(authorization);
        }
        HttpAnswer answer = client.send(request);
        if (answer.status != 401 || !authorize(answer.headers["www-authenticate"], name)) {
            return answer;
        }
        request.headers.push_back(authorization);
        return client.send(request);
    }

    /// False when nothing better than before can be shown.
    bool authorize(const std::string& header, const RegistryName& name) {
        const Challenge challenge = parse_challenge(header);
        const auto credentials = registry_credentials(name.host);
        const std::string before = authorization;
        if (challenge.scheme == "basic" && credentials) {
            authorization = "Authorization: Basic " + *credentials;
        } else if (challenge.scheme == "bearer") {
            authorization = "Authorization: Bearer " + token(challenge, name, credentials);
        }
        return authorization != before;
    }

    std::string token(Challenge challenge, const RegistryName& name,
                      const std::optional<std::string>& credentials) {
        std::map<std::string, std::string>& given = challenge.parameters;
        const std::string scope =
            given["scope"].empty() ? fmt::format("repository:{}:pull,push", name.repository) : given["scope"];
        HttpRequest request{.url = fmt::format("{}?service={}&scope={}", given["realm"],
                                               encoded(given["service"]), encoded(scope)),
                            .limit = 1U << 20U};
        if (credentials) {
            request.headers.push_back("Authorization: Basic " + *credentials);
        }
        const HttpAnswer answer = client.send(request);
        if (answer.status != 200) {
            refused("getting a token", name, answer);
        }
        const Json record = parse_json(answer.body, "the registry's token");
        for (const char* key : {"token", "access_token"}) {
            if (record.is_object() && record.contains(key) && record[key].is_string()) {
                return record[key].get<std::string>();
            }
        }
        refused("getting a token", name, answer);
    }
};

RegistryName parse_registry_name(const std::string& text) {
    const std::string plain = text.starts_with("oci://") ? text.substr(6) : text;
    const std::size_t slash = plain.find('/');
    RegistryName name;
    if (slash != std::string::npos) {
        name.host = plain.substr(0, slash);
        name.repository = plain.substr(slash + 1);
        if (const std::size_t colon = name.repository.rfind(':'); colon != std::string::npos) {
            name.tag = name.repository.substr(colon + 1);
            name.repository.resize(colon);
        }
    }
    const bool plain_repository =
        !name.repository.empty() && std::all_of(name.repository.begin(), name.repository.end(), [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-' ||
                   c == '/';
        });
    if (name.host.empty() || name.tag.empty() || !plain_repository) {
        throw Error(Failure::usage, fmt::format("'{}' does not name an image of a registry", text),
                    "write oci://HOST/REPOSITORY[:TAG]");
    }
    return name;
}

Registry::Registry(RegistryName name) : name_(std::move(name)), state_(std::make_unique<State>()) {}
Registry::~Registry() = default;

std::string Registry::url(const std::string& rest) const {
    return fmt::format("{}://{}/v2/{}/{}", is_local(name_.host) ? "http" : "https", name_.host,
                       name_.repository, rest);
}

std::optional<Registry::Manifest> Registry::manifest(const std::string& reference) {
    HttpAnswer answer = state_->send(
        {.url = url("manifests/" + reference), .headers = {accepted_types}, .limit = manifest_limit}, name_);
    if (answer.status == 404) {
        return std::nullopt;
    }
    if (answer.status != 200) {
        refused("reading " + reference, name_, answer);
    }
    Manifest found{.bytes = std::move(answer.body), .digest = {}, .type = answer.headers["content-type"]};
    found.digest = sha256_name(found.bytes);
    if (reference.starts_with("sha256:") && reference != found.digest) {
        throw Error(Failure::integrity, fmt::format("the manifest {} of {}/{} has the digest {}", reference,
                                                    name_.host, name_.repository, found.digest));
    }
    return found;
}

std::vector<std::string> Registry::tags() {
    const HttpAnswer answer = state_->send({.url = url("tags/list"), .limit = manifest_limit}, name_);
    if (answer.status == 404) {
        return {};
    }
    if (answer.status != 200) {
        refused("listing tags", name_, answer);
    }
    std::vector<std::string> names;
    const Json record = parse_json(answer.body, "the registry's list of tags");
    const Json list = record.is_object() ? record.value("tags", Json()) : Json();
    for (const Json& tag : list.is_array() ? list : Json::array()) {
        if (tag.is_string()) {
            names.push_back(tag.get<std::string>());
        }
    }
    return names;
}

bool Registry::has_blob(const std::string& digest) {
    const HttpAnswer answer = state_->send({.method = "HEAD", .url = url("blobs/" + digest)}, name_);
    if (answer.status != 200 && answer.status != 404) {
        refused("looking for " + digest, name_, answer);
    }
    return answer.status == 200;
}

std::string Registry::begin_upload() {
    HttpAnswer answer = state_->send({.method = "POST", .url = url("blobs/uploads/")}, name_);
    if (answer.status != 202 || answer.headers["location"].empty()) {
        refused("starting an upload", name_, answer);
    }
    const std::string location = answer.headers["location"];
    const std::string origin = fmt::format("{}://{}", is_local(name_.host) ? "http" : "https", name_.host);
    return location.starts_with('/') ? origin + location : location;
}

void Registry::finish_upload(std::string location, const std::string& digest) {
    location += (location.find('?') == std::string::npos ? "?digest=" : "&digest=") + encoded(digest);
    const HttpAnswer answer = state_->send({.method = "PUT", .url = location}, name_);
    if (answer.status != 201) {
        refused("finishing the upload of " + digest, name_, answer);
    }
}

bool Registry::push_blob(const std::string& digest, const fs::path& file,
                         const std::function<void(std::uint64_t)>& progress) {
    if (has_blob(digest)) {
        return false;
    }
    std::string location = begin_upload();
    const std::uint64_t size = fs::file_size(file);
    const Fd fd = open_fd(file, O_RDONLY);
    for (std::uint64_t at = 0; at < size;) {
        std::string bytes(static_cast<std::size_t>(std::min(piece, size - at)), '\0');
        const ssize_t got = ::pread(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
        if (got <= 0) {
            throw system_error("read", file.string(), got < 0 ? errno : EIO);
        }
        bytes.resize(static_cast<std::size_t>(got));
        const std::uint64_t end = at + bytes.size();
        HttpAnswer answer = state_->send({.method = "PATCH",
                                          .url = location,
                                          .headers = {"Expect:", "Content-Type: application/octet-stream",
                                                      fmt::format("Content-Range: {}-{}", at, end - 1)},
                                          .body = std::move(bytes)},
                                         name_);
        if (answer.status != 202) {
            refused("uploading " + digest, name_, answer);
        }
        const std::string next = answer.headers["location"];
        location = next.empty() || next.starts_with('/') ? location : next;
        at = end;
        if (progress) {
            progress(at);
        }
    }
    finish_upload(location, digest);
    return true;
}

bool Registry::push_blob(const std::string& digest, const std::string& bytes) {
    if (has_blob(digest)) {
        return false;
    }
    std::string location = begin_upload();
    location += (location.find('?') == std::string::npos ? "?digest=" : "&digest=") + encoded(digest);
    const HttpAnswer answer = state_->send({.method = "PUT",
                                            .url = location,
                                            .headers = {"Expect:", "Content-Type: application/octet-stream"},
                                            .body = bytes},
                                           name_);
    if (answer.status != 201) {
        refused("uploading " + digest, name_, answer);
    }
    return true;
}

void Registry::put_manifest(const std::string& tag, const std::string& bytes, const std::string& type) {
    const HttpAnswer answer = state_->send({.method = "PUT",
                                            .url = url("manifests/" + tag),
                                            .headers = {"Content-Type: " + type},
                                            .body = bytes},
                                           name_);
    if (answer.status != 201) {
        refused("writing the tag " + tag, name_, answer);
    }
}

void Registry::remove_manifest(const std::string& digest) {
    const HttpAnswer answer = state_->send({.method = "DELETE", .url = url("manifests/" + digest)}, name_);
    if (answer.status != 202 && answer.status != 200 && answer.status != 404) {
        refused("deleting " + digest, name_, answer);
    }
}

void Registry::pull_blob(const std::string& digest, std::uint64_t size, const fs::path& target,
                         const std::function<void(std::uint64_t)>& progress) {
    std::error_code code;
    std::uint64_t have = fs::exists(target, code) ? fs::file_size(target) : 0;
    {
        const Fd fd = open_fd(target, O_WRONLY | O_CREAT | O_APPEND, 0600);
        while (have < size) {
            interrupt::check();
            const std::uint64_t end = std::min(size, have + piece);
            const HttpAnswer answer =
                state_->send({.url = url("blobs/" + digest),
                              .headers = {fmt::format("Range: bytes={}-{}", have, end - 1)},
                              .limit = std::max(size, piece)},
                             name_);
            // A registry that knows no ranges sends everything.
            const bool whole = answer.status == 200 && answer.body.size() == size && have == 0;
            if (!whole && (answer.status != 206 || answer.body.size() != end - have)) {
                refused("downloading " + digest, name_, answer);
            }
            write_all(fd.get(), answer.body, target.string());
            have += answer.body.size();
            if (progress) {
                progress(have);
            }
        }
    }
    const std::string measured = "sha256:" + sha256_file(target, [](std::uint64_t) { interrupt::check(); });
    if (measured != digest) {
        fs::remove(target, code);
        differs(digest, measured, name_);
    }
}

std::string Registry::blob(const std::string& digest, std::uint64_t limit) {
    HttpAnswer answer = state_->send({.url = url("blobs/" + digest), .limit = limit}, name_);
    if (answer.status != 200) {
        refused("downloading " + digest, name_, answer);
    }
    if (const std::string measured = sha256_name(answer.body); measured != digest) {
        differs(digest, measured, name_);
    }
    return std::move(answer.body);
}

}  // namespace imgforge::fetch
