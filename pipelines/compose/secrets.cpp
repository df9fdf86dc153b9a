// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/compose/secrets.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

#include <fmt/format.h>

#include "builder/base/crypto_library.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/process.hpp"
#include "builder/base/random.hpp"
#include "builder/base/redact.hpp"

namespace fs = std::filesystem;

namespace imgforge::compose {
namespace {

constexpr std::size_t secret_limit = 64U << 10U;
constexpr std::chrono::minutes command_timeout{1};
constexpr std::size_t line_worth_masking = 8;

std::string hmac(const std::string& key, const std::string& text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(),
             &length) == nullptr) {
        throw Error(Failure::tool, "OpenSSL could not make a keyed digest");
    }
    std::string hex;
    for (unsigned i = 0; i < length; ++i) {
        hex += fmt::format("{:02x}", digest.at(i));
    }
    return hex;
}

/// A log is written line by line, so a key of several lines is masked line by line as well.
void mask(const std::string& value) {
    remember_secret(value);
    for (std::size_t at = 0; at < value.size();) {
        const std::size_t end = std::min(value.find('\n', at), value.size());
        if (end - at >= line_worth_masking) {
            remember_secret(std::string_view(value).substr(at, end - at));
        }
        at = end + 1;
    }
}

}  // namespace

SecretSet::SecretSet(const YamlDocument& document, const fs::path& folder) : folder_(folder) {
    const Json block = document.root.contains("secrets") ? document.root["secrets"] : Json(Json::object());
    if (!block.is_object()) {
        return;
    }
    for (const auto& item : block.items()) {
        Source source;
        const Json& from = item.value();
        if (from.contains("file")) {
            const std::string pointer = "/secrets/" + pointer_token(item.key()) + "/file";
            const SourcePosition place = document.position(pointer);
            const fs::path base = place.file.empty() ? folder : fs::absolute(place.file).parent_path();
            source.file = base / from["file"].get<std::string>();
        } else if (from.contains("env")) {
            source.variable = from["env"].get<std::string>();
        } else if (from.contains("command")) {
            source.command = from["command"].get<std::vector<std::string>>();
        }
        sources_[item.key()] = std::move(source);
    }
}

std::vector<std::string> SecretSet::names() const {
    std::vector<std::string> list;
    for (const auto& [name, source] : sources_) {
        list.push_back(name);
    }
    return list;
}

std::string SecretSet::read(const std::string& name, const Source& source) const {
    if (!source.file.empty()) {
        return read_file(source.file, secret_limit);
    }
    if (!source.variable.empty()) {
        const char* const text = std::getenv(source.variable.c_str());
        if (text == nullptr) {
            throw Error(Failure::host, fmt::format("the environment variable {} is not set", source.variable),
                        fmt::format("set it before the build: secret '{}' comes from there", name));
        }
        return text;
    }
    const ProcessSpec spec{.program = source.command.front(),
                           .args = {source.command.begin() + 1, source.command.end()},
                           .cwd = folder_,
                           .timeout = command_timeout,
                           .output_limit = secret_limit + 1};
    ProcessResult result = SystemProcessRunner().run(spec);
    if (!result.ok()) {
        result.out.clear();  // what it printed before it failed may be the secret
        throw process_error(spec, result);
    }
    return result.out;
}

const std::string& SecretSet::value(const std::string& name) const {
    const std::lock_guard guard(mutex_);
    if (const auto known = values_.find(name); known != values_.end()) {
        return known->second;
    }
    const auto source = sources_.find(name);
    if (source == sources_.end()) {
        throw Error(Failure::recipe, fmt::format("the recipe has no secret '{}'", name),
                    "name its source under secrets:");
    }
    std::string text = in_context([&] { return fmt::format("secret '{}'", name); },
                                  [&] { return read(name, source->second); });
    if (text.ends_with('\n')) {
        text.pop_back();
        text.resize(text.ends_with('\r') ? text.size() - 1 : text.size());
    }
    if (text.empty() || text.size() > secret_limit) {
        throw Error(Failure::host,
                    text.empty() ? fmt::format("secret '{}' is empty", name)
                                 : fmt::format("secret '{}' has more than {} bytes", name, secret_limit),
                    "look at its source in the recipe's secrets:");
    }
    mask(text);
    return values_.emplace(name, std::move(text)).first->second;
}

std::string SecretSet::digest(const std::string& name, const std::string& key) const {
    return "hmac:" + hmac(key, value(name)).substr(0, 32);
}

void check_secrets(const YamlDocument& document, Diagnostics& diagnostics) {
    const Json block = document.root.contains("secrets") ? document.root["secrets"] : Json(Json::object());
    if (!block.is_object()) {
        return;  // the schema says so
    }
    for (const auto& item : block.items()) {
        if (item.value().is_object() && item.value().size() != 1) {
            diagnostics.add(document.at(
                "/secrets/" + pointer_token(item.key()),
                fmt::format("secret '{}' needs one of file, env and command", item.key()), {}, true));
        }
    }
}

Json secrets_schema() {
    const Json source = {
        {"type", "object"},
        {"description", "Where the secret comes from: one of file, env or command"},
        {"additionalProperties", false},
        {"properties",
         {{"file",
           {{"type", "string"},
            {"format", "path"},
            {"minLength", 1},
            {"description",
             "File with the secret, relative to the recipe; a trailing line break is ignored"}}},
          {"env",
           {{"type", "string"},
            {"pattern", "^[A-Za-z_][A-Za-z0-9_]*$"},
            {"x-message", "must be the name of an environment variable"},
            {"description", "Environment variable with the secret"}}},
          {"command",
           {{"type", "array"},
            {"items", {{"type", "string"}}},
            {"minItems", 1},
            {"description", "Program and arguments that print the secret; run without a shell"}}}}}};
    return {{"type", "object"},
            {"description",
             "Confidential values by name; used as ${secrets.NAME} in options that write to guests"},
            {"propertyNames",
             {{"pattern", "^[A-Za-z_][A-Za-z0-9_-]*$"},
              {"x-message", "must be letters, digits, '_' and '-', starting with a letter"}}},
            {"additionalProperties", source}};
}

std::string digest_key(const fs::path& keys) {
    const fs::path file = keys / "secret-digest";
    constexpr std::size_t length = 32;
    std::error_code code;
    if (!fs::exists(file, code)) {
        make_directories(keys, 0700);
        const std::vector<std::uint8_t> bytes = random_bytes(length);
        const fs::path fresh = fmt::format("{}.{}", file.string(), random_hex(6));
        write_file_atomically(fresh, std::string(bytes.begin(), bytes.end()), 0600);
        // link(2) does not replace: of two builds that make the first key at once, one wins for both.
        if (::link(fresh.c_str(), file.c_str()) != 0 && errno != EEXIST) {
            const int fault = errno;
            ::unlink(fresh.c_str());
            throw system_error("make", file.string(), fault);
        }
        ::unlink(fresh.c_str());
    }
    const std::string key = read_file(file, length);
    if (key.size() != length) {
        throw Error(Failure::integrity,
                    fmt::format("{} must have {} bytes, not {}", file.string(), length, key.size()),
                    "remove it: a new one is made, and stages that use a secret run again");
    }
    return key;
}

}  // namespace imgforge::compose
