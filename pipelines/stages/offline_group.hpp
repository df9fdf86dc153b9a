// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>

#include "builder/base/places.hpp"
#include "builder/base/process.hpp"
#include "builder/guest/appliance.hpp"
#include "pipelines/engine/stage.hpp"
#include "sysprep/offline_run.hpp"

namespace imgforge::stages {

/// What this host's appliances run with: settings, else the measured answer (virt/acceleration). Their starts
/// get the settings' timeout, if there is one.
guest::Accelerator appliance_accelerator(const Settings& settings, const Places& places,
                                         ProcessRunner& processes);

/// A stage whose work is done on a disk at rest. Consecutive ones (customize, sysprep, audit, compact) share
/// one appliance launch: each stage's part inside runs in turn, with a copy of the working overlay as its
/// layer, so that a failed build resumes at the stage that failed.
///
/// Order for each stage of the group: inside() when it uses the appliance; then, when it changes the guest,
/// the layer is written; then outside(); then the result is published and the next stage's input filled. The
/// appliance is shut down before the outside() of the last stage that uses it.
class OfflineStage : public engine::StageType {
public:
    std::string_view group() const final { return "offline"; }
    bool works_on_disk() const final { return true; }

    /// False: the work is on the host only (compact).
    virtual bool uses_appliance(const Json& /*options*/) const { return true; }
    /// True: inside() writes to the guest, so the stage's result is a disk of its own.
    virtual bool changes_guest() const { return false; }
    /// The guest needs the network while inside() runs.
    virtual bool wants_network(const Json& /*options*/) const { return false; }
    /// For guests with encrypted volumes; empty: none given.
    virtual std::filesystem::path passphrase_file(const engine::RecipeFacts& /*recipe*/,
                                                  const Json& /*options*/) const {
        return {};
    }

    /// With the guest mounted. `session.work_folder` is the group's; files for the result go to task.scratch.
    /// What it returns is given to outside().
    virtual Json inside(engine::StageTask& /*task*/, sysprep::OfflineSession& /*session*/) const {
        return Json::object();
    }
    /// On the host. `layer`: for stages that change the guest a qcow2 in task.scratch with the working
    /// overlay's content, whose backing file is the group's input disk; else empty. Needles of the group are
    /// saved at `needles_file` (0600) when some were collected.
    virtual engine::StageResult outside(engine::StageTask& task, const std::filesystem::path& layer,
                                        const std::filesystem::path& needles_file, Json inside) const = 0;

    engine::StageResult run(engine::StageTask& task) const final;
    void run_group(std::span<engine::StageTask> tasks, std::span<const engine::StageType* const> types,
                   const Publish& publish) const final;
};

}  // namespace imgforge::stages
