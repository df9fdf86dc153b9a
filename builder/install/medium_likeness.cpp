// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/medium_likeness.hpp"

#include <algorithm>
#include <optional>
#include <regex>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace imgforge::install {

namespace {

using templates::Distribution;

constexpr std::uint64_t likeness_limit = 1U << 20U;

std::string what_is_there(const image::IsoReader& iso) {
    std::vector<std::string> names;
    for (const image::IsoEntry& entry : iso.list("")) {
        names.push_back(entry.path);
        if (names.size() == 12) {
            names.emplace_back("…");
            break;
        }
    }
    return fmt::format("volume id '{}', with {}", iso.volume().label, fmt::join(names, ", "));
}

/// What the medium calls itself: the first group of the first file that says it, else its volume id.
std::string own_name(const image::IsoReader& iso) {
    struct Source {
        const char* file;
        const char* pattern;
    };
    static constexpr Source sources[] = {
        {".disk/info", R"(^([^\n]{1,80}?)(?: - |\n|$))"},
        {".treeinfo", R"(\[general\][^\[]*?\nname ?= ?([^\n]+))"},
        {"media.1/products", R"(^/? ?([^\n]+))"},
        {".alpine-release", R"(^([^\n]+))"},
    };
    for (const Source& source : sources) {
        const auto text =
            iso.exists(source.file) ? iso.read_if_file(source.file, likeness_limit) : std::nullopt;
        std::smatch name;
        if (text && std::regex_search(*text, name, std::regex(source.pattern)) && name[1].length() > 0) {
            std::string found = name[1].str();
            found.erase(found.find_last_not_of(' ') + 1);
            return found;
        }
    }
    return iso.volume().label;
}

/// The last row (names are sorted, so the newest release) that keeps its boot files there; one of the same
/// maker before any other.
const Distribution* nearest_row(const image::IsoReader& iso, const std::vector<Distribution>& rows,
                                const std::string& name) {
    const Distribution* found = nullptr;
    const Distribution* of_maker = nullptr;
    for (const Distribution& row : rows) {
        const bool fits = std::any_of(row.boot.begin(), row.boot.end(), [&](const auto& files) {
            return iso.exists(files.kernel) && iso.exists(files.initrd);
        });
        if (!fits || row.answers == "none") {
            continue;
        }
        const bool numbered = row.name.find_first_of("0123456789") != std::string::npos;
        if (name.find(row.product.substr(0, row.product.find(' '))) != std::string::npos && numbered) {
            of_maker = &row;
        }
        found = found != nullptr && found->installer != row.installer ? found : &row;
    }
    return of_maker != nullptr ? of_maker : found;
}

}  // namespace

Error unknown_medium(const image::IsoReader& iso, const std::vector<Distribution>& rows) {
    const std::string name = own_name(iso);
    const Distribution* const row = nearest_row(iso, rows, name);
    if (row == nullptr) {
        return {
            Failure::recipe,
            fmt::format("{} is not an installer ISO imgforge knows: {}", iso.file().string(),
                        what_is_there(iso)),
            "known: Debian and its derivatives, Ubuntu live-server, RHEL and its rebuilds, Fedora, openSUSE "
            "and SLES, Alpine"};
    }
    return {
        Failure::recipe,
        fmt::format("{} looks like {} with the installer of {} ({}), but no row of that release is known",
                    iso.file().string(), name, row->product, row->installer),
        fmt::format("add a row: copy {0}.yaml from the directory templates/distributions to "
                    "~/.config/imgforge/distributions.d under a new name and adapt it to volume id '{1}'; "
                    "`imgforge validate FILE` checks it",
                    row->name, iso.volume().label)};
}

}  // namespace imgforge::install
