// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <random>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/random.hpp"
#include "builder/base/redact.hpp"
#include "builder/base/signing_place.hpp"
#include "pipelines/engine/stage.hpp"
#include "pipelines/lifecycle/erase.hpp"
#include "pipelines/lifecycle/port_hold.hpp"
#include "pipelines/lifecycle/ports.hpp"
#include "pipelines/lifecycle/spawn.hpp"
#include "pipelines/provision/check_runner.hpp"
#include "pipelines/stages/secret_values.hpp"
#include "pipelines/stages/stage_types.hpp"
#include "pipelines/stages/verify_files.hpp"
#include "pipelines/store/checks_record.hpp"

namespace fs = std::filesystem;

namespace imgforge::stages {
namespace {

using engine::StageResult;
using engine::StageTask;
using provision::Check;
using provision::CheckResult;
using Views = std::vector<lifecycle::MachineView>;

/// What a clone that this command could not remove, being killed, is removed after by `imgforge expiry`.
constexpr std::chrono::hours longest_life{12};

std::string comment_of(const StageTask& task) {
    return fmt::format("verify of {}", task.recipe->name);
}

lifecycle::SpawnOptions clone_options(const StageTask& task) {
    lifecycle::SpawnOptions options;
    options.image = fmt::format("{}@{}", task.recipe->name, task.input.facts.published->generation);
    options.count = task.options.value("count", std::size_t{1});
    options.name = fmt::format("verify-{}-{}-{{n}}", task.recipe->name, random_hex(3));
    options.size = task.options.value("size", std::string("small"));
    options.firmware = task.options.contains("firmware")
                           ? parse_firmware(task.options["firmware"].get<std::string>())
                           : task.recipe->machine.firmware;
    if (task.options.contains("network")) {
        for (const Json& text : task.options["network"]) {
            options.networks.push_back(lifecycle::parse_network(text.get<std::string>()));
        }
    }
    options.wait = lifecycle::Wait::ssh;
    if (task.options.contains("boot-timeout")) {
        options.timeout = parse_duration(task.options["boot-timeout"].get<std::string>());
    }
    options.comment = comment_of(task);
    options.ephemeral = true;
    options.rollback = !task.keep_failed;
    options.ttl = longest_life;
    return options;
}

/// The clones of one run: gone on every way out, unless a failure is to be looked at.
class Clones {
public:
    Clones(lifecycle::Lifecycle& machines, const StageTask& task) : machines_(machines) {
        remove_left_over(comment_of(task));
        views_ = lifecycle::spawn(machines_, clone_options(task));
    }
    ~Clones() {
        const interrupt::Shield shield;
        for (const lifecycle::MachineView& view : kept_ ? Views() : views_) {
            try {
                lifecycle::erase_machine(machines_, view.record);
            } catch (const std::exception& error) {
                machines_.monitor().warning(
                    fmt::format("clone '{}' could not be removed: {}", view.record.name, error.what()));
            }
        }
    }
    Clones(const Clones&) = delete;
    Clones& operator=(const Clones&) = delete;

    const Views& views() const { return views_; }

    /// They stay; a later build shall not take them for a dead one's.
    std::string keep() {
        kept_ = true;
        std::vector<std::string> names;
        for (const lifecycle::MachineView& view : views_) {
            lifecycle::MachineRecord record = machines_.require(view.record.name);
            record.comment = "kept after a failed " + record.comment;
            machines_.save(record);
            names.push_back("imgforge ssh " + record.name);
        }
        return fmt::format("{}", fmt::join(names, "\n  "));
    }

private:
    /// Of a build that was killed: one recipe is built once at a time, so nobody uses them.
    void remove_left_over(const std::string& comment) {
        for (const lifecycle::MachineRecord& record : machines_.reservations().all()) {
            if (record.comment == comment && record.state == lifecycle::RecordState::ready) {
                lifecycle::erase_machine(machines_, record);
            }
        }
    }

    lifecycle::Lifecycle& machines_;
    Views views_;
    bool kept_ = false;
};

std::string host_of(const lifecycle::MachineView& view) {
    if (view.record.ssh_port) {
        return "127.0.0.1";
    }
    for (const auto& addresses : view.addresses) {
        if (!addresses.empty()) {
            return addresses.front();
        }
    }
    return {};
}

/// Leads a loopback port to the guest's; held until QEMU listens on it.
std::uint16_t forwarded(lifecycle::Lifecycle& machines, const std::string& name, std::uint16_t guest_port) {
    constexpr int tries = 100;
    std::random_device random;
    std::uniform_int_distribution<unsigned> choice(lifecycle::first_forward_port,
                                                   lifecycle::last_forward_port);
    for (int i = 0;; ++i) {
        const auto port = static_cast<std::uint16_t>(choice(random));
        const auto hold = lifecycle::PortHold::try_hold(port);
        if (!hold) {
            continue;
        }
        try {
            lifecycle::forward_port(machines, name, {.host_port = port, .guest_port = guest_port}, false);
            return port;
        } catch (const Error&) {
            if (i >= tries) {
                throw;
            }
        }
    }
}

/// What QEMU says of the connections of a clone on its user network.
std::string user_network(lifecycle::Lifecycle& machines, const lifecycle::MachineRecord& record) {
    try {
        const auto domain = machines.open(record).find(record.uuid);
        if (!domain) {
            return {};
        }
        const Json answer = domain->monitor(
            {{"execute", "human-monitor-command"}, {"arguments", {{"command-line", "info usernet"}}}});
        return answer.is_string() ? answer.get<std::string>() : std::string();
    } catch (const Error&) {
        return {};
    }
}

std::map<std::uint16_t, provision::PortPlace> port_places(lifecycle::Lifecycle& machines,
                                                          const lifecycle::MachineView& view,
                                                          const std::vector<Check>& checks) {
    std::map<std::uint16_t, provision::PortPlace> places;
    const std::string host = host_of(view);
    for (const std::uint16_t port : provision::checked_ports(checks)) {
        if (!view.record.ssh_port) {
            places[port] = {.host = host, .port = port};
            continue;
        }
        const std::uint16_t way =
            port == 22 ? *view.record.ssh_port : forwarded(machines, view.record.name, port);
        places[port] = {.host = host, .port = way, .usernet = [&machines, record = view.record] {
                            return user_network(machines, record);
                        }};
    }
    return places;
}

std::vector<CheckResult> check_clone(lifecycle::Lifecycle& machines, const lifecycle::MachineView& view,
                                     const std::vector<Check>& checks, const StageTask& task) {
    const provision::GuestShell shell(machines.processes(), machines.ssh_target(view.record, host_of(view)));
    const fs::path folder = task.run_folder / task.name / view.record.name;
    make_directories(folder, 0700);
    const provision::CheckContext context{.processes = task.services->processes,
                                          .clock = task.services->clock,
                                          .monitor = task.monitor,
                                          .activity = task.activity,
                                          .shell = &shell,
                                          .folder = folder,
                                          .ports = port_places(machines, view, checks)};
    return provision::run_checks(checks, context);
}

engine::CheckFacts fact_of(const CheckResult& result, const std::string& prefix) {
    return {
        .name = prefix + result.name, .ok = result.ok, .seconds = result.seconds, .output = result.output};
}

[[noreturn]] void fail(const std::vector<engine::CheckFacts>& failed, std::size_t count,
                       const std::string& advice) {
    std::vector<std::string> names;
    for (const engine::CheckFacts& check : failed) {
        names.push_back(check.name);
    }
    Error error(Failure::integrity,
                fmt::format("{} of {} checks failed: {}", failed.size(), count, fmt::join(names, "; ")),
                advice);
    for (const engine::CheckFacts& check : failed) {
        error.add_context(
            fmt::format("{}:\n{}", check.name, check.output.empty() ? "(no output)" : check.output));
    }
    throw error;
}

class VerifyStage final : public engine::StageType {
public:
    std::string_view name() const override { return "verify"; }
    std::string_view needs() const override { return "generation"; }
    bool works_on_disk() const override { return true; }
    std::string_view summary() const override {
        return "check clones of the published generation: services, ports, files, packages, commands, "
               "testinfra";
    }
    int revision() const override { return 1; }
    const Json& schema() const override { return provision::verify_schema(); }

    void check(const engine::RecipeFacts& recipe, const Json& options, const YamlDocument& document,
               const std::string& pointer, Diagnostics& diagnostics) const override {
        for (const auto& [below, message] : provision::check_checks(options, recipe.folder)) {
            diagnostics.add(document.at(pointer + below, message));
        }
    }

    std::vector<engine::Ingredient> ingredients(const engine::RecipeFacts& recipe,
                                                const Json& options) const override {
        std::vector<engine::Ingredient> list;
        for (const fs::path& file : provision::check_files(options, recipe.folder)) {
            list.push_back(engine::named_file_ingredient(file, recipe));
        }
        // Files count by content; what is said beside them counts as it stands.
        const Json scripts = options.value("script", Json::array());
        for (const Json& script : scripts.is_array() ? scripts : Json::array({scripts})) {
            if (script.is_object()) {
                Json rest = script;
                rest.erase("file");
                list.push_back({.name = "script options", .value = canonical(rest)});
            }
        }
        return list;
    }

    StageResult run(StageTask& task) const override {
        if (!task.input.facts.published) {
            throw Error(Failure::recipe,
                        "verify needs a published generation, and no publish stage comes before it",
                        "add `- publish: {}` before `- verify`");
        }
        const std::vector<Check> checks =
            provision::parse_checks(task.options, task.recipe->folder, secret_values(*task.recipe));
        provision::require_testinfra(checks, *task.services->processes);
        StageResult result;
        result.facts.verify = verified(task, checks);
        return result;
    }

private:
    /// All results, with those of earlier verify stages before them; throws when one of these failed.
    static engine::VerifyFacts verified(const StageTask& task, const std::vector<Check>& checks) {
        lifecycle::Lifecycle machines({.places = task.services->places,
                                       .settings = task.services->settings,
                                       .processes = task.services->processes,
                                       .clock = task.services->clock,
                                       .monitor = task.monitor,
                                       .connection = task.services->connection});
        const auto started = task.services->clock->now();
        const auto seconds = [&] {
            return std::chrono::duration<double>(task.services->clock->now() - started).count();
        };
        engine::VerifyFacts facts;
        std::optional<Clones> clones;
        try {
            clones.emplace(machines, task);
        } catch (const Error& error) {
            facts.checks.push_back({.name = "the clone boots",
                                    .ok = false,
                                    .seconds = seconds(),
                                    .output = redact(error.describe())});
            write_checks(task.run_folder, task.name, facts);
            if (error.kind() == Failure::timeout) {
                // A candidate that does not come up has failed its verification (exit code 5), not its host.
                throw Error(Failure::integrity, error.message(), error.hint());
            }
            throw;
        }
        facts.checks.push_back({.name = "the clone boots", .ok = true, .seconds = seconds()});
        for (std::size_t i = 0; i < clones->views().size(); ++i) {
            const std::string prefix = i == 0 ? "" : fmt::format("clone {}: ", i + 1);
            for (const CheckResult& one : check_clone(machines, clones->views()[i], checks, task)) {
                facts.checks.push_back(fact_of(one, prefix));
            }
        }
        write_checks(task.run_folder, task.name, facts);
        engine::VerifyFacts all = with_earlier(task, facts);
        store::record_checks(machines.store(), task.recipe->name, task.input.facts.published->generation,
                             engine::verify_json(all),
                             signing_key_file(task.services->settings, task.services->places));
        judge(task, facts, *clones);
        return all;
    }

    static void judge(const StageTask& task, const engine::VerifyFacts& facts, Clones& clones) {
        std::vector<engine::CheckFacts> failed;
        std::copy_if(facts.checks.begin(), facts.checks.end(), std::back_inserter(failed),
                     [](const auto& check) { return !check.ok; });
        if (failed.empty()) {
            task.monitor->message(fmt::format("{}: {} checks passed", task.name, facts.checks.size()));
            return;
        }
        const std::string advice =
            task.keep_failed
                ? fmt::format("the clone is still there:\n  {}", clones.keep())
                : "the generation is not put into service; --keep-failed leaves the clone to be looked at";
        fail(failed, facts.checks.size(), advice);
    }

    static engine::VerifyFacts with_earlier(const StageTask& task, engine::VerifyFacts facts) {
        if (const auto& earlier = task.input.facts.verify) {
            facts.checks.insert(facts.checks.begin(), earlier->checks.begin(), earlier->checks.end());
        }
        return facts;
    }
};

}  // namespace

const engine::StageType& verify_stage() {
    static const VerifyStage stage;
    return stage;
}

}  // namespace imgforge::stages
