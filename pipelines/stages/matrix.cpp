// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/stages/matrix.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/redact.hpp"
#include "pipelines/stages/refresh_budget.hpp"

namespace imgforge::stages {
namespace {

/// One stage of the plan with the images that need it.
struct SharedStage {
    const engine::PlannedStage* stage;
    std::vector<std::string> images;
};

std::vector<SharedStage> shared_stages(const std::vector<ImagePlan>& plans) {
    std::vector<SharedStage> list;
    std::map<std::string, std::size_t> places;
    for (const ImagePlan& plan : plans) {
        for (const engine::PlannedStage& stage : plan.stages) {
            const auto [at, fresh] = places.emplace(stage.fingerprint, list.size());
            if (fresh) {
                list.push_back({&stage, {}});
            }
            list[at->second].images.push_back(plan.image);
        }
    }
    return list;
}

/// Memory and cores of the machine that installs or of the appliance, and disk for what the stages leave.
JobNeed need_of(const engine::Recipe& recipe) {
    const engine::InstallMachine& machine = recipe.facts.machine;
    JobNeed need;
    need.memory = std::max(machine.memory, ByteSize::mib(1536));
    need.cpus = machine.vcpus;
    need.disk = ByteSize::gib(2);
    return need;
}

}  // namespace

Json matrix_plan_record(const std::string& recipe, const std::vector<ImagePlan>& plans, bool explain) {
    std::vector<engine::PlannedStage> stages;
    const std::vector<SharedStage> shared = shared_stages(plans);
    for (const SharedStage& one : shared) {
        stages.push_back(*one.stage);
    }
    Json record = engine::plan_record(recipe, stages, explain);
    record["images"] = Json::array();
    for (const ImagePlan& plan : plans) {
        record["images"].push_back(plan.image);
    }
    for (std::size_t i = 0; i < shared.size(); ++i) {
        record["stages"][i]["images"] = shared[i].images;
    }
    return record;
}

std::string matrix_plan_text(const std::string& recipe, const std::vector<ImagePlan>& plans, bool explain) {
    std::string text;
    std::vector<std::string> before;
    std::vector<engine::PlannedStage> group;
    std::size_t running = 0;
    const std::vector<SharedStage> shared = shared_stages(plans);
    const auto flush = [&] {
        if (!group.empty()) {
            // The last line counts the stages of this part only.
            std::string part = engine::plan_text(recipe, group, explain);
            part.erase(part.rfind('\n', part.size() - 2) + 1);
            text += fmt::format("{}:\n{}", fmt::join(before, ", "), part);
            group.clear();
        }
    };
    for (const SharedStage& one : shared) {
        if (one.images != before) {
            flush();
            before = one.images;
        }
        group.push_back(*one.stage);
        running += one.stage->verdict == engine::PlannedStage::Verdict::run ? 1U : 0U;
    }
    flush();
    return text + fmt::format("{}: {} images, {} of {} stages to run\n", recipe, plans.size(), running,
                              shared.size());
}

std::vector<ImageBuild> build_matrix(std::vector<engine::Recipe>& recipes,
                                     const engine::BuildOptions& options, const Host& host,
                                     const engine::DiskUsers* users, engine::BuildObserver* observer) {
    std::vector<ImageBuild> images;
    std::vector<JobNeed> needs;
    for (const engine::Recipe& recipe : recipes) {
        images.push_back({.image = recipe.facts.name});
        needs.push_back(need_of(recipe));
    }
    const auto job = [&](std::size_t i) {
        try {
            images[i].report = engine::build(recipes[i], options, host, users, observer);
        } catch (const Interrupted&) {
            throw;
        } catch (const std::exception&) {
            images[i].error = std::current_exception();
        }
    };
    const auto refused = [&](std::size_t i) {
        images[i].error = std::make_exception_ptr(Error(
            Failure::host,
            fmt::format("{} of disk space are needed, which the budget does not have", needs[i].disk.text()),
            "make room, or raise budget.disk in the settings"));
    };
    run_within(Budget::from_settings(host.settings, host.places.home, {}), needs, job, refused);
    return images;
}

Json matrix_build_record(const std::string& recipe, const std::vector<ImageBuild>& images) {
    Json list = Json::array();
    for (const ImageBuild& image : images) {
        if (image.report) {
            list.push_back(engine::build_record(*image.report));
            continue;
        }
        try {
            std::rethrow_exception(image.error);
        } catch (const std::exception& fault) {
            list.push_back({{"recipe", image.image}, {"error", redact(fault.what())}});
        }
    }
    return {{"recipe", recipe}, {"images", std::move(list)}};
}

void throw_failures(const std::vector<ImageBuild>& images) {
    std::vector<std::string> failed;
    std::exception_ptr first;
    for (const ImageBuild& image : images) {
        if (image.error) {
            failed.push_back(image.image);
            first = first ? first : image.error;
        }
    }
    if (first) {
        in_context(
            [&] {
                return fmt::format("{} of {} images failed: {}", failed.size(), images.size(),
                                   fmt::join(failed, ", "));
            },
            [&] { std::rethrow_exception(first); });
    }
}

}  // namespace imgforge::stages
