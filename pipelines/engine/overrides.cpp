// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/json_schema.hpp"
#include "builder/base/redact.hpp"
#include "builder/base/suggestion.hpp"
#include "pipelines/engine/recipe.hpp"

namespace fs = std::filesystem;

namespace imgforge::engine {
namespace {

std::vector<std::string> split(const std::string& dotted) {
    std::vector<std::string> words;
    for (std::size_t start = 0; start <= dotted.size();) {
        const std::size_t dot = std::min(dotted.find('.', start), dotted.size());
        words.push_back(dotted.substr(start, dot - start));
        start = dot + 1;
    }
    return words;
}

Error bad_override(const Override& one, std::string message, std::string hint = {}) {
    return {Failure::usage, fmt::format("--set {}: {}", one.key, message), std::move(hint)};
}

/// "stages.sysprep.x" -> "/stages/2/sysprep/x": stages are addressed by name, not by number.
std::string pointer_of(const Override& one, const Json& root) {
    const std::vector<std::string> words = split(one.key);
    std::string pointer;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i].empty()) {
            throw bad_override(one, "empty name between the dots", "write it as machine.memory=2G");
        }
        if (i != 1 || words[0] != "stages") {
            pointer += "/" + pointer_token(words[i]);
            continue;
        }
        const std::vector<std::string> names = stage_names(root);
        const auto found = std::find(names.begin(), names.end(), words[1]);
        if (found == names.end()) {
            throw bad_override(
                one, fmt::format("the recipe has no stage '{}'{}", words[1], did_you_mean(words[1], names)));
        }
        const auto index = static_cast<std::size_t>(found - names.begin());
        pointer += fmt::format("/{}/{}", index, pointer_token(root["stages"][index].begin().key()));
    }
    return pointer;
}

Json value_of(const Override& one, const Json* schema, const fs::path& cwd) {
    const bool text = schema != nullptr && schema->value("type", Json()) == "string";
    if (text && schema->value("format", "") == "path") {
        const bool url = one.value.find("://") != std::string::npos;
        return url || one.value.empty() ? one.value : (cwd / one.value).lexically_normal().string();
    }
    if (text) {
        return one.value;
    }
    Diagnostics diagnostics;
    const std::optional<YamlDocument> document = parse_yaml(one.value, "--set " + one.key, diagnostics);
    if (!document || diagnostics.has_errors()) {
        throw bad_override(one, fmt::format("cannot read the value '{}'", one.value),
                           "quote it as YAML does: key='\"text\"'");
    }
    return document->root;
}

/// Sets the value, making maps on the way; a null (`- audit:`) becomes a map.
void store(const Override& one, Json& root, const std::string& pointer, Json value) {
    Json* at = &root;
    for (std::size_t start = 1; start <= pointer.size();) {
        const std::size_t slash = std::min(pointer.find('/', start), pointer.size());
        const std::string key = pointer.substr(start, slash - start);
        if (at->is_array()) {
            at = &at->at(std::stoul(key));
        } else if (at->is_object() || at->is_null()) {
            at = &(*at)[key];
        } else {
            throw bad_override(one, fmt::format("'{}' is not a map", pointer.substr(1, start - 2)));
        }
        start = slash + 1;
    }
    *at = std::move(value);
}

Error secret_on_command_line(const Override& one) {
    return bad_override(
        one, "a secret is not given on the command line, where others can read it",
        "put it into a file or an environment variable and name that: secrets: {token: {file: "
        "token.txt}}, then write ${secrets.token} in the recipe");
}

/// A text that names where the secret is, says that there is none, or is nothing at all.
bool is_harmless(const std::string& key, const std::string& value) {
    return value.empty() || value.find("${") != std::string::npos || key.ends_with("-file") ||
           key.starts_with("keep-") || value.starts_with("file:") || value == "random" || value == "disabled";
}

/// Whether the value, as far as it can be read, has a secret anywhere: `stages.two={password: x}`. `inside`:
/// a key above it says that all below is one (`password: {ann: x}`).
bool holds_secret(const Json& value, const std::string& key, bool inside) {
    const bool secret = inside || is_secret_key(key);
    if (value.is_structured()) {
        for (const auto& item : value.items()) {
            if (holds_secret(item.value(), value.is_object() ? item.key() : key, secret)) {
                return true;
            }
        }
        return false;
    }
    if (value.is_null() || value.is_boolean() || !secret) {
        return false;
    }
    return !is_harmless(key, value.is_string() ? value.get<std::string>() : value.dump());
}

/// Where a secret comes from: {file: …}, {env: …} or {command: …}, and not the secret itself.
bool is_source(const Json& value) {
    return value.is_object() && value.size() == 1 &&
           (value.contains("file") || value.contains("env") || value.contains("command"));
}

/// `secrets.token.file=…` names a source, `secrets={token: {file: …}}` and `secrets.token={file: …}` do too.
bool names_sources(const Override& one, const Json& value) {
    const auto dots = std::count(one.key.begin(), one.key.end(), '.');
    if (dots > 1) {
        const std::string last = one.key.substr(one.key.rfind('.') + 1);
        return last == "file" || last == "env" || last == "command";
    }
    if (dots == 1) {
        return is_source(value);
    }
    return value.is_object() && std::all_of(value.begin(), value.end(), is_source);
}

/// The command line is seen by every user of the host (ps), and kept by the shell. What is in a map counts
/// like what is given by itself.
void refuse_secret(const Override& one) {
    Diagnostics ignored;
    const std::optional<YamlDocument> document = parse_yaml(one.value, "--set " + one.key, ignored);
    const Json value = document && !ignored.has_errors() ? document->root : Json(one.value);
    if (one.key == "secrets" || one.key.starts_with("secrets.")) {
        if (!names_sources(one, value)) {
            throw secret_on_command_line(one);
        }
        return;
    }
    const std::vector<std::string> words = split(one.key);
    const bool inside = std::any_of(words.begin(), words.end() - 1,
                                    [](const std::string& word) { return is_secret_key(word); });
    if (holds_secret(value, words.back(), inside)) {
        throw secret_on_command_line(one);
    }
}

}  // namespace

Override parse_override(const std::string& text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
        throw Error(Failure::usage, fmt::format("--set '{}' is not key=value", text),
                    "for example --set machine.memory=2G");
    }
    return {text.substr(0, equals), text.substr(equals + 1)};
}

std::vector<std::string> stage_names(const Json& root) {
    std::vector<std::string> names;
    std::set<std::string> taken;
    std::map<std::string, int> next;  // so that a recipe of thousands of stages takes no minutes
    const Json stages = root.is_object() ? root.value("stages", Json::array()) : Json::array();
    for (const Json& stage : stages.is_array() ? stages : Json::array()) {
        std::string name;
        if (stage.is_object() && stage.size() == 1) {
            const Json& options = stage.begin().value();
            const bool named = options.is_object() && options.contains("name") && options["name"].is_string();
            const std::string type = stage.begin().key();
            name = named ? options["name"].get<std::string>() : type;
            while (!named && taken.contains(name)) {
                const auto [number, first] = next.try_emplace(type, 2);
                name = fmt::format("{}-{}", type, number->second++);
            }
            taken.insert(name);
        }
        names.push_back(name);
    }
    return names;
}

void apply_overrides(YamlDocument& document, const std::vector<Override>& overrides, const Json& schema,
                     const fs::path& cwd) {
    Json& root = document.root;
    for (const Override& one : overrides) {
        refuse_secret(one);
        if (!root.is_object()) {
            continue;
        }
        const std::string pointer = pointer_of(one, root);
        if (one.key == "installer.iso" && root.contains("installer") && root["installer"].is_object()) {
            // Another medium: what the recipe says of its own medium (where from, which digest) does not hold
            // for it. Give installer.sha256 after it to have it verified.
            for (const char* const own :
                 {"archive", "sha256", "checksums", "signature", "keyring", "fingerprint", "packages"}) {
                root["installer"].erase(own);
            }
        }
        store(one, root, pointer, value_of(one, schema_at(schema, pointer), cwd));
        // An error in it is reported at the option, not at a line of the file that is not at error.
        document.forget(pointer);
        document.positions[pointer] = {0, 0, "--set " + one.key};
    }
}

}  // namespace imgforge::engine
