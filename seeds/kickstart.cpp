// SPDX-License-Identifier: GPL-3.0-or-later
// Anaconda (RHEL family, Fedora). Not run against a real installer here: checked by ksvalidator where it is
// installed.
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/process.hpp"
#include "seeds/answer_formats.hpp"
#include "seeds/target_script.hpp"
#include "seeds/text.hpp"

namespace imgforge::seeds {
namespace {

std::string bare_disk(const std::string& device) {
    return device.rfind("/dev/", 0) == 0 ? device.substr(5) : device;
}

std::string section(std::string_view head, const std::string& body) {
    return fmt::format("\n{}\n{}%end\n", head, body);
}

std::string storage_commands(const Answers& answers, const AnswerFacts& facts) {
    using Layout = AnswerDisk::Layout;
    const std::string disk = bare_disk(install_disk(answers, facts));
    const std::string& fs = answers.disk.filesystem;
    std::string out = fmt::format(
        "ignoredisk --only-use={0}\nzerombr\nclearpart --all --initlabel --drives={0}\n"
        "bootloader --location=mbr --append=\"console={1},115200n8\"\nreqpart\n",
        disk, facts.console);
    const bool lvm = answers.disk.layout == Layout::lvm;
    if (lvm) {
        out += fmt::format(
            "part /boot --fstype={} --size=1024\npart pv.01 --size=4096 --grow\nvolgroup system pv.01\n", fs);
    }
    const auto volume = [&](std::string_view mountpoint, std::string_view name, int size, bool grow) {
        return lvm ? fmt::format("logvol {} --vgname=system --name={} --fstype={} --size={}{}\n", mountpoint,
                                 name, fs, size, grow ? " --grow" : "")
                   : fmt::format("part {} --fstype={} --size={}{}\n", mountpoint, fs, size,
                                 grow ? " --grow" : "");
    };
    if (answers.disk.swap > 0) {
        out += lvm ? fmt::format("logvol swap --vgname=system --name=swap --fstype=swap --size={}\n",
                                 answers.disk.swap)
                   : fmt::format("part swap --fstype=swap --size={}\n", answers.disk.swap);
    }
    if (answers.disk.layout == Layout::separate) {
        return out + volume("/", "root", 5120, false) + volume("/var", "var", 2048, false) +
               volume("/home", "home", 512, true);
    }
    return out + volume("/", "root", 3072, true);
}

std::string source(const Answers& answers, const AnswerFacts& facts) {
    if (is_offline(answers, facts)) {
        return "cdrom\n";
    }
    return answers.mirror.empty() ? std::string()
                                  : fmt::format("url --url={}\n", shell_quote(answers.mirror));
}

std::string packages(const Answers& answers, const AnswerFacts& facts) {
    const bool fedora = facts.product.find("Fedora") != std::string::npos;
    std::string body = fedora ? "@core\n" : "@^minimal-environment\n";
    for (const std::string& name : answers.packages) {
        body += name + "\n";
    }
    // The reader of EL 8 knows the older spelling only, and later ones the other only.
    const std::string_view weak =
        !fedora && is_release(facts, "8") ? "--excludeWeakdeps" : "--exclude-weakdeps";
    return section(answers.recommends ? "%packages" : fmt::format("%packages {}", weak), body);
}

std::string marker_section(const AnswerFacts& facts) {
    return section("%post --erroronfail", "set -e\n" + marker_script(facts, ""));
}

}  // namespace

std::string kickstart_text(const Answers& answers, const AnswerFacts& facts) {
    std::string out = "# Made by imgforge for Anaconda.\n";
    out += source(answers, facts);
    out += fmt::format("lang {}\n", answers.locale);
    out += fmt::format("keyboard --vckeymap={0} --xlayouts='{0}{1}'\n", answers.keyboard,
                       answers.keyboard_variant.empty() ? "" : " (" + answers.keyboard_variant + ")");
    out += fmt::format("timezone {} --utc\n", answers.timezone);
    out += fmt::format("network --bootproto=dhcp --device=link --hostname={}{}\n", full_name(answers),
                       is_offline(answers, facts) ? "" : " --activate");
    out += answers.root_password_hash.empty()
               ? std::string("rootpw --lock\n")
               : fmt::format("rootpw --iscrypted {}\n", answers.root_password_hash);
    out += storage_commands(answers, facts);
    out += "selinux --enforcing\nfirewall --enabled --service=ssh\nfirstboot --disabled\nskipx\n";
    if (facts.product.find("Red Hat") != std::string::npos) {
        out += "eula --agreed\n";
    }
    // Without an action Anaconda waits at "Press ENTER to quit".
    out += "poweroff\n" + packages(answers, facts);
    if (const std::string post = target_script(answers); !post.empty()) {
        out += section("%post --erroronfail", post.substr(post.find('\n') + 1));
    }
    out += section(
        "%onerror",
        fmt::format(
            "cat /tmp/*.log > /dev/virtio-ports/org.fedoraproject.anaconda.log.0 2>/dev/null || true\n"
            "{}\n",
            failure_report(facts, "/mnt/sysroot", "Anaconda log")));
    return out + marker_section(facts);
}

AnswerFiles kickstart_files(const std::string& text) {
    return {.initrd = {{.path = "ks.cfg", .bytes = text}},
            .kernel_arguments = {"inst.ks=file:/ks.cfg"},
            .main_file = "ks.cfg"};
}

std::string kickstart_with_marker(const std::string& text, const AnswerFacts& facts) {
    std::string out;
    bool in_section = false;
    bool ends = false;
    for (const std::string_view raw : lines_of(text)) {
        const std::string_view line = trimmed(raw);
        const std::string_view word = line.substr(0, line.find_first_of(" \t"));
        in_section = word == "%end" ? false : in_section || (word.starts_with('%') && word != "%include");
        const bool other_end = !in_section && (word == "reboot" || word == "halt");
        ends = ends || other_end || (!in_section && (word == "poweroff" || word == "shutdown"));
        out += other_end ? std::string("poweroff") : std::string(raw);
        out += '\n';
    }
    return (ends ? out : "poweroff\n" + out) + marker_section(facts);
}

}  // namespace imgforge::seeds
