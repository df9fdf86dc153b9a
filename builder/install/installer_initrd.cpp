// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/installer_initrd.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/install/control_file.hpp"

namespace imgforge::install {

namespace {

constexpr const char* status_file = "var/lib/dpkg/status";
constexpr const char* info_folder = "var/lib/dpkg/info/";

// What udpkg and main-menu look for beside the files.
constexpr std::array<const char*, 7> scripts = {"postinst",      "preinst", "prerm",   "templates",
                                                "isinstallable", "config",  "menutest"};

bool is_kernel_udeb(const Stanza& stanza) {
    const std::string name = stanza.field("Package");
    return !stanza.field("Kernel-Version").empty() ||
           (name.ends_with("-di") && name.find("-modules-") != std::string::npos) ||
           name.starts_with("kernel-image-");
}

/// The fields of a record in udpkg's database.
std::string status_stanza(const Stanza& control) {
    std::string text = fmt::format("Package: {}\nStatus: install ok unpacked\n", control.field("Package"));
    for (const char* field : {"Version", "Depends", "Provides", "Description", "Installer-Menu-Item",
                              "Kernel-Version", "Subarchitecture"}) {
        std::string value = control.field(field);
        // Only the first line of a description: the rest is for people.
        value = value.substr(0, value.find('\n'));
        if (!value.empty())
            text += fmt::format("{}: {}\n", field, value);
    }
    return text + "\n";
}

}  // namespace

InstallerInitrd::InstallerInitrd(std::string_view packed) {
    read_initrd(packed, true,
                [&](CpioEntry&& entry) { tree_.insert_or_assign(entry.path, std::move(entry)); });
    if (tree_.count(status_file) == 0 || tree_.count("etc/lsb-release") == 0)
        throw Error(Failure::integrity,
                    "the netboot initrd is not a debian-installer: it has no var/lib/dpkg/status");
}

std::string& InstallerInitrd::text(const std::string& path) {
    return tree_.at(path).bytes;
}

std::set<std::string> InstallerInitrd::installed() const {
    std::set<std::string> names;
    for_each_stanza(tree_.at(status_file).bytes, [&](const Stanza& stanza) {
        names.insert(stanza.field("Package"));
        for (const DependencyChoice& provided : parse_dependencies(stanza.field("Provides")))
            names.insert(provided.names.front());
    });
    return names;
}

void InstallerInitrd::drop(const std::string& name) {
    std::string kept;
    for_each_stanza(text(status_file), [&](const Stanza& stanza) {
        if (stanza.field("Package") != name)
            kept += fmt::format("{}\n\n", stanza.text());
    });
    text(status_file) = kept;
    for (const char* script : scripts)
        tree_.erase(fmt::format("{}{}.{}", info_folder, name, script));
}

std::string InstallerInitrd::modules_folder() const {
    return resolve_folders(tree_, "lib/modules/x")
        .substr(0, resolve_folders(tree_, "lib/modules/x").size() - 1);
}

void InstallerInitrd::drop_kernel() {
    std::vector<std::string> names;
    for_each_stanza(text(status_file), [&](const Stanza& stanza) {
        if (is_kernel_udeb(stanza))
            names.push_back(stanza.field("Package"));
    });
    for (const std::string& name : names)
        drop(name);
    const std::string folder = modules_folder();
    for (auto it = tree_.lower_bound(folder); it != tree_.end() && it->first.starts_with(folder);)
        it = tree_.erase(it);
}

void InstallerInitrd::put(CpioEntry entry) {
    entry.path = resolve_folders(tree_, entry.path);
    const auto there = tree_.find(entry.path);
    // A directory of the package must not replace the link that merged /usr has in its place.
    if (there != tree_.end() && entry.kind == CpioEntry::Kind::directory)
        return;
    tree_.insert_or_assign(entry.path, std::move(entry));
}

void InstallerInitrd::add(const DebFile& udeb) {
    const Stanza control(udeb.control.at("control"));
    const std::string name = control.field("Package");
    drop(name);
    for (const CpioEntry& entry : udeb.files)
        put(entry);
    for (const char* script : scripts) {
        const auto found = udeb.control.find(script);
        if (found != udeb.control.end())
            put({.path = fmt::format("{}{}.{}", info_folder, name, script),
                 .mode = std::string_view(script) == "templates" ? 0644U : 0755U,
                 .bytes = found->second});
    }
    std::string& status = text(status_file);
    if (!status.empty() && !status.ends_with("\n\n"))
        status += status.ends_with("\n") ? "\n" : "\n\n";
    status += status_stanza(control);
}

std::string InstallerInitrd::take_kernel() {
    for (auto it = tree_.lower_bound("boot/"); it != tree_.end() && it->first.starts_with("boot/"); ++it) {
        if (it->first.starts_with("boot/vmlinuz")) {
            std::string kernel = std::move(it->second.bytes);
            for (auto all = tree_.lower_bound("boot/");
                 all != tree_.end() && all->first.starts_with("boot/");)
                all = tree_.erase(all);
            tree_.erase("boot");
            return kernel;
        }
    }
    throw Error(Failure::integrity, "the kernel-image udeb holds no boot/vmlinuz");
}

std::string InstallerInitrd::index_modules(ProcessRunner& runner) {
    const std::string folder = modules_folder();
    std::set<std::string> versions;
    const TempDir scratch("depmod");
    for (auto it = tree_.lower_bound(folder); it != tree_.end() && it->first.starts_with(folder); ++it) {
        const std::string inside = it->first.substr(folder.size());
        versions.insert(inside.substr(0, inside.find('/')));
        if (it->second.kind != CpioEntry::Kind::file)
            continue;
        const std::filesystem::path file = scratch / ("lib/modules/" + inside);
        make_directories(file.parent_path());
        write_file_atomically(file, it->second.bytes);
    }
    versions.erase("");
    if (versions.size() != 1)
        throw Error(Failure::integrity,
                    fmt::format("the installer's initrd has modules of {} kernels where one is needed",
                                versions.size()));
    const std::string version = *versions.begin();
    run_checked(runner, {.program = find_program("depmod").value_or("depmod").string(),
                         .args = {"-b", scratch.path().string(), version}});
    for (const auto& entry : std::filesystem::directory_iterator(scratch / ("lib/modules/" + version))) {
        const std::string name = entry.path().filename().string();
        if (entry.is_regular_file() && name.starts_with("modules."))
            put({.path = folder + version + "/" + name, .bytes = read_file(entry.path())});
    }
    return version;
}

void InstallerInitrd::set_medium(std::string_view medium) {
    std::string kept;
    std::string& release = text("etc/lsb-release");
    for (std::size_t at = 0; at < release.size();) {
        const std::size_t end = std::min(release.find('\n', at), release.size());
        const std::string line = release.substr(at, end - at);
        if (!line.starts_with("X_INSTALLATION_MEDIUM="))
            kept += line + "\n";
        at = end + 1;
    }
    release = kept + fmt::format("X_INSTALLATION_MEDIUM={}\n", medium);
}

std::string InstallerInitrd::pack() const {
    std::vector<CpioEntry> entries;
    std::set<std::string> folders;
    // The map's order puts a directory before what is in it; the kernel drops entries whose directory is
    // missing.
    for (const auto& [path, entry] : tree_) {
        for (std::size_t slash = path.find('/'); slash != std::string::npos;
             slash = path.find('/', slash + 1)) {
            const std::string parent = path.substr(0, slash);
            if (folders.count(parent) == 0 && tree_.count(parent) == 0)
                entries.push_back({.path = parent, .kind = CpioEntry::Kind::directory, .mode = 0755});
            folders.insert(parent);
        }
        entries.push_back(entry);
    }
    return gzip(write_cpio(entries), 9);
}

}  // namespace imgforge::install
