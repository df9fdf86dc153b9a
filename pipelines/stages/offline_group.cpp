// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/stages/offline_group.hpp"

#include <fmt/format.h>

#include <memory>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/guest/memory_image.hpp"
#include "builder/virt/acceleration.hpp"
#include "pipelines/stages/disk_passphrase.hpp"
#include "pipelines/stages/input_disk.hpp"

namespace imgforge::stages {

using engine::StageResult;
using engine::StageTask;

namespace {

/// The needles of a pipeline travel from the stage that collected them to a later run's audit in this role.
constexpr const char* needles_role = "needles";

/// The stages of one group and the launch they share.
class Group {
public:
    Group(std::span<StageTask> tasks, std::span<const engine::StageType* const> types) : tasks_(tasks) {
        for (std::size_t index = 0; index < tasks.size(); ++index) {
            const auto* stage = dynamic_cast<const OfflineStage*>(types[index]);
            if (stage == nullptr) {
                throw Error(Failure::tool,
                            fmt::format("stage '{}' is not an offline stage", tasks[index].name));
            }
            stages_.push_back(stage);
            if (stage->uses_appliance(tasks[index].options)) {
                last_inside_ = index;
                network_ = network_ || stage->wants_network(tasks[index].options);
                if (passphrase_.empty()) {
                    passphrase_ = stage->passphrase_file(*tasks[index].recipe, tasks[index].options);
                }
            }
        }
    }

    void run(const engine::StageType::Publish& publish) {
        for (std::size_t index = 0; index < tasks_.size(); ++index) {
            publish(index, in_context([&] { return fmt::format("stage '{}'", tasks_[index].name); },
                                      [&] { return run_one(index); }));
        }
    }

private:
    StageResult run_one(std::size_t index) {
        StageTask& task = tasks_[index];
        const OfflineStage& stage = *stages_[index];
        Json facts = Json::object();
        std::filesystem::path layer;
        if (stage.uses_appliance(task.options)) {
            open(task);
            facts = stage.inside(task, run_->session());
            if (!run_->session().needles.empty()) {
                needles_file_ = work_->path() / "needles.json";
                run_->session().needles.save(needles_file_);
            }
            layer =
                close(index, stage.changes_guest() ? task.scratch / "disk.qcow2" : std::filesystem::path());
        }
        return stage.outside(task, layer, needles_file_, std::move(facts));
    }

    void open(StageTask& task) {
        if (run_) {
            return;
        }
        if (!task.input.disk) {
            throw Error(Failure::recipe, fmt::format("stage '{}' has no disk to work on", task.name),
                        "put an install or fetch stage before it");
        }
        image::read_backing_chain(*task.input.disk, image::DiskFormat::qcow2, input_policy(task));
        work_.emplace("imgforge-offline", task.scratch.parent_path());
        if (passphrase_.empty()) {
            passphrase_ = write_passphrase(*task.recipe, work_->path());
        }
        // Needles that a stage of an earlier run left.
        const auto earlier = task.input.files.find(needles_role);
        run_ = std::make_unique<sysprep::OfflineRun>(
            sysprep::OfflineRunOptions{.image = *task.input.disk,
                                       .work_folder = work_->path(),
                                       .network = network_,
                                       .accelerator = appliance_accelerator(
                                           task.host->settings, task.host->places, *task.host->processes),
                                       .passphrase_file = passphrase_,
                                       .parent_activity = task.activity},
            *task.host->processes, *task.host->monitor);
        if (earlier != task.input.files.end() && std::filesystem::exists(earlier->second)) {
            run_->session().needles = sysprep::Needles::load(earlier->second);
        }
    }

    /// The layer of a stage that changed the guest; shuts down after the last stage that needs the appliance.
    std::filesystem::path close(std::size_t index, std::filesystem::path layer) {
        if (index < last_inside_) {
            if (!layer.empty()) {
                run_->checkpoint(layer);
            }
            return layer;
        }
        if (layer.empty()) {
            run_->finish();
        } else {
            run_->finish(layer);
        }
        run_.reset();
        return layer;
    }

    std::span<StageTask> tasks_;
    std::vector<const OfflineStage*> stages_;
    std::size_t last_inside_ = 0;
    bool network_ = false;
    std::filesystem::path passphrase_;
    std::filesystem::path needles_file_;
    std::optional<TempDir> work_;
    std::unique_ptr<sysprep::OfflineRun> run_;
};

}  // namespace

guest::Accelerator appliance_accelerator(const Settings& settings, const Places& places,
                                         ProcessRunner& processes) {
    if (settings.appliance_timeout) {
        guest::set_launch_timeout(*settings.appliance_timeout);
    }
    guest::keep_memory_images_in(guest::memory_image_folder_in(places.cache()));
    const virt::Acceleration found = virt::acceleration(processes, places.cache(), settings.acceleration);
    return found.accelerator == virt::Accelerator::kvm ? guest::Accelerator::kvm : guest::Accelerator::tcg;
}

StageResult OfflineStage::run(StageTask& task) const {
    StageResult only;
    const engine::StageType* type = this;
    run_group(std::span(&task, 1), std::span(&type, 1),
              [&](std::size_t, StageResult result) { only = std::move(result); });
    return only;
}

void OfflineStage::run_group(std::span<StageTask> tasks, std::span<const engine::StageType* const> types,
                             const Publish& publish) const {
    Group(tasks, types).run(publish);
}

}  // namespace imgforge::stages
