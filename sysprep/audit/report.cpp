// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/audit/report.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "builder/base/printable.hpp"

namespace imgforge::sysprep::audit {

bool matches_pattern(std::string_view pattern, std::string_view text) {
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t star = std::string_view::npos;
    std::size_t mark = 0;
    while (t < text.size()) {
        if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t]) && pattern[p] != '*') {
            ++p;
            ++t;
        } else if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            mark = t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++mark;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

std::vector<Waiver> waivers_from_json(const Json& list) {
    std::vector<Waiver> out;
    for (const Json& entry : list) {
        out.push_back({.rule = entry.at("rule").get<std::string>(),
                       .path = entry.value("path", std::string("*")),
                       .reason = entry.at("reason").get<std::string>(),
                       .package = entry.value("package", std::string()),
                       .sha256 = entry.value("sha256", std::string())});
    }
    return out;
}

const std::vector<Waiver>& standard_waivers() {
    // SYSPREP.md 1C, C9 and C10: boot loader entries carry the old machine-id in their names; renaming them
    // breaks saved_entry.
    static const std::vector<Waiver> all{
        {"needle:machine-id", "/boot/grub*/grubenv",
         "saved_entry names a boot entry (SYSPREP C9); renaming it would break the boot"},
        {"needle:machine-id", "/boot/efi/EFI/*/grubenv",
         "saved_entry names a boot entry (SYSPREP C9); renaming it would break the boot"},
        {"needle:machine-id", "/boot/loader/entries/*",
         "name of a boot entry (SYSPREP C10); the boot loader needs it"},
        {"needle:machine-id", "/boot/efi/loader/entries/*",
         "name of a boot entry (SYSPREP C10); the boot loader needs it"},
    };
    return all;
}

Json to_json(const Finding& finding) {
    return Json{{"rule", finding.rule},
                {"path", finding.path},
                {"offset", finding.offset ? Json(*finding.offset) : Json()},
                {"layer", finding.layer},
                {"waived", finding.waived},
                {"reason", finding.waived ? finding.reason : finding.detail},
                {"detail", finding.detail},
                {"count", finding.count}};
}

Json to_private_json(const Finding& finding) {
    Json json = to_json(finding);
    json["fingerprint"] = finding.fingerprint;
    return json;
}

Finding finding_from_json(const Json& json) {
    Finding finding{.rule = json.at("rule"),
                    .path = json.at("path"),
                    .layer = json.at("layer"),
                    .detail = json.at("detail")};
    if (!json.at("offset").is_null()) {
        finding.offset = json.at("offset").get<std::uint64_t>();
    }
    finding.count = json.value("count", std::uint64_t{1});
    finding.waived = json.at("waived");
    finding.reason = finding.waived ? json.at("reason").get<std::string>() : std::string{};
    finding.fingerprint = json.value("fingerprint", std::string{});
    return finding;
}

std::vector<Finding> merge_findings(std::vector<Finding> findings) {
    std::map<std::tuple<std::string, std::string, std::string, std::string, std::string>, Finding> merged;
    for (Finding& finding : findings) {
        // With the fingerprint: a waiver for one secret must not cover another at the same place.
        auto key = std::tuple(finding.rule, finding.layer, finding.path, finding.detail, finding.fingerprint);
        const auto [place, is_new] = merged.try_emplace(std::move(key), finding);
        if (!is_new) {
            place->second.count += finding.count;
            if (finding.offset && (!place->second.offset || *finding.offset < *place->second.offset)) {
                place->second.offset = finding.offset;
            }
        }
    }
    std::vector<Finding> out;
    for (auto& [key, finding] : merged) {
        out.push_back(std::move(finding));
    }
    return out;
}

std::vector<std::string> apply_waivers(std::vector<Finding>& findings, const std::vector<Waiver>& own) {
    std::vector<bool> used(own.size(), false);
    const auto waive = [&](Finding& finding, const Waiver& waiver) {
        const bool covers = matches_pattern(waiver.rule, finding.rule) &&
                            matches_pattern(waiver.path, finding.path) &&
                            (waiver.package.empty() || matches_pattern(waiver.package, finding.package)) &&
                            (waiver.sha256.empty() || waiver.sha256 == finding.sha256);
        if (covers && !finding.waived) {
            finding.waived = true;
            finding.reason = waiver.reason;
        }
        return covers;
    };
    std::map<std::string, const Finding*> waived_secrets;
    for (Finding& finding : findings) {
        for (const Waiver& waiver : standard_waivers()) {
            waive(finding, waiver);
        }
        for (std::size_t i = 0; i < own.size(); ++i) {
            used[i] = waive(finding, own[i]) || used[i];
        }
    }
    for (const Finding& finding : findings) {
        if (finding.waived && finding.layer == "content" && !finding.fingerprint.empty()) {
            waived_secrets.try_emplace(finding.fingerprint, &finding);
        }
    }
    for (Finding& finding : findings) {
        const auto same = waived_secrets.find(finding.fingerprint);
        if (!finding.waived && finding.layer == "disk" && same != waived_secrets.end()) {
            finding.waived = true;
            finding.reason =
                fmt::format("the same bytes as in {}: {}", same->second->path, same->second->reason);
        }
    }
    std::vector<std::string> warnings;
    for (std::size_t i = 0; i < own.size(); ++i) {
        if (!used[i] && !own[i].optional) {
            warnings.push_back(fmt::format("the waiver for rule '{}', path '{}' covers nothing: remove it",
                                           own[i].rule, own[i].path));
        }
    }
    return warnings;
}

bool Report::clean() const {
    return unwaived() == 0;
}

std::size_t Report::unwaived() const {
    return static_cast<std::size_t>(std::count_if(findings.begin(), findings.end(),
                                                  [](const Finding& finding) { return !finding.waived; }));
}

Json Report::to_json() const {
    Json list = Json::array();
    for (const Finding& finding : findings) {
        list.push_back(audit::to_json(finding));
    }
    return Json{{"clean", clean()}, {"findings", std::move(list)}, {"coverage", coverage}};
}

std::string Report::text() const {
    std::string out;
    for (const bool waived : {false, true}) {
        for (const Finding& finding : findings) {
            if (finding.waived != waived) {
                continue;
            }
            const std::string place =
                finding.offset ? fmt::format("{} at byte {}", printable(finding.path), *finding.offset)
                               : printable(finding.path);
            const std::string often = finding.count > 1 ? fmt::format(" ({} times)", finding.count) : "";
            out += fmt::format("{}  {:<26} {:<10} {}: {}{}{}\n", waived ? "waived" : "FOUND ", finding.rule,
                               finding.layer, place, printable(finding.detail), often,
                               waived ? " [" + finding.reason + "]" : "");
        }
    }
    const std::size_t open = unwaived();
    out += open == 0 ? fmt::format("clean: no leftovers ({} waived)\n", findings.size())
                     : fmt::format("{} leftover{} found ({} waived)\n", open, open == 1 ? "" : "s",
                                   findings.size() - open);
    return out;
}

}  // namespace imgforge::sysprep::audit
