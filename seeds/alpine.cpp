// SPDX-License-Identifier: GPL-3.0-or-later
// Alpine: an overlay archive in the initramfs whose start script runs setup-alpine. Not run against a real
// medium here.
#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/handle.hpp"
#include "builder/base/process.hpp"
#include "seeds/answer_formats.hpp"
#include "seeds/archive_sink.hpp"
#include "seeds/target_script.hpp"
#include "seeds/text.hpp"

namespace imgforge::seeds {
namespace {

class Overlay {
public:
    Overlay() : writer_(::archive_write_new()) {
        ::archive_write_set_format_ustar(writer_.get());
        ::archive_write_add_filter_gzip(writer_.get());
        // Without the time of day in the gzip header the same answers give the same bytes.
        ::archive_write_set_options(writer_.get(), "gzip:!timestamp");
        check(::archive_write_open(writer_.get(), &bytes_, nullptr, append_to_text, nullptr));
    }
    void file(const std::string& path, const std::string& content, unsigned mode) {
        add(path, AE_IFREG, mode, content, {});
    }
    void link(const std::string& path, const std::string& target) { add(path, AE_IFLNK, 0777, {}, target); }
    std::string finished() {
        check(::archive_write_close(writer_.get()));
        return bytes_;
    }

private:
    void check(int code) const {
        if (code < ARCHIVE_WARN) {
            throw Error(Failure::tool, fmt::format("cannot write the Alpine overlay: {}",
                                                   ::archive_error_string(writer_.get())));
        }
    }
    void add(const std::string& path, unsigned type, unsigned mode, const std::string& content,
             const std::string& target) {
        const Handle<struct archive_entry, ::archive_entry_free> entry(::archive_entry_new());
        ::archive_entry_set_pathname(entry.get(), path.c_str());
        ::archive_entry_set_filetype(entry.get(), type);
        ::archive_entry_set_perm(entry.get(), mode);
        ::archive_entry_set_size(entry.get(), static_cast<la_int64_t>(content.size()));
        ::archive_entry_set_mtime(entry.get(), 0, 0);
        if (!target.empty()) {
            ::archive_entry_set_symlink(entry.get(), target.c_str());
        }
        check(::archive_write_header(writer_.get(), entry.get()));
        if (!content.empty()) {
            static_cast<void>(::archive_write_data(writer_.get(), content.data(), content.size()));
        }
    }

    std::string bytes_;
    Handle<struct archive, ::archive_write_free> writer_;
};

/// The community repository in the installed system's list, whatever setup-apkrepos has made of it.
constexpr std::string_view community =
    "repos=/mnt/target/etc/apk/repositories\n"
    "sed -i 's|^# *\\(http.*/community\\)$|\\1|' $repos\n"
    "grep -q '^http.*/community$' $repos || "
    "{ more=$(sed -n 's|^\\(http.*\\)/main$|\\1/community|p' $repos); echo \"$more\" >> $repos; }\n"
    "apk update --root /mnt/target\n";

/// Runs on the live medium. The root partition is found by what is on it: its number depends on firmware and
/// swap.
std::string start_script(const Answers& answers, const AnswerFacts& facts) {
    const std::string disk = install_disk(answers, facts);
    std::string out = "#!/bin/sh\n# Started by the live system's `local` service.\n";
    out += fmt::format("exec >/dev/{0} 2>&1\nset -e\n", facts.console);
    out += fmt::format("trap '[ $? = 0 ] || {}' EXIT\n", failure_report(facts, "/mnt/target", "console"));
    out += fmt::format("ERASE_DISKS={} setup-alpine -e -f /etc/imgforge.answers\n", shell_quote(disk));
    out += fmt::format(
        "mkdir -p /mnt/target\nfor part in {0}[0-9]* {0}p[0-9]* /dev/vg0/lv_root; do\n"
        "  [ -b \"$part\" ] && mount \"$part\" /mnt/target 2>/dev/null || continue\n"
        "  [ -e /mnt/target/etc/alpine-release ] && break\n  umount /mnt/target\ndone\n[ -e "
        "/mnt/target/etc/alpine-release ]\n",
        disk);
    if (!is_offline(answers, facts)) {
        out += community;
        out += answers.security_updates ? "apk upgrade --root /mnt/target\n" : "";
    }
    if (!answers.packages.empty()) {
        out += fmt::format("apk add --root /mnt/target {}\n", joined(answers.packages, " "));
    }
    if (const std::string post = target_script(answers); !post.empty()) {
        out += "cat > /mnt/target/root/imgforge-post.sh <<'IMGFORGE_POST'\n" + post +
               "IMGFORGE_POST\nchroot /mnt/target sh -e /root/imgforge-post.sh\nrm -f "
               "/mnt/target/root/imgforge-post.sh\n";
    }
    // "*" and not passwd -l: without PAM a locked root could not use its SSH keys either.
    out += fmt::format("chroot /mnt/target chpasswd -e <<'IMGFORGE_END'\nroot:{}\nIMGFORGE_END\n",
                       answers.root_password_hash.empty() ? "*" : answers.root_password_hash);
    return out + marker_script(facts, "/mnt/target") + "umount /mnt/target\npoweroff\n";
}

}  // namespace

std::string alpine_text(const Answers& answers, const AnswerFacts& facts) {
    using Layout = AnswerDisk::Layout;
    const auto quoted = [](const std::string& value) { return shell_quote(value); };
    std::string out = "# Made by imgforge for setup-alpine.\n";
    const std::string variant =
        answers.keyboard_variant.empty() ? answers.keyboard : answers.keyboard_variant;
    out += fmt::format("KEYMAPOPTS={}\n", quoted(answers.keyboard + " " + variant));
    out += fmt::format("HOSTNAMEOPTS={}\n", quoted("-n " + full_name(answers)));
    out += "DEVDOPTS=mdev\n";
    out += "INTERFACESOPTS='auto lo\niface lo inet loopback\n\nauto eth0\niface eth0 inet dhcp\n'\n";
    out += "DNSOPTS=''\n";
    out += fmt::format("TIMEZONEOPTS={}\n", quoted("-z " + answers.timezone));
    out += "PROXYOPTS=none\n";
    // setup-alpine sources this file, so the medium is found where the live system has mounted it: that
    // follows the device's name. Online, -c adds the community repository.
    if (is_offline(answers, facts)) {
        out += "APKREPOSOPTS=\"$(ls -d /media/*/apks | head -n 1)\"\n";
    } else {
        out += fmt::format("APKREPOSOPTS={}\n",
                           quoted("-c " + (answers.mirror.empty() ? std::string("-1") : answers.mirror)));
    }
    out += "USEROPTS=none\nSSHDOPTS=openssh\n";
    out += fmt::format("NTPOPTS={}\n", is_offline(answers, facts) ? "none" : "chrony");
    const std::string flavor = answers.kernel.empty() ? "" : fmt::format("-k {} ", answers.kernel.substr(6));
    out +=
        fmt::format("DISKOPTS={}\n",
                    quoted(fmt::format("-m sys {}{}-s {} {}", answers.disk.layout == Layout::lvm ? "-L " : "",
                                       flavor, answers.disk.swap, install_disk(answers, facts))));
    out += fmt::format("export ROOTFS={}\n", answers.disk.filesystem);
    out += "LBUOPTS=none\nAPKCACHEOPTS=none\n";
    return out +
           fmt::format("export KERNELOPTS={}\n", quoted(fmt::format("console={},115200n8", facts.console)));
}

AnswerFiles alpine_files(const std::string& text, const Answers& answers, const AnswerFacts& facts) {
    Overlay overlay;
    overlay.file("etc/.default_boot_services", "", 0644);
    overlay.file("etc/imgforge.answers", text, 0600);
    overlay.file("etc/local.d/imgforge.start", start_script(answers, facts), 0755);
    overlay.link("etc/runlevels/default/local", "/etc/init.d/local");
    return {.initrd = {{.path = "imgforge.apkovl.tar.gz", .bytes = overlay.finished()}},
            .kernel_arguments = {"apkovl=/imgforge.apkovl.tar.gz"},
            .main_file = "imgforge.apkovl.tar.gz"};
}

}  // namespace imgforge::seeds
