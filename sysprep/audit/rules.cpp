// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/audit/rules.hpp"

#include <fmt/format.h>

namespace imgforge::sysprep::audit {

namespace {

std::set<std::string> string_set(const Json& json, const char* key) {
    const Json list = json.value(key, Json::array());
    return {list.begin(), list.end()};
}

std::vector<GuestRule> all_guest_rules() {
    std::vector<GuestRule> all = identity_rules();
    for (auto more : {access_rules(), boot_rules(), leftover_rules(), settings_rules(), cleaned_rules(),
                      site_rules(), name_rules(), opaque_rules()}) {
        all.insert(all.end(), more.begin(), more.end());
    }
    return all;
}

std::vector<Finding> image_is_alone(const ImageFacts& facts) {
    std::vector<Finding> out;
    if (facts.info.backing_file && !facts.overlay_expected) {
        out.push_back(leftover(facts.info.file.filename().string(),
                               fmt::format("has the backing file '{}'", *facts.info.backing_file)));
    }
    for (const std::string& name : facts.info.snapshots) {
        out.push_back(
            leftover(facts.info.file.filename().string(),
                     fmt::format("holds the internal snapshot '{}': old data survives in it", name)));
    }
    for (const std::string& name : facts.info.bitmaps) {
        out.push_back(
            leftover(facts.info.file.filename().string(), fmt::format("holds the bitmap '{}'", name)));
    }
    return out;
}

std::vector<Finding> image_is_sound(const ImageFacts& facts) {
    std::vector<Finding> out;
    const std::string file = facts.info.file.filename().string();
    if (!facts.check.clean()) {
        out.push_back(
            leftover(file, fmt::format("qemu-img check: {} corruptions, {} leaked clusters, {} errors",
                                       facts.check.corruptions, facts.check.leaks, facts.check.errors)));
    }
    if (facts.info.dirty || facts.info.corrupt) {
        out.push_back(
            leftover(file, facts.info.corrupt ? "is marked corrupt" : "was not closed cleanly (dirty flag)"));
    }
    return out;
}

/// SYSPREP.md 2.6: freed blocks that are neither zeroed nor trimmed show as a file much larger than what the
/// guest uses.
std::vector<Finding> image_is_sparse(const ImageFacts& facts) {
    constexpr std::uint64_t slack = 256ULL << 20U;
    if (facts.used_bytes == 0 || facts.overlay_expected ||
        facts.allocated_bytes <= facts.used_bytes + facts.used_bytes / 2 + slack) {
        return {};
    }
    return {leftover(facts.info.file.filename().string(),
                     fmt::format("{} allocated for {} in use: deleted data was not dropped",
                                 ByteSize::bytes(facts.allocated_bytes).text(),
                                 ByteSize::bytes(facts.used_bytes).text()))};
}

}  // namespace

/// The file, or a directory above it.
static bool is_named(const std::set<std::string>& named, const std::string& path) {
    for (std::size_t end = path.size(); end != std::string::npos && end > 0; end = path.rfind('/', end - 1)) {
        if (named.contains(path.substr(0, end))) {
            return true;
        }
    }
    return false;
}

Finding leftover(std::string path, std::string detail) {
    return {.path = std::move(path), .layer = "structure", .detail = std::move(detail)};
}

Expectations expectations_from_json(const Json& json) {
    Expectations out;
    out.machine_id = json.value("machine-id", out.machine_id);
    out.users = string_set(json, "users");
    out.passwords = string_set(json, "passwords");
    out.sudo = string_set(json, "sudo");
    out.hostname = json.value("hostname", std::string{});
    out.autorelabel = json.value("autorelabel", false);
    out.cloud_init_disabled = json.value("cloud-init-disabled", false);
    return out;
}

const std::vector<GuestRule>& guest_rules() {
    static const std::vector<GuestRule> all = all_guest_rules();
    return all;
}

std::vector<Finding> check_guest(const GuestFacts& facts) {
    std::vector<Finding> out;
    std::set<std::string> named;
    for (const GuestRule& rule : guest_rules()) {
        // Rules made of tables say less than those written for a file: one finding per file is enough.
        const bool general = rule.name.starts_with("left:") || rule.name.starts_with("site:");
        for (Finding& finding : rule.check(facts)) {
            if (general && is_named(named, finding.path)) {
                continue;
            }
            named.insert(finding.path);
            finding.rule = rule.name;
            out.push_back(std::move(finding));
        }
    }
    return out;
}

const std::vector<ImageRule>& image_rules() {
    static const std::vector<ImageRule> all{
        {"image-standalone", "no backing file, internal snapshots or bitmaps", "SYSPREP.md 4.10",
         image_is_alone},
        {"image-sound", "qemu-img check finds nothing", "SYSPREP.md 4.10", image_is_sound},
        {"image-sparse", "about as much allocated as the guest uses", "SYSPREP.md 4.14", image_is_sparse},
    };
    return all;
}

std::vector<Finding> check_image(const ImageFacts& facts) {
    std::vector<Finding> out;
    for (const ImageRule& rule : image_rules()) {
        for (Finding& finding : rule.check(facts)) {
            finding.rule = rule.name;
            out.push_back(std::move(finding));
        }
    }
    return out;
}

}  // namespace imgforge::sysprep::audit
