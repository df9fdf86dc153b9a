// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/made_medium.hpp"

#include <algorithm>

#include "builder/base/digest.hpp"
#include "builder/base/file.hpp"
#include "templates/archive.hpp"

namespace imgforge::install {

namespace {

using templates::ArchiveSuite;

std::vector<std::string> sorted(std::vector<std::string> names) {
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

}  // namespace

std::string digest_of(const std::vector<std::string>& parts) {
    Hasher hasher;
    for (const std::string& part : parts)
        hasher.add(part).add("\n");
    return hasher.hex();
}

std::filesystem::path made_folder(const MediaRequest& request, const Places& places) {
    return places.media() / "made" / request_digest(request).substr(0, 16);
}

MadeMedium read_record(const std::filesystem::path& file) {
    const Json record = parse_json(read_file(file), file.string());
    MadeMedium made{.iso = file.parent_path() / record.at("file").get<std::string>(),
                    .sha256 = record.at("sha256").get<std::string>(),
                    .suite = record.at("suite").get<std::string>(),
                    .installer = record.at("installer").get<std::string>(),
                    .label = record.at("label").get<std::string>(),
                    .kernel_abi = record.at("kernel_abi").get<std::string>(),
                    .version = record.at("version").get<std::string>(),
                    .debs = record.at("debs").get<std::size_t>(),
                    .udebs = record.at("udebs").get<std::size_t>(),
                    .size = record.at("size").get<std::uint64_t>(),
                    .reused = true,
                    .notes = record.at("notes").get<std::vector<std::string>>(),
                    .sources = record.value("sources", Json::array())};
    return made;
}

void write_record(const MadeMedium& made, const std::string& fingerprint) {
    Json record = to_json(made);
    record["file"] = made.iso.filename().string();
    record["sources"] = made.sources;
    write_file_atomically(made.iso.parent_path() / (fingerprint.substr(0, 16) + ".json"), pretty(record));
}

std::string request_digest(const MediaRequest& request) {
    const ArchiveSuite suite = templates::archive_suite(request.suite);
    std::vector<std::string> parts = {std::to_string(layout_revision), suite.suite, request.mirror};
    for (const auto* list : {&suite.packages, &suite.extra_packages, &suite.efi_packages, &suite.installers,
                             &suite.pool_udebs, &suite.initrd_udebs})
        parts.insert(parts.end(), list->begin(), list->end());
    for (const std::string& name : sorted(request.packages))
        parts.push_back("+" + name);
    return digest_of(parts);
}

std::optional<MadeMedium> find_made_medium(const MediaRequest& request, const Places& places) {
    std::optional<std::filesystem::path> newest;
    std::error_code failed;
    for (const auto& entry : std::filesystem::directory_iterator(made_folder(request, places), failed)) {
        if (entry.path().extension() == ".json" &&
            (!newest || entry.last_write_time() > std::filesystem::last_write_time(*newest)))
            newest = entry.path();
    }
    if (!newest)
        return std::nullopt;
    MadeMedium made = read_record(*newest);
    if (!std::filesystem::exists(made.iso) || std::filesystem::file_size(made.iso) != made.size)
        return std::nullopt;
    return made;
}

Json to_json(const MadeMedium& medium) {
    return {{"iso", medium.iso.string()}, {"sha256", medium.sha256},         {"size", medium.size},
            {"suite", medium.suite},      {"version", medium.version},       {"installer", medium.installer},
            {"label", medium.label},      {"kernel_abi", medium.kernel_abi}, {"debs", medium.debs},
            {"udebs", medium.udebs},      {"reused", medium.reused},         {"notes", medium.notes}};
}

}  // namespace imgforge::install
