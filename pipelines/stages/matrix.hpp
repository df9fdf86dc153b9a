// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "pipelines/engine/build.hpp"

namespace imgforge::stages {

/// The plan of one image of a matrix.
struct ImagePlan {
    std::string image;
    std::vector<engine::PlannedStage> stages;
};

/// `{recipe, images:[name], stages:[{name, type, verdict, reason, fingerprint, images:[name]}]}`: a stage
/// that several images share is there once, with all of them.
Json matrix_plan_record(const std::string& recipe, const std::vector<ImagePlan>& plans, bool explain);
/// The same for people.
std::string matrix_plan_text(const std::string& recipe, const std::vector<ImagePlan>& plans, bool explain);

/// What became of one image: a report, or what ended its build.
struct ImageBuild {
    std::string image;
    std::optional<engine::BuildReport> report{};
    std::exception_ptr error{};
};

/// Builds all images at once as far as the host's budget goes (settings `jobs`, `budget`); a stage they share
/// is made by the first and awaited by the others. One image's failure does not stop the others; an interrupt
/// does, and is thrown.
std::vector<ImageBuild> build_matrix(std::vector<engine::Recipe>& recipes,
                                     const engine::BuildOptions& options, const Host& host,
                                     const engine::DiskUsers* users, engine::BuildObserver* observer);

/// `{recipe, images:[build record]}`; an image that failed has `error` in place of its stages.
Json matrix_build_record(const std::string& recipe, const std::vector<ImageBuild>& images);

/// Throws the first error among the images, with the names of all that failed.
void throw_failures(const std::vector<ImageBuild>& images);

}  // namespace imgforge::stages
