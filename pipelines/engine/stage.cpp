// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/engine/stage.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/file.hpp"
#include "builder/base/redact.hpp"

namespace fs = std::filesystem;

namespace imgforge::engine {
namespace {

constexpr std::uintmax_t line_digest_limit = 1U << 20U;
constexpr std::size_t line_digest_length = 8;
constexpr std::size_t shown_value_length = 60;

std::vector<std::string> line_digests(const std::string& text) {
    std::vector<std::string> digests;
    if (text.find('\0') != std::string::npos) {
        return digests;
    }
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        digests.push_back(
            sha256_hex(std::string_view(text).substr(at, end - at)).substr(0, line_digest_length));
        at = end + 1;
    }
    return digests;
}

/// Short plain values are shown in explanations; what could be long or secret is distinguished by its digest
/// only.
Ingredient leaf(const std::string& name, const std::string& key, const Json& value) {
    const std::string text = canonical(value);
    const bool plain = value.is_primitive() && text.size() <= shown_value_length && !is_secret_key(key) &&
                       redact(text) == text;
    Ingredient ingredient{.name = name, .value = plain ? text : "sha256:" + sha256_hex(text).substr(0, 32)};
    ingredient.shown = plain;
    return ingredient;
}

void add_leaves(const std::string& name, const std::string& key, const Json& value,
                std::vector<Ingredient>& list) {
    if (value.is_object() && !value.empty()) {
        for (const auto& item : value.items()) {
            add_leaves(name.empty() ? item.key() : name + "." + item.key(),
                       is_secret_key(key) ? key : item.key(), item.value(), list);
        }
        return;
    }
    list.push_back(leaf(name, key, value));
}

}  // namespace

void StageType::check(const RecipeFacts&, const Json&, const YamlDocument&, const std::string&,
                      Diagnostics&) const {}

std::vector<Ingredient> StageType::ingredients(const RecipeFacts&, const Json&) const {
    return {};
}

bool StageType::still_valid(const StageResult&, const Host&, std::string&) const {
    return true;
}

void StageType::reused(StageTask&, const StageResult&) const {}

void StageType::run_group(std::span<StageTask> tasks, std::span<const StageType* const> types,
                          const Publish& publish) const {
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        publish(i, types[i]->run(tasks[i]));
    }
}

Ingredient file_ingredient(std::string name, const fs::path& path) {
    std::error_code code;
    if (!fs::exists(path, code)) {
        return {.name = std::move(name), .value = "missing"};
    }
    Ingredient ingredient{.name = std::move(name), .value = {}};
    if (fs::file_size(path, code) <= line_digest_limit && !code) {
        const std::string text = read_file(path);
        ingredient.value = sha256_hex(text);
        ingredient.line_digests = line_digests(text);
    } else {
        ingredient.value = sha256_file(path);
    }
    return ingredient;
}

Ingredient file_ingredient(std::string name, const fs::path& path, const RecipeFacts& recipe) {
    std::error_code code;
    const std::uintmax_t size = fs::file_size(path, code);
    if (code || size <= line_digest_limit || !recipe.digest_of) {
        return file_ingredient(std::move(name), path);
    }
    return {.name = std::move(name), .value = recipe.digest_of(path)};
}

Ingredient named_file_ingredient(const fs::path& path, const RecipeFacts& recipe) {
    Ingredient ingredient = file_ingredient(path.filename().string(), path, recipe);
    ingredient.kind = Ingredient::Kind::file;
    return ingredient;
}

std::vector<Ingredient> value_ingredients(const std::string& prefix, const Json& value) {
    std::vector<Ingredient> list;
    const std::size_t dot = prefix.find_last_of(". ");
    add_leaves(prefix, dot == std::string::npos ? prefix : prefix.substr(dot + 1), value, list);
    return list;
}

Ingredient tool_ingredient(std::string_view program) {
    Ingredient ingredient{.name = fmt::format("tool {}", program), .value = "missing"};
    struct stat status {};
    if (const auto path = find_program(program); path && ::stat(path->c_str(), &status) == 0) {
        // dpkg keeps the modification times of the package, so the same package gives the same identity on
        // every host.
        ingredient.value = fmt::format("{} bytes of {}", status.st_size, iso_time(status.st_mtim.tv_sec));
    }
    return ingredient;
}

}  // namespace imgforge::engine
