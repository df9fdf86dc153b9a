// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/background.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

#include <cstdlib>

#include <fmt/format.h>

#include "builder/base/error.hpp"

namespace imgforge::lifecycle {

void start_in_background(const InstanceLayout& layout, std::vector<std::string> words,
                         const std::filesystem::path& log) {
    posix_spawn_file_actions_t actions{};
    posix_spawnattr_t attributes{};
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    // This command ends soon, and init takes it over.
    const std::string program = "/proc/self/exe";
    const std::string home = layout.places().home.string();
    setenv("IMGFORGE_HOME", home.c_str(), 1);
    words.insert(words.begin(), program);
    std::vector<char*> argv;
    for (std::string& word : words) {
        argv.push_back(word.data());
    }
    argv.push_back(nullptr);
    pid_t child = 0;
    const int code = posix_spawn(&child, program.c_str(), &actions, &attributes, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (code != 0) {
        throw system_error("start", fmt::format("imgforge {} in the background", words.at(1)), code);
    }
}

}  // namespace imgforge::lifecycle
