// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/store/attestation.hpp"

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/dsse.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/interrupt.hpp"

namespace fs = std::filesystem;

namespace imgforge::store {

namespace {

constexpr const char* statement_type = "https://in-toto.io/Statement/v1";
constexpr const char* predicate_type = "https://slsa.dev/provenance/v1";
constexpr const char* build_type = "https://imgforge.invalid/build/v1";
constexpr const char* builder_id = "https://imgforge.invalid/builder";
constexpr const char* payload_type = "application/vnd.in-toto+json";
constexpr std::uintmax_t envelope_limit = 64U << 20U;

Json descriptor(const std::string& name, const std::string& sha256) {
    Json one = {{"name", name}};
    if (!sha256.empty()) {
        one["digest"] = {{"sha256", sha256}};
    }
    return one;
}

/// The recipe, the media and answers, and the list of packages by its digest.
Json dependencies(const Json& manifest) {
    Json list = Json::array();
    const Json recipe = manifest.value("recipe", Json::object());
    list.push_back(
        descriptor("recipe " + recipe.value("name", std::string()), recipe.value("sha256", std::string())));
    for (const Json& input : manifest.value("inputs", Json::array())) {
        Json one = descriptor(input.value("name", std::string()), input.value("sha256", std::string()));
        if (input.contains("source") && input.at("source").is_string()) {
            one["uri"] = input.at("source");
        }
        list.push_back(std::move(one));
    }
    const Json files = manifest.value("files", Json::object());
    if (files.contains("packages.json")) {
        list.push_back(descriptor("packages.json", files.at("packages.json").get<std::string>()));
    }
    return list;
}

Json byproducts(const Json& manifest) {
    Json list = Json::array();
    // A variable: items() only refers to what it walks over.
    const Json files = manifest.value("files", Json::object());
    for (const auto& [name, digest] : files.items()) {
        list.push_back(descriptor(name, digest.get<std::string>()));
    }
    return list;
}

void check_subjects(const Json& statement, const fs::path& folder, const fs::path& disk,
                    std::vector<std::string>& problems) {
    bool disk_named = false;
    for (const Json& subject : statement.at("subject")) {
        const std::string name = subject.at("name");
        const std::string wanted = subject.at("digest").at("sha256");
        const bool is_disk = name == "disk.qcow2";
        disk_named = disk_named || is_disk;
        if (fs::path(name).filename() != name) {
            problems.push_back(fmt::format("the statement names a path, '{}'", name));
            continue;
        }
        const fs::path file = is_disk ? disk : folder / name;
        if (!fs::exists(file)) {
            problems.push_back(fmt::format("{} is missing", file.string()));
            continue;
        }
        const std::string found = sha256_file(file, [](std::uint64_t) { interrupt::check(); });
        if (found != wanted) {
            problems.push_back(
                fmt::format("{} was changed: its digest is {}, signed was {}", file.string(), found, wanted));
        }
    }
    if (!disk_named) {
        problems.push_back("the statement is not about a disk");
    }
}

}  // namespace

Json provenance(const Json& manifest, const std::string& manifest_sha256) {
    const Json disk = manifest.at("disk");
    const Json recipe = manifest.value("recipe", Json::object());
    return {{"_type", statement_type},
            {"subject", Json::array({descriptor("disk.qcow2", disk.at("sha256")),
                                     descriptor("manifest.json", manifest_sha256)})},
            {"predicateType", predicate_type},
            {"predicate",
             {{"buildDefinition",
               {{"buildType", build_type},
                {"externalParameters",
                 {{"recipe", recipe.value("name", std::string())},
                  {"os", recipe.value("os", std::string())},
                  {"overrides", recipe.value("overrides", Json::array())}}},
                {"internalParameters", {{"stages", manifest.value("stages", Json::array())}}},
                {"resolvedDependencies", dependencies(manifest)}}},
              {"runDetails",
               {{"builder", {{"id", builder_id}, {"version", manifest.value("tools", Json::object())}}},
                {"metadata",
                 {{"invocationId", fmt::format("{}@{}", manifest.value("image", std::string()),
                                               manifest.value("generation", 0))},
                  {"finishedOn", manifest.value("created", std::string())}}},
                {"byproducts", byproducts(manifest)}}}}}};
}

Json signed_envelope(const Json& statement, const SigningKey& key) {
    return seal_envelope(canonical(statement), payload_type, key);
}

AttestationCheck check_attestation(const fs::path& folder, const fs::path& disk, const SigningKey& key) {
    AttestationCheck check;
    const fs::path file = folder / attestation_name;
    const Json envelope = parse_json(read_file(file, envelope_limit), file.string());
    try {
        const auto payload = signed_payload(envelope, payload_type, key);
        if (!payload) {
            check.problems.push_back(
                fmt::format("{} has no signature by the key {}", file.string(), key.id()));
            return check;
        }
        check.key_id = key.id();
        check.statement = parse_json(*payload, file.string());
        if (check.statement.at("_type") != statement_type ||
            check.statement.at("predicateType") != predicate_type) {
            check.problems.push_back(fmt::format("{} holds another kind of statement", file.string()));
            return check;
        }
        check_subjects(check.statement, folder, disk, check.problems);
    } catch (const Json::exception& error) {
        throw Error(Failure::integrity, fmt::format("{} is damaged: {}", file.string(), error.what()));
    }
    return check;
}

}  // namespace imgforge::store
