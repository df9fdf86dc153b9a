// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "builder/install/media_probe.hpp"
#include "pipelines/engine/stage.hpp"
#include "pipelines/stages/medium.hpp"
#include "seeds/answers.hpp"
#include "templates/distribution.hpp"

namespace imgforge::stages {

/// The options of the stage `install` that name a file in place of generated answers, and what it is written
/// in.
inline constexpr std::array<std::pair<const char*, seeds::AnswerFormat>, 4> answer_files{{
    {"preseed", seeds::AnswerFormat::preseed},
    {"kickstart", seeds::AnswerFormat::kickstart},
    {"autoinstall", seeds::AnswerFormat::autoinstall},
    {"autoyast", seeds::AnswerFormat::autoyast},
}};

/// A user's own answer file, by the option that names it.
struct OwnAnswers {
    std::string option;
    seeds::AnswerFormat format;
    std::filesystem::path file;
};
std::optional<OwnAnswers> own_answers(const engine::RecipeFacts& recipe, const Json& options);

/// The `answers:` block of the options, and its packages.
Json answers_block(const Json& options);
std::vector<std::string> packages_of(const Json& options);

bool uses_uefi(const engine::RecipeFacts& recipe);

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

/// The empty disk of the machine in the stage's scratch folder, in place of one that is there; machine.thick:
/// allocated whole.
std::filesystem::path make_empty_disk(const engine::StageTask& task);

/// Recognises the medium, writes and checks the answers, and puts kernel, initrd, answer ISO and the empty
/// disk into the stage's scratch folder. Throws Failure::recipe for what cannot be installed so.
void prepare_installation(const engine::StageTask& task, Preparation& made);

}  // namespace imgforge::stages
