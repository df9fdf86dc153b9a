// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/stages/install_answers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/install/install_plan.hpp"
#include "pipelines/compose/references.hpp"
#include "seeds/answer_limits.hpp"

namespace imgforge::stages {

namespace fs = std::filesystem;
using engine::RecipeFacts;

namespace {

constexpr std::uint64_t answer_limit = 4U << 20U;

MadeAnswers from_own_file(const OwnAnswers& own, const Json& options, const templates::Distribution& row,
                          const seeds::AnswerFacts& facts) {
    MadeAnswers made{.format = own.format};
    if (to_string(own.format) != row.answers) {
        made.faults.add({.pointer = "/" + own.option,
                         .message = fmt::format("'{}' is for another installer: {} reads {} files",
                                                own.option, row.name, row.answers),
                         .suggestion = row.answers});
        return made;
    }
    const std::string text = read_file(own.file, answer_limit);
    made.faults = seeds::check(own.format, text, own.file.string(), facts);
    if (made.faults.has_errors()) {
        return made;
    }
    made.text = seeds::with_marker(own.format, text, facts);
    made.files = seeds::deliver(own.format, made.text, facts);
    made.network = options.contains("network") && options.at("network").is_boolean()
                       ? options.at("network").get<bool>()
                       : seeds::wants_network(own.format, made.text, facts);
    return made;
}

}  // namespace

std::optional<OwnAnswers> own_answers(const RecipeFacts& recipe, const Json& options) {
    for (const auto& [option, format] : answer_files) {
        if (options.contains(option) && !options.at(option).get<std::string>().empty()) {
            const fs::path named = options.at(option).get<std::string>();
            return OwnAnswers{.option = option,
                              .format = format,
                              .file = named.is_absolute() ? named : recipe.folder / named};
        }
    }
    return std::nullopt;
}

void check_values(const OwnAnswers& own, const Json& options, const YamlDocument& document,
                  const std::string& pointer, Diagnostics& diagnostics) {
    const Json values = options.value("values", Json::object());
    const std::string text = values.empty() ? std::string() : read_file(own.file, answer_limit);
    for (const auto& item : values.items()) {
        if (text.find("@" + item.key() + "@") == std::string::npos) {
            diagnostics.add(document.at(pointer + "/values/" + item.key(),
                                        fmt::format("{} has no '@{}@' that this could replace",
                                                    own.file.filename().string(), item.key()),
                                        "write it where the value belongs"));
        }
    }
}

void fill_values(MadeAnswers& answers, const Json& options,
                 const std::function<std::string(const std::string& name)>& secret) {
    const Json values = options.value("values", Json::object());  // items() refers to it
    for (const auto& item : values.items()) {
        const std::string mark = "@" + item.key() + "@";
        const std::string value = compose::with_secrets(item.value().get<std::string>(), secret);
        const auto fill = [&](std::string& text) {
            for (std::size_t at = 0; (at = text.find(mark, at)) != std::string::npos; at += value.size()) {
                text.replace(at, mark.size(), value);
            }
        };
        fill(answers.text);
        for (auto* const files : {&answers.files.initrd, &answers.files.iso}) {
            for (seeds::AnswerFile& file : *files) {
                fill(file.bytes);
            }
        }
    }
}

Json answers_block(const Json& options) {
    return options.contains("answers") ? options.at("answers") : Json::object();
}

std::vector<std::string> packages_of(const Json& options) {
    const Json block = answers_block(options);
    return block.contains("packages") ? block.at("packages").get<std::vector<std::string>>()
                                      : std::vector<std::string>();
}

bool uses_uefi(const RecipeFacts& recipe) {
    return recipe.machine.firmware == Firmware::uefi;
}

seeds::AnswerFacts facts_of_row(const templates::Distribution& row, const RecipeFacts& recipe) {
    return {.nonce = "0000000000000000",
            .uefi = uses_uefi(recipe),
            .offline = !row.offline_files.empty(),
            .version = row.version,
            .suite = row.codename,
            .product = row.product,
            .arch = row.boot.empty() ? "amd64" : row.boot.front().arch};
}

MadeAnswers make_answers(const RecipeFacts& recipe, const Json& options, const templates::Distribution& row,
                         const seeds::AnswerFacts& facts) {
    if (row.answers == "none") {
        throw Error(
            Failure::recipe,
            fmt::format("{} cannot be installed unattended: its live system reads no answer file on a "
                        "serial console",
                        row.product));
    }
    if (const auto own = own_answers(recipe, options)) {
        return from_own_file(*own, options, row, facts);
    }
    MadeAnswers made{.format = seeds::parse_answer_format(row.answers)};
    const seeds::Answers answers = seeds::parse_answers(answers_block(options), made.faults, "/answers");
    seeds::check_limits(made.format, answers, facts, made.faults, "/answers");
    if (made.faults.has_errors()) {
        return made;
    }
    made.text = seeds::answer_text(made.format, answers, facts);
    made.files = seeds::generate(made.format, answers, facts);
    made.network = seeds::wants_network(made.format, answers, facts);
    made.faults.append(seeds::check(made.format, made.text, "generated answers", facts));
    return made;
}

std::vector<std::string> write_answers_to(const RecipeFacts& recipe, const Json& options,
                                          const fs::path& directory) {
    if (recipe.os.empty()) {
        throw Error(Failure::recipe, "the recipe does not say which distribution it installs",
                    "add `os: debian13`, or another name of a row");
    }
    const templates::Distribution& row = templates::distribution(recipe.os);
    const MadeAnswers made = make_answers(recipe, options, row, facts_of_row(row, recipe));
    made.faults.throw_if_errors();
    make_directories(directory);
    std::vector<std::string> names;
    const auto write = [&](const std::string& path, const std::string& bytes) {
        make_directories((directory / path).parent_path());
        write_file_atomically(directory / path, bytes);
        names.push_back(path);
    };
    for (const auto& files : {made.files.initrd, made.files.iso}) {
        for (const seeds::AnswerFile& file : files) {
            write(file.path, file.bytes);
        }
    }
    std::map<std::string, std::string> facts{{"label", "{label}"}, {"iso_uuid", "{iso_uuid}"}};
    for (const templates::MediumFact& fact : row.facts) {
        facts.emplace(fact.name, "{" + fact.name + "}");
    }
    write("kernel-line.txt",
          install::with_arguments(templates::render_kernel_line(row, facts), made.files.kernel_arguments) +
              "\n");
    return names;
}

}  // namespace imgforge::stages
