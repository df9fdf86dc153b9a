// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/store/overlays.hpp"

#include <algorithm>
#include <charconv>

#include "builder/base/error.hpp"
#include "builder/image/qcow2_header.hpp"
#include "pipelines/store/generation.hpp"

namespace fs = std::filesystem;

namespace imgforge::store {

namespace {

/// Backing file by the overlay's own header; nothing when it has none or cannot be read. Nothing is opened
/// behind it.
std::optional<fs::path> backing_file(const fs::path& overlay) {
    try {
        const image::Qcow2Header header = image::read_qcow2_header(overlay);
        if (header.backing_file) {
            return fs::absolute(overlay.parent_path() / *header.backing_file).lexically_normal();
        }
    } catch (const Error&) {
        // Half written by a spawn that is going on, or no qcow2: it cannot stand on a generation.
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::pair<std::string, int>> generation_of_disk(const fs::path& disk, const fs::path& images) {
    std::error_code code;
    const fs::path inside =
        fs::weakly_canonical(disk, code).lexically_relative(fs::weakly_canonical(images, code));
    const std::vector<fs::path> parts(inside.begin(), inside.end());
    if (parts.size() != 3 || parts[2] != "disk.qcow2" || !is_image_name(parts[0].string())) {
        return std::nullopt;
    }
    const std::string digits = parts[1];
    int number = 0;
    const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (fault != std::errc() || end != digits.data() + digits.size()) {
        return std::nullopt;
    }
    return std::pair(parts[0].string(), number);
}

std::vector<OverlayUse> overlays_in(const Places& places) {
    std::vector<OverlayUse> uses;
    std::error_code code;
    for (auto machine = fs::directory_iterator(places.instances(), code);
         !code && machine != fs::directory_iterator(); machine.increment(code)) {
        std::error_code inner;
        for (auto file = fs::directory_iterator(machine->path(), inner);
             !inner && file != fs::directory_iterator(); file.increment(inner)) {
            if (file->path().extension() != ".qcow2") {
                continue;
            }
            const std::optional<fs::path> backing = backing_file(file->path());
            if (const auto found = backing ? generation_of_disk(*backing, places.images()) : std::nullopt) {
                uses.push_back({.instance = machine->path().filename(),
                                .image = found->first,
                                .generation = found->second});
            }
        }
    }
    return uses;
}

}  // namespace imgforge::store
