// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/machine_files.hpp"

#include <sys/stat.h>

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/quick_file.hpp"
#include "builder/base/user_path.hpp"
#include "builder/image/overlay.hpp"
#include "builder/image/qemu_img.hpp"
#include "pipelines/lifecycle/machine_domain.hpp"
#include "pipelines/lifecycle/ssh_keys.hpp"

namespace imgforge::lifecycle {
namespace {

namespace fs = std::filesystem;

/// A user's own file for the seed: 16 MiB is far above what a datasource takes.
std::optional<std::string> user_file(const std::optional<fs::path>& path) {
    constexpr std::uintmax_t limit = 16U << 20U;
    return path ? std::optional(read_file(*path, limit)) : std::nullopt;
}

std::vector<std::string> login_keys(Lifecycle& lifecycle, const SpawnOptions& options) {
    std::vector<std::string> keys = {store_ssh_key(lifecycle.places().keys()).public_key};
    const auto add = [&](const std::vector<std::string>& more) {
        for (const auto& key : more) {
            if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
                keys.push_back(key);
            }
        }
    };
    add(callers_public_keys());
    for (const std::string& text : lifecycle.settings().ssh_keys) {
        // A setting may hold the key itself or name a file of keys.
        text.find(' ') != std::string::npos ? add({text}) : add(read_public_keys(user_path(text)));
    }
    for (const auto& file : options.ssh_key_files) {
        add(read_public_keys(file));
    }
    return keys;
}

void make_folder(const fs::path& folder, const std::string& name) {
    make_directories(folder.parent_path());
    // Others may pass through (QEMU of qemu:///system runs as its own user) but not look; what is secret has
    // a mode of its own.
    if (mkdir(folder.c_str(), 0711) != 0) {
        if (errno == EEXIST) {
            throw Error(Failure::domain,
                        fmt::format("{} exists although no machine '{}' is recorded", folder.string(), name),
                        "imgforge cleanup takes up or removes such directories");
        }
        throw system_error("create", folder.string(), errno);
    }
    chmod(folder.c_str(), 0711);
}

void make_full_copy(ProcessRunner& processes, const fs::path& disk, const MachineSource& source) {
    const bool standalone = source.chain.size() == 1;
    if (source.mode == DiskMode::copy && standalone) {
        copy_file_fast(source.chain.front(), disk, 0600);
    } else {
        image::qemu_img::ConvertSpec convert{.from = source.chain.front(), .to = disk};
        if (source.mode == DiskMode::thick) {
            convert.options = {"preallocation=falloc"};
        }
        image::qemu_img::run_convert(processes, convert);
        fs::permissions(disk, fs::perms::owner_read | fs::perms::owner_write);
    }
    if (source.disk_size) {
        run_checked(processes, image::qemu_img::resize(disk, image::DiskFormat::qcow2, *source.disk_size));
    }
}

void make_data_disks(MachineRecord& record, const fs::path& folder) {
    for (std::size_t i = 0; i < record.data_disks.size(); ++i) {
        auto& disk = record.data_disks[i];
        disk.path = folder / fmt::format("data-{}.qcow2", i + 1);
        image::create_empty_qcow2(disk.path, disk.size);
    }
}

/// "{name}" and "{n}" in a user's file: what is the machine's own. A text without them, binary ones included,
/// is not touched.
void fill_in(std::optional<std::string>& text, const std::string& name) {
    if (!text) {
        return;
    }
    const std::string host = name.substr(0, name.find('.'));
    const std::size_t before = host.find_last_not_of("0123456789");
    const std::string number = before == std::string::npos ? host : host.substr(before + 1);
    for (const auto& [mark, value] : {std::pair("{name}", name), std::pair("{n}", number)}) {
        for (std::size_t at = text->find(mark); at != std::string::npos; at = text->find(mark, at + 1)) {
            if (at == 0 || (*text)[at - 1] != '{') {  // "{{name}}" is jinja's
                text->replace(at, std::string_view(mark).size(), value);
            }
        }
    }
}

seeds::SeedSpec make_seed(MachineRecord& record, const fs::path& folder, seeds::SeedSpec seed) {
    seed = named_seed(std::move(seed), record);
    seed.host_keys = seeds::make_host_keys({"ed25519", "ecdsa"}, record.name);
    record.host_keys.clear();
    std::string known_hosts;
    for (const auto& key : seed.host_keys) {
        record.host_keys.push_back(key.public_key);
        known_hosts += known_hosts_line(record.name, key.public_key);
    }
    write_file_unflushed(folder / "known_hosts", known_hosts);
    record.seed = folder / "seed.iso";
    const std::string image = seeds::seed_iso(seeds::seed_files(seed), seeds::volume_label(seed.datasource),
                                              seeds::reproducible_time());
    write_file_unflushed(record.seed, image, 0600);
    if (record.warm) {
        fs::resize_file(record.seed, warm_seed_size);
    }
    return seed;
}

}  // namespace

std::vector<fs::path> image_chain(store::Store& store, const store::Generation& generation) {
    std::vector<fs::path> chain = {generation.disk()};
    for (store::Generation above = generation; above.parent;) {
        const auto next = store.parent_of(above);
        if (!next) {
            throw Error(Failure::integrity,
                        fmt::format("{} is based on {}@{}, which is not in the store", generation.label(),
                                    generation.image, *above.parent),
                        "imgforge images verify");
        }
        chain.push_back(next->disk());
        above = *next;
    }
    return chain;
}

namespace {

/// What the options say, with the errors of the user's files thrown and their warnings kept.
seeds::SeedSpec checked_seed(Lifecycle& lifecycle, const SpawnOptions& options, const std::string& user,
                             bool user_is_images_own, Diagnostics& warnings) {
    seeds::SeedSpec seed;
    seed.ssh_keys = login_keys(lifecycle, options);
    if (!user_is_images_own) {
        seed.users.push_back({.name = user, .sudo = true, .ssh_keys = seed.ssh_keys});
    }
    seed.user_data = user_file(options.user_data);
    if (options.user_data_text) {
        seed.user_data = options.user_data_text;
    }
    seed.network_config = user_file(options.network_config);
    seed.vendor_data = user_file(options.vendor_data);
    if (options.vendor_data_text) {
        seed.vendor_data = options.vendor_data_text;
    }
    if (options.vendor_data) {
        seed.vendor_data_name = options.vendor_data->string();
    }
    if (options.user_data) {
        seed.user_data_name = options.user_data->string();
    }
    if (options.network_config) {
        seed.network_config_name = options.network_config->string();
    }
    // Made once for nothing, as some machine's: all errors of the user's files show before anything is
    // reserved.
    seeds::SeedSpec sample = seed;
    fill_in(sample.user_data, "machine-1");
    fill_in(sample.network_config, "machine-1");
    static_cast<void>(seeds::seed_files(sample, warnings));
    return seed;
}

}  // namespace

seeds::SeedSpec common_seed(Lifecycle& lifecycle, const SpawnOptions& options, const std::string& user,
                            bool user_is_images_own) {
    Diagnostics warnings;
    const seeds::SeedSpec seed = checked_seed(lifecycle, options, user, user_is_images_own, warnings);
    for (const auto& warning : warnings.list()) {
        lifecycle.monitor().warning(to_text(warning));
    }
    return seed;
}

void check_seed(Lifecycle& lifecycle, const SpawnOptions& options) {
    Diagnostics warnings;
    checked_seed(lifecycle, options, options.user.empty() ? "imgforge" : options.user, false, warnings);
}

seeds::SeedSpec named_seed(seeds::SeedSpec seed, const MachineRecord& record) {
    const std::string host = record.hostname.empty() ? record.name : record.hostname;
    seed.hostname = host.substr(0, host.find('.'));
    seed.fqdn = host.find('.') == std::string::npos ? "" : host;
    seed.instance_id = record.instance_id;
    fill_in(seed.user_data, record.name);
    fill_in(seed.network_config, record.name);
    return seed;
}

void make_root_disk(ProcessRunner& processes, const fs::path& disk, const MachineSource& source) {
    if (source.mode != DiskMode::overlay) {
        make_full_copy(processes, disk, source);
        return;
    }
    if (!source.warm_disk.empty()) {
        // The template's overlay holds what its guest wrote until it was frozen; without it the memory is
        // worth nothing. Its backing file is named as seen from here.
        copy_file_fast(source.warm_disk, disk, 0600);
        return;
    }
    image::OverlaySpec overlay{.overlay = disk, .backing = source.chain.front()};
    // Relative, so that $IMGFORGE_HOME can move as a whole.
    overlay.backing_name = fs::proximate(source.chain.front(), disk.parent_path()).string();
    overlay.virtual_size = source.disk_size;
    image::create_overlay(overlay);
}

seeds::SeedSpec make_machine_files(Lifecycle& lifecycle, MachineRecord& record, const MachineSource& source) {
    const fs::path folder = lifecycle.folder(record.name);
    return in_context([&] { return fmt::format("making the files of machine '{}'", record.name); },
                      [&] {
                          make_folder(folder, record.name);
                          record.disk = folder / "disk.qcow2";
                          record.backing =
                              source.mode == DiskMode::overlay ? source.chain : std::vector<fs::path>();
                          write_file_unflushed(folder / "instance.json", pretty(to_json(record)));
                          if (source.copy_disks) {
                              source.copy_disks(record);
                          } else if (source.make_root) {
                              source.make_root(record);
                              make_data_disks(record, folder);
                          } else {
                              make_root_disk(lifecycle.processes(), record.disk, source);
                              make_data_disks(record, folder);
                          }
                          return make_seed(record, folder, source.seed);
                      });
}

}  // namespace imgforge::lifecycle
