// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/store/delta.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/image/overlay.hpp"

namespace fs = std::filesystem;
namespace qemu_img = imgforge::image::qemu_img;

namespace imgforge::store {
namespace {

using image::DiskFormat;

const Generation* by_number(const std::vector<Generation>& generations, int number) {
    const auto found =
        std::find_if(generations.begin(), generations.end(),
                     [&](const Generation& generation) { return generation.generation == number; });
    return found == generations.end() ? nullptr : &*found;
}

/// The generation whose content the next one will be nearest to: the current one, else the newest sound one.
const Generation* nearest_generation(const std::vector<Generation>& generations) {
    const Generation* newest = nullptr;
    for (const Generation& generation : generations) {
        if (generation.state == GenerationState::current) {
            return &generation;
        }
        if (generation.state == GenerationState::retired) {
            newest = &generation;
        }
    }
    return newest;
}

}  // namespace

std::optional<int> choose_parent(const std::vector<Generation>& generations, int max_depth) {
    const Generation* const nearest = nearest_generation(generations);
    if (nearest == nullptr || max_depth <= 0) {
        return std::nullopt;
    }
    if (nearest->depth < max_depth) {
        return nearest->generation;
    }
    // The difference grows with the distance in generations; a parent deep in the chain is near but soon full
    // again. So the price of an ancestor is its distance shared among the generations that still fit on top
    // of it.
    const int next = generations.back().generation + 1;
    double best_price = std::numeric_limits<double>::max();
    std::optional<int> best;
    for (const Generation* node = nearest; node != nullptr;
         node = node->parent ? by_number(generations, *node->parent) : nullptr) {
        if (node->depth >= max_depth || node->state == GenerationState::quarantined) {
            continue;
        }
        const double price = static_cast<double>(next - node->generation) / (max_depth - node->depth);
        if (price < best_price) {
            best_price = price;
            best = node->generation;
        }
    }
    return best;
}

ProcessSpec rebase_onto(const fs::path& overlay, const fs::path& backing) {
    return {.program = "qemu-img",
            .args = {"rebase", "-f", "qcow2", "-b", backing.string(), "-F", "qcow2", overlay.string()},
            .timeout = std::chrono::hours(4)};
}

void write_delta(ProcessRunner& processes, const DeltaSpec& spec,
                 const std::function<void(double)>& progress) {
    // qemu-img has no "store the difference of two images". A safe rebase of an empty overlay from the one to
    // the other is exactly that (qemu-img(1), rebase: clusters that differ are merged into the overlay); it
    // cannot compress (before QEMU 9.0), so a copy that keeps the backing file follows.
    const fs::path difference = spec.target.parent_path() / "difference.qcow2";
    try {
        image::create_overlay(
            {.overlay = difference, .backing = spec.disk, .backing_format = DiskFormat::qcow2});
        run_checked(processes, rebase_onto(difference, spec.parent));
        qemu_img::run_convert(processes,
                              {.from = difference,
                               .to = spec.target,
                               .compression = spec.compression,
                               .options = {"backing_file=" + spec.parent_name, "backing_fmt=qcow2"}},
                              progress);
    } catch (...) {
        std::error_code ignored;
        fs::remove(difference, ignored);
        throw;
    }
    fs::remove(difference);
}

void require_same_content(ProcessRunner& processes, const fs::path& a, const fs::path& b) {
    const ProcessSpec spec = qemu_img::compare(a, DiskFormat::qcow2, b, DiskFormat::qcow2);
    const ProcessResult result = processes.run(spec);
    // qemu-img(1), compare: 1 = images differ, 2 and more = the comparison itself failed.
    if (result.outcome == ProcessResult::Outcome::exited && result.code == 1) {
        throw Error(Failure::integrity,
                    fmt::format("{} does not read the same as {}", a.string(), b.string()),
                    "the file system or qemu-img lost data; run the build again");
    }
    if (!result.ok()) {
        throw process_error(spec, result);
    }
}

}  // namespace imgforge::store
