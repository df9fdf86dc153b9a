// SPDX-License-Identifier: GPL-3.0-or-later
// openSUSE and SLES 16 (Agama). Not run against a real installer here: checked by the profile's documented
// keys.
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "seeds/answer_formats.hpp"
#include "seeds/target_script.hpp"

namespace imgforge::seeds {
namespace {

constexpr const char* marker_name = "imgforge-result";

Json script(const std::string& name, const std::string& body) {
    return {{"name", name}, {"chroot", true}, {"content", "#!/bin/sh\nset -e\n" + body}};
}

Json storage(const Answers& answers, const AnswerFacts& facts) {
    using Layout = AnswerDisk::Layout;
    const std::string disk = install_disk(answers, facts);
    const auto filesystem = [&](const char* path) {
        return Json{{"path", path}, {"type", answers.disk.filesystem}};
    };
    Json partitions = Json::array({{{"search", "*"}, {"delete", true}}});
    if (answers.disk.layout == Layout::lvm) {
        Json volumes = Json::array({{{"name", "root"}, {"filesystem", filesystem("/")}}});
        if (answers.disk.swap > 0) {
            volumes.push_back({{"name", "swap"},
                               {"size", fmt::format("{} MiB", answers.disk.swap)},
                               {"filesystem", {{"path", "swap"}}}});
        }
        return {
            {"drives",
             Json::array({{{"search", disk}, {"alias", "system-disk"}, {"partitions", partitions}}})},
            {"volumeGroups",
             Json::array({{{"name", "system"},
                           {"physicalVolumes", Json::array({{{"generate", Json::array({"system-disk"})}}})},
                           {"logicalVolumes", volumes}}})}};
    }
    if (answers.disk.layout == Layout::separate) {
        partitions.push_back({{"filesystem", filesystem("/")}, {"size", {{"min", "6 GiB"}}}});
        partitions.push_back({{"filesystem", filesystem("/var")}, {"size", "3 GiB"}});
        partitions.push_back({{"filesystem", filesystem("/home")}, {"size", {{"min", "512 MiB"}}}});
    } else {
        partitions.push_back({{"filesystem", filesystem("/")}, {"size", {{"min", "3 GiB"}}}});
    }
    if (answers.disk.swap > 0) {
        partitions.push_back(
            {{"filesystem", {{"path", "swap"}}}, {"size", fmt::format("{} MiB", answers.disk.swap)}});
    }
    return {{"drives", Json::array({{{"search", disk}, {"partitions", partitions}}})}};
}

/// Agama's own names of products.
std::string product_id(const AnswerFacts& facts) {
    if (facts.product.find("Tumbleweed") != std::string::npos) {
        return "Tumbleweed";
    }
    if (facts.product.find("SUSE Linux Enterprise") != std::string::npos ||
        facts.product.find("SLE") != std::string::npos) {
        return "SLES";
    }
    const bool has_minor = facts.version.find('.') != std::string::npos;
    return fmt::format("Leap_{}{}", facts.version.empty() ? "16" : facts.version, has_minor ? "" : ".0");
}

}  // namespace

std::string agama_text(const Answers& answers, const AnswerFacts& facts) {
    const std::string keyboard = answers.keyboard_variant.empty()
                                     ? answers.keyboard
                                     : answers.keyboard + "(" + answers.keyboard_variant + ")";
    Json root{{"sshPublicKey",
               answers.root_ssh_keys.empty() ? Json(nullptr) : Json(answers.root_ssh_keys.front())}};
    // Agama insists on some way to log in as root or a user; a locked hash satisfies it.
    root["password"] = answers.root_password_hash.empty() ? "!" : answers.root_password_hash;
    root["hashedPassword"] = true;
    if (root["sshPublicKey"].is_null()) {
        root.erase("sshPublicKey");
    }
    Json post = Json::array();
    if (const std::string text = target_script(answers); !text.empty()) {
        post.push_back({{"name", "imgforge-post"}, {"chroot", true}, {"content", text}});
    }
    post.push_back(script(marker_name, marker_script(facts, "")));
    Json profile{{"product", {{"id", product_id(facts)}}},
                 {"localization",
                  {{"language", answers.locale}, {"keyboard", keyboard}, {"timezone", answers.timezone}}},
                 {"hostname", {{"static", full_name(answers)}}},
                 {"root", root},
                 {"storage", storage(answers, facts)},
                 {"software",
                  {{"patterns", Json::array({"base"})},
                   {"packages", answers.packages},
                   {"onlyRequired", !answers.recommends}}},
                 {"bootloader", {{"extraKernelParams", fmt::format("console={},115200n8", facts.console)}}},
                 {"scripts", {{"post", post}}}};
    return pretty(profile);
}

AnswerFiles agama_files(const std::string& text) {
    return {.iso_label = "OEMDRV",
            .iso = {{.path = "autoinst.json", .bytes = text}},
            .kernel_arguments = {"inst.finish=poweroff"},
            .main_file = "autoinst.json"};
}

std::string agama_with_marker(const std::string& text, const AnswerFacts& facts) {
    Json profile;
    try {
        profile = Json::parse(text);
    } catch (const Json::parse_error& fault) {
        throw Error(Failure::recipe,
                    "the Agama profile is not JSON, so the completion marker cannot be added",
                    "a jsonnet profile must be evaluated first");
    }
    profile["scripts"]["post"].push_back(script(marker_name, marker_script(facts, "")));
    return pretty(profile);
}

}  // namespace imgforge::seeds
