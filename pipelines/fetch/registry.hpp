// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "builder/base/json.hpp"

namespace imgforge::fetch {

/// "HOST[:PORT]/REPOSITORY[:TAG]", with or without oci:// in front.
struct RegistryName {
    std::string host;        ///< with the port
    std::string repository;  ///< "golden/debian12"
    std::string tag = "latest";
};

/// Throws Failure::usage for what is not such a name.
RegistryName parse_registry_name(const std::string& text);

/// A container registry by the OCI Distribution API, one repository of it. Registries on this host speak
/// http, all others https. Credentials are those of $REGISTRY_AUTH_FILE, else ~/.docker/config.json. For one
/// thread.
class Registry {
public:
    explicit Registry(RegistryName name);
    ~Registry();
    Registry(const Registry&) = delete;
    Registry& operator=(const Registry&) = delete;

    const RegistryName& name() const { return name_; }

    struct Manifest {
        std::string bytes;
        std::string digest;  ///< "sha256:…" of the bytes
        std::string type;    ///< media type
    };
    /// By tag or digest; nothing when it is not there. Checked against a digest asked for.
    std::optional<Manifest> manifest(const std::string& reference);
    /// Lists the tags; empty for an unknown repository.
    std::vector<std::string> tags();

    bool has_blob(const std::string& digest);
    /// Sends a file in pieces unless it is there already; true when it was sent.
    bool push_blob(const std::string& digest, const std::filesystem::path& file,
                   const std::function<void(std::uint64_t)>& progress = {});
    bool push_blob(const std::string& digest, const std::string& bytes);
    /// Names manifest bytes by a tag: also how a tag is moved.
    void put_manifest(const std::string& tag, const std::string& bytes, const std::string& type);
    /// Lets go of a manifest and all tags that name it; missing is fine. Throws Failure::tool when the
    /// registry does not allow it.
    void remove_manifest(const std::string& digest);
    /// Downloads in pieces to `target`, going on with what is there, and verifies the digest. Throws
    /// Failure::integrity, and removes `target`, when it differs.
    void pull_blob(const std::string& digest, std::uint64_t size, const std::filesystem::path& target,
                   const std::function<void(std::uint64_t)>& progress = {});
    /// A small one as bytes, verified. Throws Failure::integrity when its digest differs.
    std::string blob(const std::string& digest, std::uint64_t limit);

private:
    struct State;
    std::string url(const std::string& rest) const;
    std::string begin_upload();
    void finish_upload(std::string location, const std::string& digest);
    RegistryName name_;
    std::unique_ptr<State> state_;
};

}  // namespace imgforge::fetch
