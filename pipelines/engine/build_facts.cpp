// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/engine/build_facts.hpp"

namespace imgforge::engine {
namespace {

template <typename T>
void take(std::optional<T>& into, const std::optional<T>& later) {
    if (later) {
        into = later;
    }
}

using Texts = std::vector<std::string>;

Json install_json(const InstallFacts& install) {
    return {{"product", install.product},
            {"medium", install.label},
            {"kernel", install.kernel},
            {"boot_loader", install.boot_loader},
            {"installer_seconds", install.seconds},
            {"acceleration", install.acceleration}};
}

InstallFacts install_facts(const Json& record) {
    const Json& install = record.at("install");
    return {.os = record.value("os", ""),
            .product = install.value("product", ""),
            .label = install.value("medium", ""),
            .kernel = install.value("kernel", ""),
            .boot_loader = install.value("boot_loader", ""),
            .seconds = install.value("installer_seconds", 0.0),
            .acceleration = install.value("acceleration", "")};
}

std::optional<MediumFacts> medium_facts(const Json& record) {
    if (record.contains("medium")) {
        return MediumFacts{.sha256 = record.at("medium").at("sha256"),
                           .verified_by = record.at("medium").value("verified_by", "")};
    }
    // Layers of imgforge 0.1: the stages install and fetch had a key each.
    const std::string sha256 =
        record.value("medium_sha256", record.value("install", Json::object()).value("medium_sha256", ""));
    if (sha256.empty()) {
        return std::nullopt;
    }
    return MediumFacts{.sha256 = sha256, .verified_by = record.value("medium_verified_by", "")};
}

CustomizedFacts customized_facts(const Json& customized) {
    return {.paths = customized.value("paths", Texts()),
            .passwords = customized.value("passwords", Texts()),
            .users = customized.value("users", Texts()),
            .sudo = customized.value("sudo", Texts()),
            .hostname = customized.value("hostname", "")};
}

PublishedFacts published_facts(const Json& record) {
    const Json& image = record.at("image");
    return {.image = image.at("name"),
            .generation = record.at("generation"),
            .published = record.value("published", false),
            .candidate = record.value("candidate", false),
            .reason = record.value("publish_reason", ""),
            .disk = image.at("path").get<std::string>(),
            .sha256 = image.at("sha256"),
            .virtual_size = ByteSize::bytes(image.value("virtual_size", std::uint64_t{0})),
            .allocated_size = ByteSize::bytes(image.value("allocated_size", std::uint64_t{0})),
            .recipe_base = record.value("recipe_base", "")};
}

void add_published(Json& record, const BuildFacts& facts) {
    record["generation"] = generation_json(facts);
    record["published"] = facts.published->published;
    record["candidate"] = facts.published->candidate;
    record["publish_reason"] = facts.published->reason;
    record["image"] = image_json(facts);
    record["recipe_base"] = facts.published->recipe_base;
}

}  // namespace

void BuildFacts::update(const BuildFacts& later) {
    take(medium, later.medium);
    take(install, later.install);
    take(customized, later.customized);
    take(sysprep, later.sysprep);
    take(audit, later.audit);
    take(compact, later.compact);
    take(published, later.published);
    take(proof, later.proof);
    take(verify, later.verify);
    if (!later.stated_images.empty()) {
        stated_images = later.stated_images;
    }
    if (!later.exports.empty()) {
        exports = later.exports;
    }
}

Json generation_json(const BuildFacts& facts) {
    return facts.published ? Json(facts.published->generation) : Json();
}

Json image_json(const BuildFacts& facts) {
    if (!facts.published) {
        return nullptr;
    }
    const PublishedFacts& published = *facts.published;
    return {{"name", published.image},
            {"path", published.disk.string()},
            {"sha256", published.sha256},
            {"virtual_size", published.virtual_size.in_bytes()},
            {"allocated_size", published.allocated_size.in_bytes()}};
}

Json verify_json(const VerifyFacts& facts) {
    Json checks = Json::array();
    for (const CheckFacts& check : facts.checks) {
        checks.push_back(
            {{"name", check.name}, {"ok", check.ok}, {"seconds", check.seconds}, {"output", check.output}});
    }
    return {{"checks", checks}};
}

VerifyFacts verify_facts(const Json& record) {
    VerifyFacts facts;
    for (const Json& check : record.value("checks", Json::array())) {
        facts.checks.push_back({.name = check.at("name"),
                                .ok = check.at("ok"),
                                .seconds = check.value("seconds", 0.0),
                                .output = check.value("output", "")});
    }
    return facts;
}

Json exports_json(const BuildFacts& facts) {
    Json list = Json::array();
    for (const ExportedFile& file : facts.exports) {
        list.push_back({{"path", file.path.string()},
                        {"format", file.format},
                        {"sha256", file.sha256},
                        {"size", file.size}});
    }
    return list;
}

Json to_json(const BuildFacts& facts) {
    Json record = Json::object();
    if (facts.medium) {
        record["medium"] = {{"sha256", facts.medium->sha256}, {"verified_by", facts.medium->verified_by}};
    }
    if (facts.install) {
        record["os"] = facts.install->os;
        record["install"] = install_json(*facts.install);
    }
    if (facts.customized) {
        const CustomizedFacts& customized = *facts.customized;
        record["customized"] = {{"paths", customized.paths},
                                {"passwords", customized.passwords},
                                {"users", customized.users},
                                {"sudo", customized.sudo},
                                {"hostname", customized.hostname}};
    }
    if (facts.sysprep) {
        record["sysprep_changes"] = facts.sysprep->changes;
        record["sysprep"] = {{"machine-id", facts.sysprep->machine_id},
                             {"keep", facts.sysprep->keep},
                             {"keep-passwords", facts.sysprep->keep_passwords}};
    }
    if (facts.audit) {
        record["audit"] = {{"clean", true}, {"waived", facts.audit->waived}};
    }
    if (facts.compact) {
        record["compact"] = {{"before", facts.compact->before},
                             {"after", facts.compact->after},
                             {"virtual_size", facts.compact->virtual_size.in_bytes()}};
    }
    if (facts.published) {
        add_published(record, facts);
    }
    if (facts.proof) {
        record["proof"] = {{"clones", facts.proof->clones}, {"compared", facts.proof->compared}};
    }
    if (facts.verify) {
        record["verify"] = verify_json(*facts.verify);
    }
    for (const std::filesystem::path& file : facts.stated_images) {
        record["stated_images"].push_back(file.string());
    }
    if (!facts.exports.empty()) {
        record["exports"] = exports_json(facts);
    }
    return record;
}

BuildFacts build_facts(const Json& record) {
    BuildFacts facts{.medium = medium_facts(record)};
    if (record.contains("install")) {
        facts.install = install_facts(record);
    }
    if (const auto customized = record.find("customized"); customized != record.end()) {
        facts.customized = customized_facts(*customized);
    }
    if (const auto sysprep = record.find("sysprep"); sysprep != record.end()) {
        facts.sysprep = {.machine_id = sysprep->value("machine-id", "empty"),
                         .keep = sysprep->value("keep", Texts()),
                         .keep_passwords = sysprep->value("keep-passwords", Texts()),
                         .changes = record.value("sysprep_changes", std::size_t{0})};
    }
    if (const auto audit = record.find("audit"); audit != record.end()) {
        facts.audit = {.waived = audit->value("waived", std::size_t{0})};
    }
    if (const auto compact = record.find("compact"); compact != record.end()) {
        facts.compact = {.before = compact->value("before", std::uint64_t{0}),
                         .after = compact->value("after", std::map<std::string, std::uint64_t>()),
                         .virtual_size = ByteSize::bytes(compact->value("virtual_size", std::uint64_t{0}))};
    }
    if (record.contains("image")) {
        facts.published = published_facts(record);
    }
    if (const auto proof = record.find("proof"); proof != record.end()) {
        facts.proof = {.clones = proof->value("clones", Texts()),
                       .compared = proof->value("compared", Texts())};
    }
    if (const auto verify = record.find("verify"); verify != record.end()) {
        facts.verify = verify_facts(*verify);
    }
    for (const std::string& file : record.value("stated_images", Texts())) {
        facts.stated_images.emplace_back(file);
    }
    for (const Json& file : record.value("exports", Json::array())) {
        facts.exports.push_back({.path = file.at("path").get<std::string>(),
                                 .format = file.at("format"),
                                 .sha256 = file.at("sha256"),
                                 .size = file.at("size")});
    }
    return facts;
}

}  // namespace imgforge::engine
