// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "builder/base/diagnostics.hpp"
#include "builder/base/json.hpp"
#include "builder/base/strict_yaml.hpp"

namespace imgforge::compose {

/// The block `secrets:` of a recipe: where each secret comes from. A value is read when it is first asked
/// for, kept in memory only, and masked by redact() from then on.
class SecretSet {
public:
    /// Reads the block (already checked by check_secrets); relative files are under the directory of the
    /// recipe that names them, `folder` for the recipe itself.
    SecretSet(const YamlDocument& document, const std::filesystem::path& folder);

    std::vector<std::string> names() const;
    bool empty() const { return sources_.empty(); }

    /// The bytes, without a line break at their end. Throws Failure::host when the file, the variable or the
    /// program is missing, gives nothing, or gives more than 64 KiB; the message never has the value.
    const std::string& value(const std::string& name) const;

    /// HMAC-SHA-256 of the value under a key of the store: tells that it changed, and nothing else.
    std::string digest(const std::string& name, const std::string& key) const;

private:
    struct Source {
        std::filesystem::path file{};
        std::string variable{};
        std::vector<std::string> command{};
    };
    std::string read(const std::string& name, const Source& source) const;

    std::map<std::string, Source> sources_;
    std::filesystem::path folder_;
    mutable std::mutex mutex_;
    mutable std::map<std::string, std::string> values_;
};

/// Each secret must have one of file, env and command. Nothing is read.
void check_secrets(const YamlDocument& document, Diagnostics& diagnostics);

/// Schema of the block.
Json secrets_schema();

/// The key for digests: `home`/keys/secret-digest, 32 random bytes of mode 0600, made when it is missing.
std::string digest_key(const std::filesystem::path& keys);

}  // namespace imgforge::compose
