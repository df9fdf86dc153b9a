// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/virt/embedded_root.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string_view>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"

namespace imgforge::virt {

namespace fs = std::filesystem;

namespace {

// ROOT/lib/qemu/channel/target/domain-NNN-<20 of the name>/org.qemu.guest_agent.0 must stay below 108 bytes.
constexpr std::size_t longest_root = 28;

fs::path capability_folder(const fs::path& root) {
    return root / "cache" / "qemu" / "capabilities";
}

/// Links whose root was deleted. A root exists before its link is made (prepare_root), so none in use looks
/// like this.
void remove_dangling_links(const fs::path& folder) {
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
        std::error_code missing;
        if (it->is_symlink(missing) && !fs::exists(it->path(), missing)) {
            fs::remove(it->path(), missing);
        }
    }
}

/// The runtime directory, ours and private: in /tmp somebody else could have made it first.
fs::path runtime_folder() {
    fs::path folder;
    if (geteuid() == 0) {
        folder = "/run/imgforge";
    } else if (const char* const runtime = std::getenv("XDG_RUNTIME_DIR");
               runtime != nullptr && fs::path(runtime).is_absolute()) {
        folder = fs::path(runtime) / "imgforge";
    } else {
        folder = fmt::format("/tmp/imgforge-{}", geteuid());
    }
    if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
        throw system_error("create", folder.string(), errno);
    }
    struct stat info {};
    if (lstat(folder.c_str(), &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != geteuid() ||
        (info.st_mode & 0022U) != 0) {
        throw Error(Failure::host, fmt::format("{} is not a private directory of this user", folder.string()),
                    "remove it");
    }
    return folder;
}

int hex_digit(char c) {
    const std::string_view digits = "0123456789abcdef";
    const auto at = digits.find(static_cast<char>(c | 0x20));
    return at == std::string_view::npos || (c < '0') ? -1 : static_cast<int>(at);
}

std::string percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
            hex_digit(text[i + 2]) >= 0) {
            out.push_back(static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2])));
            i += 2;
        } else {
            out.push_back(text[i]);
        }
    }
    return out;
}

void copy_missing(const fs::path& from, const fs::path& to) {
    std::error_code error;
    for (fs::directory_iterator it(from, error), end; !error && it != end; it.increment(error)) {
        const fs::path destination = to / it->path().filename();
        std::error_code ignored;
        if (it->path().extension() == ".xml" && !fs::exists(destination, ignored)) {
            write_file_atomically(destination, read_file(it->path(), 16U << 20U));
        }
    }
}

}  // namespace

std::optional<fs::path> embedded_root(const std::string& uri) {
    constexpr std::string_view start = "qemu:///embed?root=";
    if (!uri.starts_with(start)) {
        return std::nullopt;
    }
    return percent_decoded(std::string_view(uri).substr(start.size()));
}

fs::path short_root(const fs::path& root) {
    if (root.native().size() <= longest_root) {
        return root;
    }
    const fs::path link = runtime_folder() / sha256_hex(root.native()).substr(0, 10);
    std::error_code error;
    if (fs::read_symlink(link, error) == root) {
        return link;
    }
    // Made beside and renamed: two processes that open the same root at once both end with the same link.
    remove_dangling_links(link.parent_path());
    const fs::path fresh = fmt::format("{}.{}", link.string(), getpid());
    fs::remove(fresh, error);
    fs::create_symlink(root, fresh);
    fs::rename(fresh, link);
    return link;
}

void prepare_root(const fs::path& root, const fs::path& capabilities) {
    make_directories(root / "etc");
    const fs::path config = root / "etc" / "qemu.conf";
    if (!fs::exists(config)) {
        // The default user of a root caller, libvirt-qemu, could not reach a private IMGFORGE_HOME, and
        // changing owners would touch golden images that other machines share. The same holds for swtpm,
        // whose default user is tss. QEMU's seccomp sandbox stays on (libvirt's default).
        write_file_atomically(
            config, fmt::format("# written by imgforge when the directory was made; may be edited\n"
                                "user = \"+{0}\"\ngroup = \"+{1}\"\nswtpm_user = \"+{0}\"\nswtpm_group = "
                                "\"+{1}\"\ndynamic_ownership = 0\nremember_owner = 0\n"
                                "security_driver = \"none\"\nnamespaces = [ ]\ncgroup_controllers = [ ]\n"
                                "stdio_handler = \"file\"\n",
                                geteuid(), getegid()));
    }
    if (!capabilities.empty()) {
        make_directories(capability_folder(root));
        copy_missing(capabilities, capability_folder(root));
    }
}

void share_capabilities(const fs::path& root, const fs::path& capabilities) {
    if (!capabilities.empty()) {
        make_directories(capabilities);
        copy_missing(capability_folder(root), capabilities);
    }
}

std::chrono::milliseconds settle_time(const fs::path& root) {
    // ROOT/run/qemu/NAME.xml is the status of a running domain (qemu_domain.c qemuDomainSaveStatus).
    std::error_code error;
    for (fs::directory_iterator it(root / "run" / "qemu", error), end; !error && it != end;
         it.increment(error)) {
        if (it->path().extension() == ".xml") {
            return std::chrono::seconds(5);
        }
    }
    return {};
}

std::optional<pid_t> embedded_qemu(const fs::path& root, const std::string& name, const std::string& mark) {
    const auto small_file = [](const fs::path& file) {
        std::ifstream in(file, std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(in), {});
    };
    const std::string text = small_file(root / "run" / "qemu" / (name + ".pid"));
    pid_t pid = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), pid).ec != std::errc() || pid <= 0) {
        return std::nullopt;
    }
    const std::string command = small_file(fmt::format("/proc/{}/cmdline", pid));
    return command.find(mark) == std::string::npos ? std::nullopt : std::optional(pid);
}

}  // namespace imgforge::virt
