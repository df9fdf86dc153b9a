// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/targets/whole_files.hpp"

#include <sstream>

#include <fmt/format.h>

#include "builder/base/file.hpp"
#include "builder/base/random.hpp"
#include "pipelines/exchange/export.hpp"
#include "pipelines/exchange/workspace.hpp"
#include "pipelines/targets/folder_writer.hpp"

namespace fs = std::filesystem;

namespace imgforge::targets {
namespace {

constexpr const char* sums_name = "SHA256SUMS";
constexpr std::size_t digest_digits = 64;

std::string whole_name(const std::string& image, int generation) {
    return fmt::format("{}-{}.qcow2", image, generation);
}

}  // namespace

WholeFiles::WholeFiles(fs::path folder) : folder_(std::move(folder)) {}

/// Lines of sha256sum(1): the digest, two characters, the name.
std::map<std::string, std::string> WholeFiles::sums() const {
    std::map<std::string, std::string> found;
    std::error_code code;
    if (!fs::exists(folder_ / sums_name, code)) {
        return found;
    }
    std::istringstream lines(read_file(folder_ / sums_name, 16U << 20U));
    for (std::string line; std::getline(lines, line);) {
        if (line.size() > digest_digits + 2) {
            found[line.substr(digest_digits + 2)] = line.substr(0, digest_digits);
        }
    }
    return found;
}

void WholeFiles::write_sums(const std::map<std::string, std::string>& sums) const {
    std::string text;
    for (const auto& [name, digest] : sums) {
        text += fmt::format("{}  {}\n", digest, name);
    }
    write_file_atomically(folder_ / sums_name, text, 0644);
}

void WholeFiles::add(const TargetServices& services, const store::Generation& generation) {
    const auto lock = open_local_writer(folder_, "push");
    const std::string name = whole_name(generation.image, generation.generation);
    std::map<std::string, std::string> all = sums();
    if (!all.contains(name)) {
        const exchange::Workspace work(services.store, generation.image);
        services.store.add_reference(generation.image, generation.generation, work.holder());
        const exchange::ExportFile file = exchange::export_disk(
            {.disk = generation.disk(),
             .name = generation.image,
             .tag = std::to_string(generation.generation),
             .arch = {},
             .virtual_size = generation.virtual_size,
             .standalone = generation.depth == 0},
            exchange::ExportFormat::qcow2, folder_ / name, {.compat = true, .force = true},
            {.processes = services.processes, .monitor = services.monitor, .work_folder = work.folder()});
        fs::permissions(folder_ / name, fs::perms(0644));
        all[name] = file.sha256;
        write_sums(all);
    }
    if (generation.state == store::GenerationState::current) {
        point(generation.image, generation.generation);
    }
}

void WholeFiles::point(const std::string& image, int generation) {
    std::map<std::string, std::string> all = sums();
    const auto file = all.find(whole_name(image, generation));
    if (file == all.end()) {
        return;
    }
    // A reader between the two steps finds a digest that does not fit, and asks again.
    const fs::path link = folder_ / (image + ".qcow2");
    const fs::path fresh = link.string() + ".new-" + random_hex(8);
    fs::create_symlink(file->first, fresh);
    fs::rename(fresh, link);
    all[image + ".qcow2"] = file->second;
    write_sums(all);
}

void WholeFiles::remove(const std::string& image, int generation) {
    const auto lock = open_local_writer(folder_, "remove");
    std::map<std::string, std::string> all = sums();
    if (all.erase(whole_name(image, generation)) != 0) {
        write_sums(all);
    }
    std::error_code code;
    fs::remove(folder_ / whole_name(image, generation), code);
}

}  // namespace imgforge::targets
