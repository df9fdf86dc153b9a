// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "pipelines/engine/build.hpp"
#include "pipelines/engine/stage.hpp"
#include "pipelines/stages/contents.hpp"
#include "pipelines/stages/refresh.hpp"
#include "pipelines/stages/stage_types.hpp"
#include "pipelines/store/files.hpp"
#include "tests/support/disk_maker.hpp"

/// Stand-ins for the stages that would need a guest, for tests of the nightly job on a real store, engine and
/// publish stage: they write small disks and the packages that a guest would have.
namespace imgforge::test {

/// What the "mirror" offers, and what went on in the stand-ins.
struct World {
    std::string curl = "8.0-1";
    std::string release = "release 1";
    int installs = 0;
    int updates = 0;
    int proofs = 0;
    bool update_fails = false;
    bool proof_fails = false;
};
inline const std::string medium_sha256(64, 'e');
inline World world;
inline std::mutex world_mutex;  ///< images are refreshed in parallel

inline void write_contents(const std::filesystem::path& folder, const std::string& curl) {
    write_file_atomically(
        folder / "contents.json",
        pretty(
            Json{{"package_format", "deb"},
                 {"distribution", "debian"},
                 {"release", "debian-13"},
                 {"packages",
                  store::packages_to_json({{.name = "curl", .version = curl, .architecture = "amd64"},
                                           {.name = "libc6", .version = "2.41", .architecture = "amd64"}})},
                 {"sources",
                  Json::array(
                      {{{"type", "apt"}, {"uri", "http://mirror.example/debian"}, {"suite", "trixie"}}})}}));
    write_file_atomically(folder / "guest-files.json",
                          store::files_to_text({{.path = "/usr/bin/curl", .size = 1, .digest = curl}}));
}

inline engine::StageResult disk_with(engine::StageTask& task, const std::string& curl, std::size_t changes) {
    SystemProcessRunner processes;
    make_disk(processes, task.scratch / "disk.qcow2",
              {.data_mib = 2, .virtual_mib = 4, .change_seed = 3, .changes = changes});
    write_contents(task.scratch, curl);
    engine::StageResult result;
    result.disk = "disk.qcow2";
    result.standalone = true;
    result.files = {{stages::contents_role, "contents.json"}, {stages::guest_files_role, "guest-files.json"}};
    return result;
}

inline const Json& open_schema() {
    static const Json schema = Json::parse(
        R"({"type": "object", "additionalProperties": false, "properties": {"update": {"type": "boolean",
            "default": false, "description": "x"}, "motd": {"type": "string", "default": "",
            "description": "x"}}})");
    return schema;
}

inline void count(int& counter) {
    const std::lock_guard guard(world_mutex);
    ++counter;
}

/// The same options for all of them.
class StandIn : public engine::StageType {
public:
    std::string_view summary() const override { return "stand-in"; }
    int revision() const override { return 1; }
    const Json& schema() const override { return open_schema(); }
};

class StandInInstall final : public StandIn {
public:
    std::string_view name() const override { return "install"; }
    engine::StageResult run(engine::StageTask& task) const override {
        count(world.installs);
        engine::StageResult result = disk_with(task, "8.0-1", 0);
        result.facts.medium = {.sha256 = medium_sha256, .verified_by = "checksums"};
        return result;
    }
};

class StandInCustomize final : public StandIn {
public:
    std::string_view name() const override { return "customize"; }
    engine::StageResult run(engine::StageTask& task) const override {
        count(world.updates);
        if (world.update_fails) {
            throw Error(Failure::guest, "apt-get: cannot fetch");
        }
        return disk_with(task, world.curl, static_cast<std::size_t>(world.curl.back() - '0'));
    }
};

class StandInSysprep final : public StandIn {
public:
    std::string_view name() const override { return "sysprep"; }
    engine::StageResult run(engine::StageTask&) const override { return {}; }
};

class StandInProof final : public StandIn {
public:
    std::string_view name() const override { return "spawn"; }
    engine::StageResult run(engine::StageTask&) const override {
        count(world.proofs);
        if (world.proof_fails) {
            throw Error(Failure::integrity, "both clones have one machine-id");
        }
        return {};
    }
};

/// The stage types of a recipe made of stand-ins, with the real publish stage.
inline std::vector<const engine::StageType*> stand_in_types() {
    static const StandInInstall install;
    static const StandInCustomize customize;
    static const StandInSysprep sysprep;
    static const StandInProof proof;
    return {&install, &customize, &sysprep, &stages::publish_stage(), &proof};
}

/// A recipe NAME.recipe of stand-ins in `folder`.
inline std::filesystem::path write_stand_in_recipe(const std::filesystem::path& folder,
                                                   const std::string& name, const std::string& motd = {}) {
    const std::filesystem::path file = folder / (name + ".recipe");
    write_file_atomically(
        file,
        fmt::format(
            "name: {}\nos: debian13\ninstaller: {{archive: trixie}}\nstages:\n"
            "  - install: {{motd: '{}'}}\n  - sysprep: {{}}\n  - publish: {{keep: 5}}\n  - spawn: {{}}\n",
            name, motd));
    return file;
}

/// What the stages get; all of it must outlive them.
inline Host stand_in_host(const Places& places, ProcessRunner& processes, Clock& clock, Monitor& monitor) {
    Host host;
    host.places = places;
    host.settings.budget.disk = ByteSize::gib(1024);  // /dev/shm is small on some hosts
    host.processes = &processes;
    host.clock = &clock;
    host.monitor = &monitor;
    return host;
}

inline void build_stand_in(const std::filesystem::path& recipe, const Host& host) {
    engine::LoadedRecipe loaded =
        engine::load_recipe(recipe, {.types = stand_in_types(), .known_os = {}, .cwd = {}});
    loaded.diagnostics.throw_if_errors();
    engine::build(*loaded.recipe, {}, host);
}

/// Recipes of stand-ins, and mirrors that have what `world` says.
class StandInRefreshWorld final : public stages::RefreshWorld {
public:
    std::vector<const engine::StageType*> types() const override { return stand_in_types(); }
    std::optional<std::string> fetch(const std::string&) const override { return world.release; }
};

inline std::vector<stages::RefreshResult> refresh_stand_ins(const stages::RefreshOptions& options,
                                                            const Host& host) {
    return stages::refresh(options, host, nullptr, StandInRefreshWorld());
}

inline stages::RefreshOptions stand_in_refresh(std::vector<std::string> images, bool force = true) {
    stages::RefreshOptions options;
    options.images = std::move(images);
    options.force = force;
    return options;
}

}  // namespace imgforge::test
