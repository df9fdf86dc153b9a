// SPDX-License-Identifier: GPL-3.0-or-later
#include <filesystem>

#include <fmt/format.h>

#include "builder/base/byte_size.hpp"
#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/redact.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/cli/commands.hpp"
#include "builder/image/backing_chain.hpp"
#include "builder/image/qemu_img.hpp"
#include "seeds/cloud_yaml.hpp"
#include "seeds/findings.hpp"
#include "seeds/seed_reader.hpp"
#include "seeds/seed_view.hpp"
#include "seeds/text.hpp"

namespace imgforge::cli {
namespace {

constexpr int not_taken = 5;  ///< audit or verification failed

bool is_qcow2(const std::filesystem::path& path) {
    std::error_code ignored;
    return std::filesystem::is_regular_file(path, ignored) &&
           std::filesystem::file_size(path, ignored) >= 4 &&
           std::filesystem::file_size(path, ignored) <= (256U << 20U) &&
           read_file(path).starts_with("QFI\xfb");
}

/// A seed of any form; a qcow2 image is unpacked first. Its header is looked at by qemu-img, which refuses a
/// backing file that is not there; one that is there is not followed (raw output of the top image only).
seeds::FoundSeed open_seed(const std::string& path, const Arguments& arguments, CommandContext& context) {
    const auto word = arguments.get("for");
    const seeds::Guest guest = word ? seeds::guest_named(*word) : seeds::Guest{};
    if (!is_qcow2(path)) {
        return seeds::read_seed(path, guest);
    }
    static_cast<void>(image::read_backing_chain(path, image::DiskFormat::qcow2, {.allow_backing = false}));
    const TempDir scratch("seed");
    const std::filesystem::path raw = scratch.path() / "seed.raw";
    image::qemu_img::run_convert(*context.processes, {.from = path,
                                                      .from_format = image::DiskFormat::qcow2,
                                                      .to = raw,
                                                      .to_format = image::DiskFormat::raw});
    try {
        return seeds::read_seed(raw, guest);
    } catch (const Error& error) {
        std::string message = error.message();
        if (const auto at = message.find(raw.string()); at != std::string::npos) {
            message.replace(at, raw.string().size(), path);  // nobody knows the unpacked file
        }
        throw Error(error.kind(), message, error.hint());
    }
}

std::string indented(const std::string& text) {
    std::string out;
    for (const std::string_view line : seeds::lines_of(text)) {
        out += "    " + std::string(line) + "\n";
    }
    return out;
}

/// Decoded, without secrets unless they are asked for, and harmless for a terminal.
std::string contents(const std::string& path, const std::string& bytes, bool secrets) {
    const std::string text = seeds::readable(bytes, path);
    return seeds::terminal_safe(secrets ? text : seeds::without_secrets(text));
}

int inspect(const Arguments& arguments, CommandContext& context) {
    const seeds::FoundSeed seed = open_seed(arguments.get_or("ISO", ""), arguments, context);
    const bool secrets = arguments.has("show-secrets");
    const bool all = arguments.has("contents") || secrets;
    Json record = seeds::seed_record(seed);
    std::string text = fmt::format("datasource  {}\nlabel       {}\n", seed.datasource,
                                   seed.label.empty() ? "(none)" : seeds::terminal_safe(seed.label));
    for (Json& file : record["files"]) {
        const std::string path = file["path"];
        const std::string& bytes = seed.files.at(path);
        text += fmt::format("{}  {}, sha256 {}\n", seeds::terminal_safe(path),
                            ByteSize::bytes(bytes.size()).text(), file["sha256"].get<std::string>());
        if (all) {
            const std::string shown = contents(path, bytes, secrets);
            text += indented(shown);
            file["content"] = shown;
        }
    }
    text += seed.problems.empty()
                ? "no problems\n"
                : seeds::terminal_safe(secrets ? seeds::findings_text(seed.problems)
                                               : redact(seeds::findings_text(seed.problems))) +
                      "\n";
    context.result(record, text);
    return seed.problems.has_errors() ? not_taken : 0;
}

int extract(const Arguments& arguments, CommandContext& context) {
    const seeds::FoundSeed seed = open_seed(arguments.get_or("ISO", ""), arguments, context);
    const std::filesystem::path folder = arguments.get_or("DIR", "");
    for (const auto& [path, bytes] : seed.files) {
        if (std::filesystem::exists(folder / path) && !arguments.has("force")) {
            throw Error(Failure::usage, fmt::format("{} exists already", (folder / path).string()),
                        "add --force to replace it, or name another directory");
        }
    }
    seeds::write_seed_dir(seed.files, folder);
    Json record = seeds::seed_record(seed);
    record["path"] = std::filesystem::absolute(folder).string();
    context.result(record, fmt::format("{}\n  {} files of a {} seed\n", folder.string(), seed.files.size(),
                                       seed.datasource));
    return 0;
}

/// Lines of one side that the other has not, in the order of a longest common subsequence.
std::string line_diff(const std::string& a, const std::string& b) {
    const auto left = seeds::lines_of(a);
    const auto right = seeds::lines_of(b);
    constexpr std::size_t most = 4000;
    if (left.size() > most || right.size() > most) {
        return "  (too long to compare line by line)\n";
    }
    std::vector<std::vector<std::uint16_t>> length(left.size() + 1,
                                                   std::vector<std::uint16_t>(right.size() + 1, 0));
    for (std::size_t i = left.size(); i-- > 0;) {
        for (std::size_t j = right.size(); j-- > 0;) {
            length[i][j] = left[i] == right[j] ? static_cast<std::uint16_t>(length[i + 1][j + 1] + 1)
                                               : std::max(length[i + 1][j], length[i][j + 1]);
        }
    }
    std::string out;
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < left.size() || j < right.size()) {
        if (i < left.size() && j < right.size() && left[i] == right[j]) {
            ++i;
            ++j;
        } else if (j >= right.size() || (i < left.size() && length[i + 1][j] >= length[i][j + 1])) {
            out += fmt::format("  -{}\n", left[i++]);
        } else {
            out += fmt::format("  +{}\n", right[j++]);
        }
    }
    return out;
}

int diff(const Arguments& arguments, CommandContext& context) {
    const seeds::FoundSeed a = open_seed(arguments.get_or("A", ""), arguments, context);
    const seeds::FoundSeed b = open_seed(arguments.get_or("B", ""), arguments, context);
    const bool secrets = arguments.has("show-secrets");
    std::map<std::string, int> paths;
    for (const auto& file : a.files) {
        paths[file.first] |= 1;
    }
    for (const auto& file : b.files) {
        paths[file.first] |= 2;
    }
    Json changes = Json::array();
    std::string text;
    for (const auto& [path, sides] : paths) {
        if (sides == 3 && a.files.at(path) == b.files.at(path)) {
            continue;
        }
        const std::string state = sides == 1 ? "removed" : sides == 2 ? "added" : "changed";
        text += fmt::format("{} {}\n", state, seeds::terminal_safe(path));
        Json change{{"path", path}, {"change", state}};
        if (sides == 3) {
            const std::string lines = line_diff(contents(path, a.files.at(path), secrets),
                                                contents(path, b.files.at(path), secrets));
            text += lines.empty() ? "  (the difference is in what is masked or encoded)\n" : lines;
            change["lines"] = lines;
        }
        changes.push_back(std::move(change));
    }
    if (a.label != b.label) {
        text += fmt::format("label {} -> {}\n", seeds::terminal_safe(a.label), seeds::terminal_safe(b.label));
    }
    const bool same = changes.empty() && a.label == b.label;
    context.result({{"same", same}, {"labels", {a.label, b.label}}, {"changes", changes}},
                   same ? "the seeds are the same\n" : text);
    return same ? 0 : 1;
}

int show_seed(const Arguments& arguments, CommandContext& context) {
    const seeds::FoundSeed seed = open_seed(arguments.get_or("ISO", ""), arguments, context);
    const std::string base = seed.datasource == "configdrive" ? "openstack/latest/user_data" : "user-data";
    const auto found = seed.files.find(base);
    if (found == seed.files.end()) {
        throw Error(Failure::integrity, fmt::format("this seed has no {}", base));
    }
    const bool secrets = arguments.has("show-secrets");
    if (!arguments.has("merged")) {
        const std::string text = contents(base, found->second, secrets);
        context.result({{"path", base}, {"content", text}}, text);
        return 0;
    }
    std::vector<std::string> others;
    const Json merged = seeds::merged_config(found->second, base, others);
    const std::string yaml = "#cloud-config\n" + seeds::yaml_text(merged);
    std::string text = seeds::terminal_safe(secrets ? yaml : seeds::without_secrets(yaml));
    for (const std::string& other : others) {
        text += "# also run: " + seeds::terminal_safe(other) + "\n";
    }
    context.result({{"cloud_config", secrets ? merged : Json(nullptr)}, {"text", text}, {"others", others}},
                   text);
    return 0;
}

Option for_option() {
    return {.names = {"--for"},
            .value = "GUEST",
            .help = "check as the cloud-init of debian12, ubuntu2404 … or of a version such as 22.4 would"};
}

Option secrets_option() {
    return {.names = {"--show-secrets"}, .help = "do not mask secrets"};
}

Positional image_argument(std::string name) {
    return {.name = std::move(name),
            .help = "the image (ISO, vfat, tar, qcow2), a block device, or a directory",
            .completes = Completes::file};
}

}  // namespace

Command seed_inspect_command() {
    return {.name = "seed inspect",
            .group = "Tools",
            .summary = "read a seed and report what is wrong with it",
            .description =
                "Reads a seed written by any program and checks it as cloud-init would. Exits 5 "
                "when cloud-init would not accept the seed or would ignore something in it. "
                "Parts are decoded before they are shown; passwords, hashes and private keys are "
                "masked.",
            .positionals = {image_argument("ISO")},
            .options = {{.names = {"--contents"}, .help = "also show what is in the files, secrets masked"},
                        {.names = {"--show-secrets"}, .help = "like --contents, without masking secrets"},
                        for_option()},
            .examples = {{"imgforge seed inspect web-1-seed.iso", "datasource, label, files and problems"}},
            .run = inspect};
}

Command seed_extract_command() {
    return {.name = "seed extract",
            .group = "Tools",
            .summary = "write the files of a seed into a directory",
            .description =
                "Files get mode 0600. In an existing directory, other files are left "
                "alone.",
            .positionals = {image_argument("ISO"),
                            {.name = "DIR", .help = "where to", .completes = Completes::file}},
            .options = {{.names = {"--force"}, .help = "replace existing files"}},
            .examples = {{"imgforge seed extract web-1-seed.iso web-1", "its files below web-1/"}},
            .run = extract};
}

Command seed_diff_command() {
    return {.name = "seed diff",
            .group = "Tools",
            .summary = "compare two seeds file by file",
            .description =
                "Shows which files differ and how, decoded and with secrets masked. Exits 1 when "
                "the seeds differ.",
            .positionals = {image_argument("A"), image_argument("B")},
            .options = {secrets_option()},
            .examples = {{"imgforge seed diff old-seed.iso new-seed.iso", "what a new seed changes"}},
            .run = diff};
}

Command seed_show_command() {
    return {.name = "seed show",
            .group = "Tools",
            .summary = "show the user-data of a seed",
            .description =
                "Decoded and with secrets masked. With --merged: the one cloud-config that cloud-init "
                "has after merging all parts by their Merge-Type.",
            .positionals = {image_argument("ISO")},
            .options = {{.names = {"--merged"}, .help = "show what cloud-init makes of all parts"},
                        secrets_option()},
            .examples = {{"imgforge seed show --merged web-1-seed.iso", "the cloud-config of that machine"}},
            .run = show_seed};
}

}  // namespace imgforge::cli
