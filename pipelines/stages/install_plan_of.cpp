// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/stages/install_plan_of.hpp"

#include <fmt/format.h>

#include "builder/install/install_machine.hpp"
#include "pipelines/stages/medium_check.hpp"
#include "pipelines/stages/medium_source.hpp"
#include "seeds/answers.hpp"

namespace imgforge::stages {

namespace fs = std::filesystem;
using engine::StageTask;

namespace {

std::string kernel_line(const Preparation& made, const virt::Acceleration& acceleration) {
    const std::string line = templates::render_kernel_line(*made.row, made.info.facts);
    std::vector<std::string> words = made.files.kernel_arguments;
    if (acceleration.accelerator != virt::Accelerator::kvm) {
        const std::vector<std::string> more = install::emulation_words(line);
        words.insert(words.end(), more.begin(), more.end());
    }
    return install::with_arguments(line, words);
}

}  // namespace

install::InstallPlan install_plan_of(const StageTask& task, const Preparation& made,
                                     const virt::Acceleration& acceleration) {
    install::InstallPlan plan{
        .row = made.row,
        .name = fmt::format("install-{}-{}", task.recipe->name.substr(0, 20), made.facts.nonce.substr(0, 6))};
    plan.kernel = made.work / "vmlinuz";
    plan.initrd = made.work / "initrd";
    plan.kernel_line = kernel_line(made, acceleration);
    plan.medium = made.medium.iso;
    if (!made.files.iso_label.empty()) {
        plan.answers_iso = made.work / "answers.iso";
    }
    plan.disk = task.scratch / "disk.qcow2";
    plan.memory = machine_memory(*task.recipe, *made.row);
    plan.vcpus = task.recipe->machine.vcpus;
    plan.thick = task.recipe->machine.thick;
    plan.firmware =
        uses_uefi(*task.recipe) ? virt::DomainSpec::Firmware::uefi : virt::DomainSpec::Firmware::bios;
    plan.accel = acceleration.accelerator == virt::Accelerator::kvm ? virt::DomainSpec::Accel::kvm
                                                                    : virt::DomainSpec::Accel::tcg;
    plan.network = made.network;
    plan.asked = seeds::asked_packages(made.format, made.answers);
    plan.marker = seeds::marker_line(made.facts.nonce);
    plan.folder = task.run_folder / task.name;
    plan.capabilities = task.host->places.cache() / "libvirt";
    plan.texts = {
        {made.files.main_file.empty() ? "answers" : fs::path(made.files.main_file).filename().string(),
         made.answers},
        {"kernel-line.txt", plan.kernel_line + "\n"}};
    plan.keep_failed = task.keep_failed;
    plan.expected_seconds = task.expected_seconds;
    // Files are local, so only a local daemon can run it; everything else is served by the embedded driver.
    if (task.host->connection && *task.host->connection == "qemu:///system") {
        plan.connection = *task.host->connection;
    }
    return plan;
}

}  // namespace imgforge::stages
