// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include <fmt/format.h>

#include "builder/base/byte_size.hpp"
#include "builder/base/clock.hpp"
#include "builder/base/error.hpp"
#include "pipelines/targets/kinds.hpp"
#include "pipelines/targets/push.hpp"
#include "pipelines/targets/whole_files.hpp"

namespace imgforge::targets {
namespace {

/// A directory by its path.
class FolderPlace final : public Target {
public:
    FolderPlace(FolderTarget place, bool whole_files, const TargetServices& services)
        : place_(std::move(place)), whole_files_(whole_files), services_(services) {}

    TargetPush push(const store::Generation& generation) override {
        const PushResult result =
            push_to_folder(services_.store, services_.processes, services_.monitor, generation, place_);
        if (whole_files_) {
            WholeFiles(place_.folder).add(services_, generation);
        }
        return pushed_to(place_.folder.string(), generation.label(), result, !place_.key.empty());
    }

    std::vector<TargetGeneration> generations() override { return listed(read_own_index(place_)); }

    bool can_promote(const std::string& image, int generation) override {
        require_writable_folder(place_);
        return lists(generations(), image, generation);
    }

    void promote(const std::string& image, int generation) override {
        promote_in_folder(place_, image, generation, services_.store.clock().wall_seconds());
        if (whole_files_) {
            const auto lock = open_local_writer(place_.folder, "promote");
            WholeFiles(place_.folder).point(image, generation);
        }
    }

    void remove(const std::string& image, int generation) override {
        {
            const auto writer = open_local_writer(place_.folder, "remove");
            remove_from(*writer, {.key = place_.key, .valid = place_.valid}, image, generation,
                        services_.store.clock().wall_seconds());
        }
        if (whole_files_) {
            WholeFiles(place_.folder).remove(image, generation);
        }
    }

private:
    FolderTarget place_;
    bool whole_files_;
    TargetServices services_;
};

}  // namespace

bool lists(const std::vector<TargetGeneration>& all, const std::string& image, int generation) {
    return std::any_of(all.begin(), all.end(), [&](const TargetGeneration& one) {
        return one.image == image && one.generation == generation;
    });
}

std::vector<TargetGeneration> listed(const FolderIndex& index) {
    std::vector<TargetGeneration> all;
    for (const auto& [image, record] : index.images) {
        for (const IndexEntry& entry : record.generations) {
            const bool current = record.current == entry.generation;
            const bool newer = record.current && entry.generation > *record.current;
            all.push_back({.image = image,
                           .generation = entry.generation,
                           .state = current                    ? "current"
                                    : newer || !record.current ? "candidate"
                                                               : "retired",
                           .current = current});
        }
    }
    return all;
}

TargetPush pushed_to(const std::string& place, const std::string& label, const PushResult& result,
                     bool is_signed) {
    return {.record = {{"target", place},
                       {"serial", result.serial},
                       {"windows", result.windows},
                       {"sent", result.sent},
                       {"bytes", result.bytes},
                       {"signed", is_signed}},
            .text = fmt::format("{} is in {}: {} of {} windows were new ({}), index {}{}\n", label, place,
                                result.sent, result.windows, ByteSize::bytes(result.bytes).text(),
                                result.serial, is_signed ? ", signed" : ", not signed")};
}

IndexSeal index_seal(const TargetSetting& setting, const TargetServices& services) {
    IndexSeal seal{.key = setting.option("key")};
    if (seal.key.empty()) {
        seal.key = services.signing_key;
    }
    if (const std::string valid = setting.option("valid"); !valid.empty()) {
        seal.valid = parse_duration(valid);
    }
    return seal;
}

std::unique_ptr<Target> open_folder_target(const TargetSetting& setting, const TargetServices& services) {
    const IndexSeal seal = index_seal(setting, services);
    return std::make_unique<FolderPlace>(
        FolderTarget{.folder = setting.place(), .key = seal.key, .valid = seal.valid},
        setting.option("files") == "true", services);
}

}  // namespace imgforge::targets
