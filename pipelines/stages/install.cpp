// SPDX-License-Identifier: GPL-3.0-or-later
// The stage `install`: a medium and answers in, an installed disk out. What is specific to a distribution comes from
// templates/, what is specific to an answer format from seeds/.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/random.hpp"
#include "builder/base/redact.hpp"
#include "builder/image/iso_reader.hpp"
#include "builder/image/overlay.hpp"
#include "builder/install/artefacts.hpp"
#include "builder/install/initrd_pack.hpp"
#include "builder/install/install_machine.hpp"
#include "builder/install/media_probe.hpp"
#include "builder/install/verify.hpp"
#include "builder/virt/acceleration.hpp"
#include "pipelines/stages/medium.hpp"
#include "pipelines/stages/stage_types.hpp"
#include "seeds/answers.hpp"
#include "seeds/seed.hpp"

namespace imgforge::stages {

namespace fs = std::filesystem;
using engine::Ingredient;
using engine::RecipeFacts;
using engine::StageResult;
using engine::StageTask;

namespace {

/// The options that name a file in place of generated answers, and what it is written in.
constexpr std::array<std::pair<const char*, seeds::AnswerFormat>, 4> answer_files{{
    {"preseed", seeds::AnswerFormat::preseed},
    {"kickstart", seeds::AnswerFormat::kickstart},
    {"autoinstall", seeds::AnswerFormat::autoinstall},
    {"autoyast", seeds::AnswerFormat::autoyast},
}};

struct OwnAnswers {
    std::string option;
    seeds::AnswerFormat format;
    fs::path file;
};

std::optional<OwnAnswers> own_answers(const RecipeFacts& recipe, const Json& options) {
    for (const auto& [option, format] : answer_files) {
        if (options.contains(option) && !options.at(option).get<std::string>().empty()) {
            const fs::path named = options.at(option).get<std::string>();
            return OwnAnswers{.option = option, .format = format, .file = named.is_absolute() ? named : recipe.folder / named};
        }
    }
    return std::nullopt;
}

Json answers_block(const Json& options) {
    return options.contains("answers") ? options.at("answers") : Json::object();
}

std::vector<std::string> packages_of(const Json& options) {
    const Json block = answers_block(options);
    return block.contains("packages") ? block.at("packages").get<std::vector<std::string>>() : std::vector<std::string>();
}

/// What the stage gathers on its way; each step fills in its part.
struct Preparation {
    Medium medium;
    install::MediaInfo info;
    const templates::Distribution* row = nullptr;
    seeds::AnswerFormat format = seeds::AnswerFormat::preseed;
    seeds::AnswerFacts facts;
    seeds::AnswerFiles files;
    std::string answers;
    fs::path work;  ///< kernel, initrd, answers ISO: gone after the installation
};

bool uefi(const RecipeFacts& recipe) {
    return recipe.machine.value("firmware", "bios") == "uefi";
}

void recognise(const StageTask& task, Preparation& made) {
    made.info = install::probe_media(made.medium.iso);
    if (!task.recipe->os.empty() && task.recipe->os != made.info.distribution) {
        throw Error(Failure::recipe,
                    fmt::format("the medium holds {} ({}), the recipe is for {}", made.info.distribution, made.info.label, task.recipe->os),
                    "correct `os:` or the medium");
    }
    made.row = &templates::distribution(made.info.distribution);
    const ByteSize memory = ByteSize::parse(task.recipe->machine.value("memory", "1536M"));
    if (memory < made.row->memory_minimum) {
        throw Error(Failure::recipe,
                    fmt::format("machine.memory is {}, the installer of {} needs at least {}", memory.text(), made.row->name,
                                made.row->memory_minimum.text()),
                    fmt::format("set machine.memory to {}", made.row->memory_recommended.text()));
    }
}

bool has_eatmydata(const image::IsoReader& iso) {
    // d-i's component and the library for the target stand beside each other in the pool.
    return !iso.list("pool/main/libe/libeatmydata").empty();
}

void write_answers(const StageTask& task, Preparation& made) {
    const Json& options = task.options;
    made.facts = {.nonce = random_hex(8),
                  .uefi = uefi(*task.recipe),
                  .offline = made.info.offline,
                  .version = made.row->version,
                  .suite = made.row->codename,
                  .product = made.row->product,
                  .arch = made.info.arch,
                  .medium_has_eatmydata = has_eatmydata(image::IsoReader(made.medium.iso))};
    made.format = seeds::parse_answer_format(made.row->answers);
    std::string name = "generated answers";
    if (const auto own = own_answers(*task.recipe, options)) {
        made.format = own->format;
        name = own->file.string();
        made.answers = seeds::with_marker(made.format, read_file(own->file, 4U << 20U), made.facts);
    } else {
        Diagnostics faults;
        const seeds::Answers answers = seeds::parse_answers(answers_block(options), faults);
        faults.throw_if_errors();
        made.answers = seeds::answer_text(made.format, answers, made.facts);
        made.files = seeds::generate(made.format, answers, made.facts);
    }
    const Diagnostics faults = seeds::check(made.format, made.answers, name);
    for (const Diagnostic& fault : faults.list()) {
        if (fault.severity == Diagnostic::Severity::warning) {
            task.monitor->warning(to_text(fault));
        }
    }
    faults.throw_if_errors();
    if (made.files.main_file.empty()) {
        made.files = seeds::deliver(made.format, made.answers, made.facts);
    }
}

/// Words the answers need go before "---" where the family has it: what stands behind is for the installed system.
std::string kernel_line(const Preparation& made) {
    std::string line = templates::render_kernel_line(*made.row, made.info.facts);
    if (made.files.kernel_arguments.empty()) {
        return line;
    }
    const std::string words = fmt::format("{}", fmt::join(made.files.kernel_arguments, " "));
    const auto dashes = line.find(" ---");
    return dashes == std::string::npos ? line + " " + words : line.substr(0, dashes) + " " + words + line.substr(dashes);
}

install::InstallPlan plan_of(const StageTask& task, const Preparation& made, const virt::Acceleration& acceleration) {
    install::InstallPlan plan{.row = made.row,
                              .name = fmt::format("install-{}-{}", task.recipe->name.substr(0, 20), made.facts.nonce.substr(0, 6))};
    plan.kernel = made.work / "vmlinuz";
    plan.initrd = made.work / "initrd";
    plan.kernel_line = kernel_line(made);
    plan.medium = made.medium.iso;
    if (!made.files.iso_label.empty()) {
        plan.answers_iso = made.work / "answers.iso";
    }
    plan.disk = task.scratch / "disk.qcow2";
    plan.memory = ByteSize::parse(task.recipe->machine.value("memory", "1536M"));
    plan.vcpus = task.recipe->machine.value("vcpus", 2);
    plan.firmware = uefi(*task.recipe) ? virt::DomainSpec::Firmware::uefi : virt::DomainSpec::Firmware::bios;
    plan.accel = acceleration.accelerator == virt::Accelerator::kvm ? virt::DomainSpec::Accel::kvm : virt::DomainSpec::Accel::tcg;
    plan.network = !made.facts.offline;
    plan.marker = seeds::marker_line(made.facts.nonce);
    plan.folder = task.run_folder / task.name;
    plan.capabilities = task.services->places.cache() / "libvirt";
    plan.texts = {{made.files.main_file.empty() ? "answers" : fs::path(made.files.main_file).filename().string(), made.answers},
                  {"kernel-line.txt", plan.kernel_line + "\n"}};
    plan.keep_failed = task.keep_failed;
    plan.expected_seconds = task.expected_seconds;
    // Files are local, so only a local daemon can run it; everything else is served by the embedded driver.
    if (task.services->connection && *task.services->connection == "qemu:///system") {
        plan.connection = *task.services->connection;
    }
    return plan;
}

void unpack_boot_files(const StageTask& task, Preparation& made) {
    made.work = task.scratch / "work";
    make_directories(made.work);
    const image::IsoReader iso(made.medium.iso);
    iso.extract(made.info.kernel, made.work / "vmlinuz", 1ULL << 30U);
    iso.extract(made.info.initrd, made.work / "initrd.medium", 4ULL << 30U);
    std::vector<install::InitrdMember> members;
    for (const seeds::AnswerFile& file : made.files.initrd) {
        members.push_back({.path = "/" + file.path, .bytes = file.bytes, .mode = file.mode});
    }
    if (members.empty()) {
        fs::rename(made.work / "initrd.medium", made.work / "initrd");
    } else {
        install::pack_initrd(made.work / "initrd.medium", members, made.work / "initrd");
    }
    if (!made.files.iso_label.empty()) {
        seeds::SeedFiles files;
        for (const seeds::AnswerFile& file : made.files.iso) {
            files[file.path] = file.bytes;
        }
        seeds::write_seed_iso(files, made.files.iso_label, made.work / "answers.iso");
    }
    const ByteSize size = ByteSize::parse(task.recipe->machine.value("disk", "10G"));
    if (size < made.row->disk_minimum) {
        throw Error(Failure::recipe,
                    fmt::format("machine.disk is {}, {} needs at least {}", size.text(), made.row->name, made.row->disk_minimum.text()));
    }
    image::create_empty_qcow2(task.scratch / "disk.qcow2", size);
}

guest::Accelerator for_appliance(const install::InstallPlan& plan) {
    return plan.accel == virt::DomainSpec::Accel::kvm ? guest::Accelerator::kvm : guest::Accelerator::tcg;
}

/// What the user reads when it went wrong: the sentence, what to do, the line to add, and where everything lies.
[[noreturn]] void fail(const StageTask& task, const install::InstallPlan& plan, const install::InstallReport& report) {
    // Before partitioning there is nothing on the disk, and starting an appliance for it would only cost time.
    if (report.reach.empty() && allocated_size(plan.disk) > (8U << 20U)) {
        install::Artefacts(plan.folder).attempt("installer logs", [&] {
            install::pull_installer_logs(plan.disk, plan.row->installer_logs, plan.folder / "installer-logs", for_appliance(plan),
                                         *task.monitor);
        });
    }
    const install::Outcome& outcome = report.outcome;
    std::string hint = outcome.remedy;
    if (!outcome.answer.empty()) {
        hint += fmt::format("\n  line for the answers: {}", outcome.answer);
    }
    hint += fmt::format("\n  console, screen and logs: {}", plan.folder.string());
    if (!report.reach.empty()) {
        hint += fmt::format("\n  the machine is still there:\n  {}", report.reach);
    }
    Error error(outcome.kind == install::Outcome::Kind::too_long ? Failure::timeout : Failure::guest, redact(outcome.message), hint);
    const std::size_t first = report.tail.size() > 8 ? report.tail.size() - 8 : 0;
    for (std::size_t i = first; i < report.tail.size(); ++i) {
        error.add_context("console: " + redact(report.tail[i]));
    }
    throw error;
}

Json facts_of(const Preparation& made, const install::InstalledSystem& system, const install::InstallReport& report,
              const virt::Acceleration& acceleration) {
    return {{"os", made.row->name},
            {"install",
             {{"product", system.os.product},
              {"medium", made.info.label},
              {"medium_sha256", made.medium.sha256},
              {"kernel", system.kernel},
              {"boot_loader", system.boot_loader},
              {"installer_seconds", report.seconds},
              {"acceleration", std::string(virt::to_string(acceleration.accelerator))}}}};
}

/// A mirror or network fault gets one second try, from an empty disk; nothing else does: it would only fail the same way later.
install::InstallReport install_patiently(const StageTask& task, const install::InstallPlan& plan, Activity& activity) {
    install::InstallReport report = install::run_install(plan, *task.services->clock, activity, *task.monitor);
    if (!report.outcome.transient || report.outcome.worth_verifying() || !report.reach.empty()) {
        return report;
    }
    task.monitor->warning("such faults pass: trying once more from an empty disk");
    const fs::path first = fs::path(plan.folder).concat("-first-try");
    remove_tree(first);
    fs::rename(plan.folder, first);
    const ByteSize size = ByteSize::parse(task.recipe->machine.value("disk", "10G"));
    remove_tree(plan.disk);
    image::create_empty_qcow2(plan.disk, size);
    return install::run_install(plan, *task.services->clock, activity, *task.monitor);
}

class InstallStage final : public engine::StageType {
public:
    std::string_view name() const override { return "install"; }
    std::string_view summary() const override { return "run the distribution's installer unattended on an empty disk"; }
    int revision() const override { return 1; }
    const Json& schema() const override;
    void check(const RecipeFacts& recipe, const Json& options, const YamlDocument& document, const std::string& pointer,
               Diagnostics& diagnostics) const override;
    std::vector<Ingredient> ingredients(const RecipeFacts& recipe, const Json& options) const override;
    StageResult run(StageTask& task) const override;
};

const Json& InstallStage::schema() const {
    static const Json schema = [] {
        Json properties = Json::object();
        properties["answers"] = seeds::answers_schema();
        for (const auto& [option, format] : answer_files) {
            properties[option] = {
                {"type", "string"},
                {"description", fmt::format("Your own {} file in place of the generated answers, relative to the recipe", option)},
                {"default", ""}};
        }
        properties["timeout"] = {
            {"type", "string"},
            {"description", "Longest time the installation may take, 90m; empty: what the distribution's template says"},
            {"default", ""}};
        return Json{{"type", "object"}, {"additionalProperties", false}, {"properties", properties}};
    }();
    return schema;
}

void InstallStage::check(const RecipeFacts& recipe, const Json& options, const YamlDocument& document, const std::string& pointer,
                         Diagnostics& diagnostics) const {
    const auto own = own_answers(recipe, options);
    if (!own) {
        Diagnostics faults;
        seeds::parse_answers(answers_block(options), faults, pointer + "/answers");
        for (const Diagnostic& fault : faults.list()) {
            diagnostics.add(document.at(fault.pointer, fault.message, fault.suggestion));
        }
        return;
    }
    const std::string at = pointer + "/" + own->option;
    if (options.contains("answers") && !options.at("answers").empty()) {
        diagnostics.add(document.at(at, fmt::format("'{}' replaces 'answers': give one of them", own->option)));
    }
    if (!fs::exists(own->file)) {
        diagnostics.add(document.at(at, fmt::format("{} does not exist", own->file.string())));
        return;
    }
    diagnostics.append(seeds::check(own->format, read_file(own->file, 4U << 20U), own->file.string()));
}

std::vector<Ingredient> InstallStage::ingredients(const RecipeFacts& recipe, const Json& options) const {
    std::vector<Ingredient> list = medium_ingredients(recipe, packages_of(options));
    for (Ingredient& machine : engine::value_ingredients("machine", recipe.machine)) {
        // How fast it goes is not what comes out.
        if (machine.name != "machine.memory" && machine.name != "machine.vcpus") {
            list.push_back(std::move(machine));
        }
    }
    if (const auto own = own_answers(recipe, options)) {
        list.push_back(engine::file_ingredient("file " + own->file.filename().string(), own->file));
    }
    if (!recipe.os.empty()) {
        list.push_back(engine::file_ingredient("template " + recipe.os, data_path("templates/distributions/" + recipe.os + ".yaml")));
    }
    return list;
}

StageResult InstallStage::run(StageTask& task) const {
    Preparation made;
    made.medium = obtain_medium(task, packages_of(task.options));
    for (const std::string& note : made.medium.notes) {
        task.monitor->message(note);
    }
    in_context([&] { return fmt::format("medium {}", made.medium.iso.string()); },
               [&] {
                   recognise(task, made);
                   write_answers(task, made);
                   unpack_boot_files(task, made);
               });
    const virt::Acceleration acceleration =
        virt::acceleration(*task.services->processes, task.services->places.cache(), task.services->settings);
    install::InstallPlan plan = plan_of(task, made, acceleration);
    if (const std::string limit = task.options.value("timeout", ""); !limit.empty()) {
        plan.total = parse_duration(limit);
    }
    Activity activity(*task.monitor, fmt::format("installing {} {}", made.info.product, made.info.version), task.activity);
    const install::InstallReport report = install_patiently(task, plan, activity);
    if (!report.outcome.worth_verifying()) {
        fail(task, plan, report);
    }
    activity.detail("checking the installed disk");
    const install::InstalledSystem system = install::verify_disk(plan.disk,
                                                                 {.marker = plan.marker,
                                                                  .marker_file = std::string(seeds::result_file),
                                                                  .bios = !uefi(*task.recipe),
                                                                  .accelerator = for_appliance(plan),
                                                                  .activity = activity.id()},
                                                                 *task.monitor);
    activity.finish();
    remove_tree(made.work);
    return {.disk = "disk.qcow2", .facts = facts_of(made, system, report, acceleration), .standalone = true};
}

}  // namespace

const engine::StageType& install_stage() {
    static const InstallStage stage;
    return stage;
}

}  // namespace imgforge::stages
