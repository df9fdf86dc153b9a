// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>

#include "builder/install/media_probe.hpp"
#include "pipelines/engine/stage.hpp"
#include "pipelines/stages/install_answers.hpp"
#include "pipelines/stages/medium.hpp"
#include "seeds/answers.hpp"
#include "templates/distribution.hpp"

namespace imgforge::stages {

/// Everything between the medium and the installation's machine; each step fills in its part.
struct Preparation {
    Medium medium;
    install::MediaInfo info;
    const templates::Distribution* row = nullptr;
    seeds::AnswerFormat format = seeds::AnswerFormat::preseed;
    seeds::AnswerFacts facts;
    seeds::AnswerFiles files;
    std::string answers;
    bool network = false;        ///< the answers want packages from one
    std::filesystem::path work;  ///< kernel, initrd, answers ISO: gone after the installation
};

/// The empty disk of the machine in the stage's scratch directory, in place of one that is there;
/// machine.thick: allocated whole.
std::filesystem::path make_empty_disk(const engine::StageTask& task, const templates::Distribution& row);

/// Recognises the medium, writes and checks the answers, and puts kernel, initrd, answer ISO and the empty
/// disk into the stage's scratch directory. Throws Failure::recipe for what cannot be installed so.
void prepare_installation(const engine::StageTask& task, Preparation& made);

}  // namespace imgforge::stages
