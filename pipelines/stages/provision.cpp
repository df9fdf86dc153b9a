// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/random.hpp"
#include "builder/image/overlay.hpp"
#include "builder/virt/acceleration.hpp"
#include "pipelines/compose/secrets.hpp"
#include "pipelines/engine/stage.hpp"
#include "pipelines/provision/ansible.hpp"
#include "pipelines/provision/build_machine.hpp"
#include "pipelines/provision/step_runner.hpp"
#include "pipelines/stages/input_disk.hpp"
#include "pipelines/stages/secret_values.hpp"
#include "pipelines/stages/stage_types.hpp"
#include "pipelines/stages/uploaded_files.hpp"
#include "templates/distribution.hpp"

namespace fs = std::filesystem;

namespace imgforge::stages {

using engine::StageResult;
using engine::StageTask;

namespace {

constexpr std::chrono::hours default_total{4};

std::optional<ProcessorLevel> processor_of(const engine::RecipeFacts& recipe) {
    const auto& rows = templates::distributions();
    const auto row =
        std::find_if(rows.begin(), rows.end(), [&](const auto& one) { return one.name == recipe.os; });
    return row == rows.end() ? std::nullopt : std::optional(row->processor);
}

/// The overlay the machine writes to, and what is below it.
void make_disk(const StageTask& task, provision::BuildMachinePlan& plan) {
    const std::vector<image::ChainLink> chain =
        image::read_backing_chain(*task.input.disk, image::DiskFormat::qcow2, input_policy(task));
    plan.disk = task.scratch / "disk.qcow2";
    image::create_overlay({.overlay = plan.disk, .backing = *task.input.disk});
    for (const image::ChainLink& link : chain) {
        plan.backing.push_back(link.file);
    }
    plan.backing_end = chain.back().format == image::DiskFormat::raw ? "raw" : "qcow2";
}

std::chrono::seconds time_of(const Json& options, const char* key, std::chrono::seconds otherwise) {
    return options.contains(key) ? parse_duration(options[key].get<std::string>()) : otherwise;
}

provision::BuildMachinePlan plan_of(const StageTask& task) {
    const engine::RecipeFacts& recipe = *task.recipe;
    const virt::Acceleration acceleration = virt::acceleration(
        *task.host->processes, task.host->places.cache(), task.host->settings.acceleration);
    const bool kvm = acceleration.accelerator == virt::Accelerator::kvm;
    provision::BuildMachinePlan plan{
        .name = fmt::format("imgforge-provision-{}-{}", recipe.name.substr(0, 20), random_hex(3)),
        .folder = task.run_folder / task.name};
    make_disk(task, plan);
    plan.memory = task.options.contains("memory") ? ByteSize::parse(task.options["memory"].get<std::string>())
                                                  : recipe.machine.memory;
    plan.vcpus = recipe.machine.vcpus;
    plan.firmware = recipe.machine.firmware == Firmware::bios ? virt::DomainSpec::Firmware::bios
                                                              : virt::DomainSpec::Firmware::uefi;
    plan.secure_boot = recipe.machine.firmware == Firmware::uefi_secure;
    plan.accel = kvm ? virt::DomainSpec::Accel::kvm : virt::DomainSpec::Accel::tcg;
    plan.processor = processor_of(recipe);
    plan.network = provision::parse_guest_network(task.options.value("network", "off"));
    plan.capabilities = task.host->places.cache() / "libvirt";
    plan.boot_timeout =
        time_of(task.options, "boot-timeout", kvm ? std::chrono::minutes(5) : std::chrono::minutes(15));
    plan.keep_failed = task.keep_failed;
    const bool daemon = task.host->connection && *task.host->connection == "qemu:///system";
    if (plan.network == provision::GuestNetwork::nat || daemon) {
        // Files are local, so only the local daemon can run it; and its networks are the daemon's.
        plan.connection = "qemu:///system";
    }
    return plan;
}

/// Boots, runs, removes the traces. On failure with --keep-failed the machine stays.
void provision_disk(const StageTask& task, const std::vector<provision::Step>& steps,
                    const provision::BuildMachinePlan& plan) {
    provision::BuildMachine machine(plan, *task.host->processes, *task.host->clock, *task.host->monitor);
    const provision::StepContext context{
        .processes = task.host->processes,
        .clock = task.host->clock,
        .monitor = task.host->monitor,
        .activity = task.activity,
        .secret = secret_values(*task.recipe),
        .folder = plan.folder,
        .reboot = [&](std::chrono::milliseconds timeout) { machine.reboot(timeout); },
        .shell = [&]() -> const provision::GuestShell& { return machine.shell(); },
        .total = time_of(task.options, "timeout", default_total)};
    try {
        {
            Activity activity(*task.host->monitor, "booting the layer", task.activity);
            machine.wait_until_up();
        }
        provision::run_steps(steps, context);
        Activity activity(*task.host->monitor, "removing the build user and turning off", task.activity);
        machine.finish();
    } catch (Error& error) {
        machine.add_console(error);
        if (plan.keep_failed) {
            const std::string reach = machine.keep();
            Error kept(error.kind(), error.message(),
                       fmt::format("{}\n  the machine is still there:\n  {}", error.hint(), reach));
            for (const std::string& line : error.context()) {
                kept.add_context(line);
            }
            throw kept;
        }
        throw;
    }
}

class ProvisionStage final : public engine::StageType {
public:
    std::string_view name() const override { return "provision"; }
    bool works_on_disk() const override { return true; }
    std::string_view summary() const override {
        return "boot the image and run steps in it over SSH: commands, scripts, uploads, Ansible, reboots";
    }
    int revision() const override { return 1; }
    const Json& schema() const override { return provision::provision_schema(); }

    void check(const engine::RecipeFacts& recipe, const Json& options, const YamlDocument& document,
               const std::string& pointer, Diagnostics& diagnostics) const override {
        for (const auto& [below, message] : provision::check_steps(options, recipe.folder)) {
            diagnostics.add(document.at(pointer + below, message));
        }
    }

    std::vector<engine::Ingredient> ingredients(const engine::RecipeFacts& recipe,
                                                const Json& options) const override {
        const std::vector<provision::Step> steps = provision::parse_steps(options, recipe.folder);
        std::vector<engine::Ingredient> list;
        const Json identity = provision::steps_identity(steps);
        for (std::size_t i = 0; i < identity.size(); ++i) {
            list.push_back({.name = fmt::format("step {}", i + 1), .value = canonical(identity[i])});
        }
        for (const auto& [what, path] : provision::step_files(steps)) {
            if (what.starts_with('/') || fs::is_directory(path)) {
                add_uploaded(list, recipe, path, what);
            } else {  // read, not copied: a link stands for what it leads to
                list.push_back(engine::named_file_ingredient(path, recipe));
            }
        }
        return list;
    }

    StageResult run(StageTask& task) const override {
        if (!task.input.disk) {
            throw Error(Failure::recipe, "provision has no disk to boot",
                        "a stage that makes one (install, overlay) must come before it");
        }
        const std::vector<provision::Step> steps = provision::parse_steps(task.options, task.recipe->folder);
        provision::require_ansible(steps);
        provision_disk(task, steps, plan_of(task));
        return {.disk = "disk.qcow2"};
    }
};

}  // namespace

const engine::StageType& provision_stage() {
    static const ProvisionStage stage;
    return stage;
}

}  // namespace imgforge::stages
