// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "builder/base/diagnostics.hpp"
#include "builder/base/strict_yaml.hpp"
#include "pipelines/engine/stage_data.hpp"
#include "seeds/answers.hpp"
#include "templates/distribution.hpp"

namespace imgforge::stages {

/// The options of the stage `install` that name a file in place of generated answers, and what it is written
/// in.
inline constexpr std::array<std::pair<const char*, seeds::AnswerFormat>, 6> answer_files{{
    {"preseed", seeds::AnswerFormat::preseed},
    {"kickstart", seeds::AnswerFormat::kickstart},
    {"autoinstall", seeds::AnswerFormat::autoinstall},
    {"autoyast", seeds::AnswerFormat::autoyast},
    {"agama", seeds::AnswerFormat::agama},
    {"alpine", seeds::AnswerFormat::alpine},
}};

/// A user's own answer file, by the option that names it.
struct OwnAnswers {
    std::string option;
    seeds::AnswerFormat format;
    std::filesystem::path file;
};
std::optional<OwnAnswers> own_answers(const engine::RecipeFacts& recipe, const Json& options);

/// `values:` against the file: a name that the file does not use as @NAME@ is an error, and so is a
/// secret among them that the recipe does not declare.
void check_values(const OwnAnswers& own, const Json& options, const YamlDocument& document,
                  const std::string& pointer, Diagnostics& diagnostics);

/// The `answers:` block of the options, and its packages.
Json answers_block(const Json& options);
std::vector<std::string> packages_of(const Json& options);

bool uses_uefi(const engine::RecipeFacts& recipe);

/// What the installer is handed, without a medium having been looked at.
struct MadeAnswers {
    seeds::AnswerFormat format = seeds::AnswerFormat::preseed;
    std::string text;          ///< the answer file
    seeds::AnswerFiles files;  ///< where it goes, with what it needs beside it
    bool network = false;      ///< the installation is given one
    Diagnostics faults;        ///< of the text; pointers of `answers:` are below the stage's options
};

/// Replaces @NAME@ of `values:` in all that `answers` hands to the installer, secrets by `secret`. Throws
/// what `secret` throws.
void fill_values(MadeAnswers& answers, const Json& options,
                 const std::function<std::string(const std::string& name)>& secret);

/// What is known of a row before its medium is: the newest architecture it boots, and that the medium is
/// whole.
seeds::AnswerFacts facts_of_row(const templates::Distribution& row, const engine::RecipeFacts& recipe);

/// Writes the answers of the stage's `options` for `facts`, from the user's own file or from `answers:`, and
/// checks them. Throws Failure::recipe where the row has no answer format; what the format cannot say and
/// what its reader would refuse is in `faults`.
MadeAnswers make_answers(const engine::RecipeFacts& recipe, const Json& options,
                         const templates::Distribution& row, const seeds::AnswerFacts& facts);

/// Writes into `directory` (made when missing) what the installer would be handed: the answer file under its
/// real name, what is put beside it, and kernel-line.txt. `options` are those of the stage `install`; the
/// recipe must name its `os`. Needs no medium; what only the medium tells (its label) stands in braces.
/// Returns the names written. Throws Failure::recipe with every error.
std::vector<std::string> write_answers_to(const engine::RecipeFacts& recipe, const Json& options,
                                          const std::filesystem::path& directory);

}  // namespace imgforge::stages
