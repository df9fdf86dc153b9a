// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/stages/verify_files.hpp"

#include "builder/base/file.hpp"

namespace imgforge::stages {

void write_checks(const std::filesystem::path& run_folder, const std::string& stage,
                  const engine::VerifyFacts& facts) {
    make_directories(run_folder / stage, 0700);
    write_file_atomically(run_folder / stage / "checks.json", pretty(engine::verify_json(facts)), 0600);
}

}  // namespace imgforge::stages
