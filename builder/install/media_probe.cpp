// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/media_probe.hpp"

#include <algorithm>
#include <optional>
#include <regex>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/install/medium_likeness.hpp"
#include "builder/install/pattern_literal.hpp"
#include "templates/recognition.hpp"
#include "templates/refusal.hpp"

namespace imgforge::install {

namespace {

using templates::BootFiles;
using templates::Detection;
using templates::Distribution;

constexpr std::uint64_t marker_limit = 1U << 20U;

/// Names that mean one machine architecture, so that a row's boot files are found whatever the medium calls
/// it.
std::string canonical_arch(const std::string& arch) {
    if (arch == "amd64")
        return "x86_64";
    if (arch == "arm64")
        return "aarch64";
    if (arch == "ppc64el")
        return "ppc64le";
    return arch;
}

/// "$1" and alike replaced by the groups.
std::string filled(const std::string& text, const std::smatch& groups) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool reference =
            text[i] == '$' && i + 1 < text.size() && text[i + 1] >= '0' && text[i + 1] <= '9';
        if (reference) {
            const auto group = static_cast<std::size_t>(text[++i] - '0');
            out += group < groups.size() ? groups[group].str() : std::string{};
        } else {
            out += text[i];
        }
    }
    return out;
}

/// regex_search; the regular expression is made only when the text has what all its matches have.
bool found_in(const std::string& text, std::smatch& groups, const std::string& pattern) {
    return text.find(required_literal(pattern)) != std::string::npos &&
           std::regex_search(text, groups, std::regex(pattern));
}

class Prober {
public:
    explicit Prober(const image::IsoReader& iso) : iso_(iso) {}

    /// The captures of a rule when all of it holds.
    std::optional<std::map<std::string, std::string>> match(const Detection& rule) {
        std::map<std::string, std::string> captures;
        std::smatch groups;
        const std::string& label = iso_.volume().label;
        if (!rule.label.empty() && !found_in(label, groups, rule.label))
            return std::nullopt;
        for (const std::string& file : rule.files) {
            if (!exists(file))
                return std::nullopt;
        }
        for (const std::string& file : rule.absent) {
            if (exists(file))
                return std::nullopt;
        }
        std::string text;
        if (!rule.file.empty()) {
            const std::optional<std::string>& content = read(rule.file);
            if (!content)
                return std::nullopt;
            text = *content;
            if (!found_in(text, groups, rule.match))
                return std::nullopt;
        }
        for (const auto& [name, value] : rule.captures)
            captures[name] = filled(value, groups);
        return captures;
    }

    bool exists(const std::string& path) {
        const auto known = known_.find(path);
        if (known != known_.end())
            return known->second;
        return known_[path] = iso_.exists(path);
    }

    const std::optional<std::string>& read(const std::string& path) {
        const auto known = texts_.find(path);
        if (known != texts_.end())
            return known->second;
        return texts_[path] = exists(path) ? iso_.read_if_file(path, marker_limit) : std::nullopt;
    }

private:
    const image::IsoReader& iso_;
    std::map<std::string, bool> known_;
    std::map<std::string, std::optional<std::string>> texts_;
};

/// Volume ids write "9-4" for what the publisher calls 9.4.
std::string published_version(const std::string& version) {
    static const std::regex dashed("([0-9])-(?=[0-9])");
    return std::regex_replace(version, dashed, "$1.");
}

const BootFiles* boot_files(const Distribution& row, const std::string& arch, Prober& prober) {
    for (const BootFiles& files : row.boot) {
        const bool right_arch = arch.empty() || canonical_arch(files.arch) == canonical_arch(arch);
        if (right_arch && prober.exists(files.kernel) && prober.exists(files.initrd))
            return &files;
    }
    return nullptr;
}

void refuse_foreign(const image::IsoReader& iso, Prober& prober) {
    for (const templates::Refusal& refusal : templates::refusals()) {
        const auto& rules = refusal.detect;
        if (std::any_of(rules.begin(), rules.end(),
                        [&](const Detection& rule) { return prober.match(rule).has_value(); }))
            throw Error(Failure::recipe, fmt::format("{} is a {} ISO, which imgforge cannot "
                                                     "install: {}",
                                                     iso.file().string(), refusal.product, refusal.reason));
    }
}

void reject_if_unusable(const Distribution& row, const image::IsoReader& iso, Prober& prober) {
    for (const Detection& rule : row.reject) {
        if (prober.match(rule))
            throw Error(
                Failure::recipe,
                fmt::format("{} cannot be installed from unattended: {}", iso.file().string(), rule.reason),
                fmt::format("its files identify it as {}", row.product));
    }
}

std::map<std::string, std::string> medium_facts(const Distribution& row, const image::IsoReader& iso,
                                                Prober& prober) {
    std::map<std::string, std::string> facts{{"label", iso.volume().label}};
    if (!iso.volume().created.empty())
        facts["iso_uuid"] = iso.volume().created;
    for (const templates::MediumFact& fact : row.facts) {
        const std::optional<std::string>& text = prober.read(fact.file);
        std::smatch groups;
        if (text && std::regex_search(*text, groups, std::regex(fact.match)))
            facts[fact.name] = groups.size() > 1 ? groups[1].str() : groups[0].str();
        else
            facts.try_emplace(fact.name, fact.fallback);
    }
    return facts;
}

MediaInfo describe(const Distribution& row, std::map<std::string, std::string> captures,
                   const image::IsoReader& iso, Prober& prober) {
    const BootFiles* files = boot_files(row, captures["arch"], prober);
    if (files == nullptr)
        throw Error(Failure::recipe,
                    fmt::format("{} is an ISO of {} {}, but its kernel and initrd are not where that "
                                "distribution keeps them",
                                iso.file().string(), row.product, captures["version"]),
                    "the image may be incomplete: compare its checksum with the publisher's");
    const bool offline = std::any_of(row.offline_files.begin(), row.offline_files.end(),
                                     [&](const std::string& path) { return prober.exists(path); });
    return {.distribution = row.name,
            .family = row.family,
            .product = captures["product"].empty() ? row.product : captures["product"],
            .version = captures["version"].empty() ? row.version : published_version(captures["version"]),
            .arch = captures["arch"].empty() ? files->arch : captures["arch"],
            .label = iso.volume().label,
            .kernel = files->kernel,
            .initrd = files->initrd,
            .offline = offline,
            .installer = row.installer,
            .facts = medium_facts(row, iso, prober)};
}

}  // namespace

MediaInfo probe_media(const image::IsoReader& iso, const std::vector<templates::Distribution>& rows) {
    Prober prober(iso);
    for (const Distribution& row : rows) {
        for (const Detection& rule : row.detect) {
            if (std::optional<std::map<std::string, std::string>> captures = prober.match(rule)) {
                reject_if_unusable(row, iso, prober);
                return describe(row, *std::move(captures), iso, prober);
            }
        }
    }
    // No release matched: the rejections know media of a family without a usable release (mini.iso, live).
    for (const Distribution& row : rows)
        reject_if_unusable(row, iso, prober);
    refuse_foreign(iso, prober);
    throw unknown_medium(iso, rows);
}

MediaInfo probe_media(const std::filesystem::path& file) {
    const image::IsoReader iso(file);
    Prober prober(iso);
    std::optional<std::map<std::string, std::string>> captures;
    const std::optional<std::string> name = templates::first_distribution(
        [&](const Detection& rule) { return (captures = prober.match(rule)).has_value(); });
    if (!name)
        return probe_media(iso, templates::distributions());
    const Distribution& row = templates::distribution(*name);
    reject_if_unusable(row, iso, prober);
    return describe(row, *std::move(captures), iso, prober);
}

Json to_json(const MediaInfo& info) {
    return {{"family", info.family},      {"product", info.product}, {"version", info.version},
            {"arch", info.arch},          {"label", info.label},     {"kernel", info.kernel},
            {"initrd", info.initrd},      {"offline", info.offline}, {"distribution", info.distribution},
            {"installer", info.installer}};
}

}  // namespace imgforge::install
