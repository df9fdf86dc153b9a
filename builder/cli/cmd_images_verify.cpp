// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/signing_key.hpp"
#include "builder/cli/commands.hpp"
#include "builder/cli/images_support.hpp"
#include "pipelines/store/attestation.hpp"
#include "pipelines/store/verify.hpp"

namespace imgforge::cli {
namespace {

/// A damaged database cannot be opened; with --repair it is put aside and a new one filled.
StateDb open_database(CommandContext& context, bool fix, std::vector<std::string>& fixed) {
    const std::filesystem::path file = context.places.state_db();
    try {
        StateDb database(file);
        store::require_sound_database(database);
        return database;
    } catch (const Error& error) {
        if (error.kind() != Failure::integrity || !fix) {
            throw;
        }
        const auto aside = store::move_damaged_database_aside(file, context.clock->wall_seconds());
        fixed.push_back(fmt::format("the damaged database is now {}", aside.string()));
        return StateDb(file);
    }
}

/// What --key is held against: a generation of the store, or a directory or file that was copied from one.
struct Attested {
    std::string label;
    std::filesystem::path folder;
    std::filesystem::path disk;
};

Attested attested(const std::string& name, const store::Store& store) {
    const std::filesystem::path path = name;
    std::error_code code;
    if (std::filesystem::is_directory(path, code)) {
        return {.label = name, .folder = path, .disk = path / "disk.qcow2"};
    }
    if (std::filesystem::exists(path, code)) {
        return {.label = name, .folder = std::filesystem::absolute(path).parent_path(), .disk = path};
    }
    const store::Generation generation = store.resolve(name);
    return {.label = generation.label(), .folder = generation.folder, .disk = generation.disk()};
}

/// Signature and digests of what was signed, by the key given; needs no other record.
int verify_signed(const Arguments& arguments, CommandContext& context, const store::Store& store) {
    const SigningKey key = SigningKey::load(arguments.get("key").value());
    Json list = Json::array();
    std::string text;
    bool clean = true;
    std::vector<std::string> names = arguments.all("IMAGE");
    for (const std::string& name : names.empty() ? store.images() : names) {
        const Attested one = attested(name, store);
        if (!std::filesystem::exists(one.folder / store::attestation_name)) {
            throw Error(Failure::integrity, fmt::format("{} has no {}", one.label, store::attestation_name),
                        "it was published before there were any, or copied without it");
        }
        const store::AttestationCheck check = store::check_attestation(one.folder, one.disk, key);
        clean = clean && check.problems.empty();
        list.push_back({{"image", one.label}, {"problems", check.problems}, {"key", check.key_id}});
        for (const std::string& problem : check.problems) {
            text += fmt::format("{}: {}\n", one.label, problem);
        }
        if (check.problems.empty()) {
            text += fmt::format("{}: disk and manifest are as {} signed them\n", one.label, check.key_id);
        }
    }
    context.result({{"clean", clean}, {"attestations", list}}, text);
    return static_cast<int>(clean ? ExitCode::ok : ExitCode::verification_failed);
}

int verify_images(const Arguments& arguments, CommandContext& context) {
    std::vector<std::string> fixed;
    StateDb database = open_database(context, arguments.has("repair"), fixed);
    store::Store open(context.places, database, *context.clock);
    if (arguments.has("key")) {
        return verify_signed(arguments, context, open);
    }
    if (arguments.has("repair")) {
        const std::vector<std::string> lines = store::repair(open, *context.monitor);
        fixed.insert(fixed.end(), lines.begin(), lines.end());
    }
    const std::vector<store::Finding> findings = store::verify(
        open, {.images = arguments.all("IMAGE"), .digests = !arguments.has("quick")}, *context.monitor);
    Json record = {{"clean", findings.empty()}, {"findings", Json::array()}, {"repaired", fixed}};
    std::string text;
    for (const std::string& line : fixed) {
        text += line + "\n";
    }
    bool repairable = false;
    for (const store::Finding& finding : findings) {
        record["findings"].push_back(store::to_json(finding));
        const std::string where =
            finding.generation != 0 ? fmt::format("{}@{}", finding.image, finding.generation) : finding.image;
        text += fmt::format("{}: {}: {} {}\n", where, finding.what, finding.path.string(), finding.problem);
        repairable = repairable || finding.repairable;
    }
    text += findings.empty() ? "all generations are as they were published\n"
            : arguments.has("repair")
                ? "what is listed could not be repaired: damaged generations need another build, and are not "
                  "used until then\n"
            : repairable
                ? "`imgforge images verify --repair` fixes the records; damaged disks need another build\n"
                : "damaged generations need another build; `imgforge images delete` removes them\n";
    context.result(record, text);
    return static_cast<int>(findings.empty() ? ExitCode::ok : ExitCode::verification_failed);
}

}  // namespace

Command images_verify_command() {
    return {
        .name = "images verify",
        .group = "Images",
        .summary = "re-hash every generation and compare directories, manifests and database",
        .description =
            "Exits 5 when anything differs from what was published; every finding names the "
            "file. --repair rebuilds the database index from the directories, even after the "
            "database was lost; it never touches a disk.",
        .positionals = {{.name = "IMAGE",
                         .help = "only these: NAME or NAME@GENERATION; with --key also a directory or a file",
                         .required = false,
                         .repeatable = true,
                         .completes = Completes::image}},
        .options = {{.names = {"--repair"}, .help = "rebuild the database's index from the directories"},
                    {.names = {"--quick"}, .help = "without re-hashing the disks"},
                    {.names = {"--key"},
                     .value = "FILE",
                     .help =
                         "check attestation.json by this Ed25519 key, also of a directory or file elsewhere",
                     .completes = Completes::file}},
        .examples = {{"imgforge images verify --json", "for a monitoring system"},
                     {"imgforge images verify debian13 --key signing.pem.pub",
                      "who built it, and whether it was changed"}},
        .run = verify_images};
}

}  // namespace imgforge::cli
