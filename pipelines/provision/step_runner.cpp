// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/provision/step_runner.hpp"

#include <algorithm>
#include <deque>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/log.hpp"
#include "builder/base/printable.hpp"
#include "builder/base/redact.hpp"
#include "pipelines/compose/references.hpp"
#include "pipelines/provision/ansible.hpp"

namespace imgforge::provision {
namespace {

using std::chrono::milliseconds;
using Outcome = ProcessResult::Outcome;

constexpr std::size_t kept_lines = 15;
constexpr int ssh_failed = 255;        // ssh(1): "or with 255 if an error occurred"
constexpr int no_room_for_step = 254;  // of step_command()
constexpr std::chrono::minutes galaxy_timeout{15};

/// Hears a step's output: into the log, its last lines kept for an error.
class Listener {
public:
    explicit Listener(Activity& activity) : activity_(activity) {}

    LineSink sink() {
        return [this](std::string_view line, bool /*is_error*/) { hear(line); };
    }
    std::vector<std::string> tail() const { return {lines_.begin(), lines_.end()}; }
    std::optional<std::size_t> failed() const { return failed_; }

private:
    void hear(std::string_view raw) {
        if (const auto number = failed_line(raw)) {
            failed_ = number;
            return;
        }
        const std::string line = printable(redact(raw));
        log::debug("  " + line);
        if (line.find_first_not_of(" \t\r") == std::string::npos) {
            return;
        }
        activity_.detail(line);
        lines_.push_back(line);
        if (lines_.size() > kept_lines) {
            lines_.pop_front();
        }
    }

    Activity& activity_;
    std::deque<std::string> lines_;
    std::optional<std::size_t> failed_;
};

std::string hint_of(const Step& step, const ProcessResult& result, const std::vector<std::string>& tail) {
    const auto says = [&](std::string_view words) {
        return std::any_of(tail.begin(), tail.end(),
                           [&](const std::string& line) { return line.find(words) != std::string::npos; });
    };
    if (says("No space left on device") || says("Disk quota exceeded")) {
        return "the guest's disk is full: give it more with `- resize: {size: 20G}` before provision, or "
               "machine.disk";
    }
    if (says("Temporary failure resolving") || says("Could not resolve host") ||
        says("Network is unreachable") || says("Temporary failure in name resolution")) {
        return "the guest has no network: add `network: user` to the provision stage";
    }
    if (result.outcome == Outcome::timed_out) {
        return fmt::format(
            "raise the step's timeout, now {}; or find out what it waits for with --keep-failed",
            duration_text(step.timeout));
    }
    return "all of its output is in the run's build.log; --keep-failed leaves the machine to be looked at";
}

std::string ending_of(const Step& step, const ProcessResult& result, bool ssh) {
    switch (result.outcome) {
        case Outcome::timed_out: return fmt::format("did not end within {}", duration_text(step.timeout));
        case Outcome::signalled: return fmt::format("was ended by signal {}", result.code);
        case Outcome::not_found: return "could not be started";
        case Outcome::exited: break;
    }
    if (ssh && result.code == ssh_failed) {
        return "lost its connection to the machine";
    }
    if (ssh && result.code == no_room_for_step) {
        return "could not be put into the guest's /run";
    }
    return fmt::format("exited with {}", result.code);
}

/// One step on its way.
class Running {
public:
    Running(const Step& step, std::size_t number, std::size_t count, const StepContext& context,
            milliseconds left)
        : step_(step),
          number_(number),
          count_(count),
          context_(context),
          deadline_(context.clock->now() + std::min<milliseconds>(step.timeout, left)),
          activity_(*context.monitor, fmt::format("{}/{} {}", number, count, redact(step.name)),
                    context.activity),
          listener_(activity_) {}

    void run() {
        log::debug(fmt::format("step {} of {}: {}", number_, count_, step_.name));
        std::visit([this](const auto& action) { go(action); }, step_.action);
        activity_.finish();
    }

private:
    milliseconds left() const {
        const auto rest = std::chrono::duration_cast<milliseconds>(deadline_ - context_.clock->now());
        return std::max(rest, milliseconds(1));
    }

    [[noreturn]] void fail(const ProcessResult& result, bool ssh) const {
        Error error = step_error(step_, number_, count_, result, listener_.tail(), ssh);
        const auto* const run = std::get_if<RunStep>(&step_.action);
        const std::size_t line = listener_.failed().value_or(0);
        if (run != nullptr && line > 0 && line <= run->lines.size() && run->lines.size() > 1) {
            error.add_context(
                fmt::format("command {} of {}: {}", line, run->lines.size(), redact(run->lines[line - 1])));
        }
        throw error;
    }

    void in_guest(const std::string& script) {
        const ProcessResult result = context_.shell().run(script, left(), listener_.sink());
        if (!result.ok()) {
            fail(result, true);
        }
    }

    void go(const RunStep& step) { in_guest(run_script(step, step_.env, context_.secret)); }

    void go(const ScriptStep& step) {
        constexpr std::uintmax_t limit = 16U << 20U;
        in_guest(script_script(step, read_file(step.file, limit), step_.env, context_.secret));
    }

    void go(const UploadStep& step) {
        for (const auto& [host, guest] : step.files) {
            activity_.detail(guest);
            const ProcessResult result = context_.shell().unpack(archive_of(host, guest), left());
            if (!result.ok()) {
                listener_.sink()(result.err.substr(0, result.err.find('\n')), true);
                fail(result, true);
            }
        }
    }

    void on_host(ProcessSpec spec) {
        spec.timeout = left();
        const ProcessResult result = context_.processes->run(spec, listener_.sink());
        if (result.outcome == Outcome::not_found) {
            throw process_error(spec, result);
        }
        if (!result.ok()) {
            fail(result, false);
        }
    }

    void go(const AnsibleStep& step) {
        const auto home = context_.folder / "ansible";
        const auto inventory = context_.folder / "inventory.json";
        make_directories(home, 0700);
        write_file_atomically(inventory, ansible_inventory(context_.shell().target()), 0600);
        if (auto galaxy = galaxy_command(step, home)) {
            on_host(*std::move(galaxy));
        }
        std::filesystem::path variables;
        if (!step.extra_vars.empty()) {
            variables = context_.folder / "extra-vars.json";
            write_file_atomically(variables, ansible_variables(step.extra_vars), 0600);
        }
        ProcessSpec spec = ansible_command(step, inventory, variables, home);
        for (const std::string& name : compose::secrets_in(step.extra_vars)) {
            spec.env[compose::secret_variable(name)] = context_.secret(name);
        }
        for (const auto& [name, value] : step_.env) {
            spec.env[name] = compose::with_secrets(value, context_.secret);
        }
        on_host(std::move(spec));
    }

    void go(const RebootStep& /*step*/) { context_.reboot(left()); }

    void go(const WaitStep& step) {
        const std::string script = wait_script(step, step_.env, context_.secret);
        std::string seen = "not asked yet";
        wait_until(
            *context_.clock, step_.name, std::chrono::ceil<std::chrono::seconds>(left()),
            [&] {
                const ProcessResult result = context_.shell().run(script, left(), listener_.sink());
                const std::vector<std::string> tail = listener_.tail();
                seen = result.outcome == Outcome::timed_out ? "no answer in time"
                       : tail.empty()                       ? fmt::format("exit code {}", result.code)
                                                            : tail.back();
                return result.ok();
            },
            [&] { return seen; }, std::chrono::seconds(2));
    }

    const Step& step_;
    std::size_t number_;
    std::size_t count_;
    const StepContext& context_;
    Clock::Instant deadline_;
    Activity activity_;
    Listener listener_;
};

}  // namespace

Error step_error(const Step& step, std::size_t number, std::size_t count, const ProcessResult& result,
                 const std::vector<std::string>& tail, bool ssh) {
    Error error(
        result.outcome == Outcome::timed_out ? Failure::timeout : Failure::guest,
        fmt::format("step {} of {} ({}) {}", number, count, redact(step.name), ending_of(step, result, ssh)),
        hint_of(step, result, tail));
    if (!tail.empty()) {
        error.add_context(fmt::format("last lines of its output:\n  {}", fmt::join(tail, "\n  ")));
    }
    return error;
}

void run_steps(const std::vector<Step>& steps, const StepContext& context) {
    const Clock::Instant end = context.clock->now() + context.total;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const auto left = std::chrono::duration_cast<milliseconds>(end - context.clock->now());
        if (left <= milliseconds(0)) {
            throw Error(Failure::timeout,
                        fmt::format("the steps took longer than {}; step {} of {} ({}) was not begun",
                                    duration_text(context.total), i + 1, steps.size(), redact(steps[i].name)),
                        "raise the stage's timeout");
        }
        Running(steps[i], i + 1, steps.size(), context, left).run();
    }
}

}  // namespace imgforge::provision
