// SPDX-License-Identifier: GPL-3.0-or-later
// openSUSE and SLES up to 15 (AutoYaST). Not run against a real installer here: well-formedness and required
// elements are checked.
#include <sstream>

#include <fmt/format.h>
#include <pugixml.hpp>

#include "builder/base/error.hpp"
#include "seeds/answer_formats.hpp"
#include "seeds/target_script.hpp"

namespace imgforge::seeds {
namespace {

using Node = pugi::xml_node;

void text(Node parent, const char* name, const std::string& value) {
    parent.append_child(name).text().set(value.c_str());
}

void typed(Node parent, const char* name, const char* type, const std::string& value) {
    Node node = parent.append_child(name);
    node.append_attribute("config:type") = type;
    node.text().set(value.c_str());
}

Node list(Node parent, const char* name) {
    Node node = parent.append_child(name);
    node.append_attribute("config:type") = "list";
    return node;
}

void general(Node profile) {
    Node mode = profile.append_child("general").append_child("mode");
    typed(mode, "confirm", "boolean", "false");
    // One stage, then off: `halt` ends after the first stage, `second_stage` would want a reboot.
    typed(mode, "halt", "boolean", "true");
    typed(mode, "second_stage", "boolean", "false");
    Node report = profile.append_child("report");
    for (const char* const kind : {"errors", "warnings", "messages"}) {
        Node entry = report.append_child(kind);
        typed(entry, "show", "boolean", "true");
        // An error must stand still to be seen; the others may pass.
        typed(entry, "timeout", "integer", std::string_view(kind) == "errors" ? "0" : "5");
        typed(entry, "log", "boolean", "true");
    }
}

void partition(Node partitions, const std::string& mount, const std::string& fs, const std::string& size,
               const char* lvm_group = nullptr) {
    Node entry = partitions.append_child("partition");
    typed(entry, "create", "boolean", "true");
    if (lvm_group != nullptr) {
        text(entry, "lvm_group", lvm_group);
    } else {
        typed(entry, "format", "boolean", "true");
        typed(entry, "filesystem", "symbol", fs);
        text(entry, "mount", mount);
    }
    text(entry, "size", size);
}

void storage(Node profile, const Answers& answers, const AnswerFacts& facts) {
    using Layout = AnswerDisk::Layout;
    Node drives = list(profile, "partitioning");
    Node drive = drives.append_child("drive");
    text(drive, "device", install_disk(answers, facts));
    typed(drive, "initialize", "boolean", "true");
    text(drive, "use", "all");
    text(drive, "disklabel", "gpt");
    Node partitions = list(drive, "partitions");
    if (facts.uefi) {
        partition(partitions, "/boot/efi", "vfat", "512M");
    } else {
        Node bios = partitions.append_child("partition");
        typed(bios, "create", "boolean", "true");
        typed(bios, "format", "boolean", "false");
        typed(bios, "partition_id", "integer", "263");  // BIOS boot
        text(bios, "size", "8M");
    }
    if (answers.disk.swap > 0 && answers.disk.layout != Layout::lvm) {
        partition(partitions, "swap", "swap", fmt::format("{}M", answers.disk.swap));
    }
    const std::string& fs = answers.disk.filesystem;
    if (answers.disk.layout == Layout::plain) {
        partition(partitions, "/", fs, "max");
    } else if (answers.disk.layout == Layout::separate) {
        partition(partitions, "/", fs, "6G");
        partition(partitions, "/var", fs, "3G");
        partition(partitions, "/home", fs, "max");
    } else {
        partition(partitions, "/boot", fs, "1G");
        partition(partitions, "", "", "max", "system");
        Node group = drives.append_child("drive");
        text(group, "device", "/dev/system");
        typed(group, "type", "symbol", "CT_LVM");
        Node volumes = list(group, "partitions");
        partition(volumes, "/", fs, "max");
        text(volumes.last_child(), "lv_name", "root");
        if (answers.disk.swap > 0) {
            partition(volumes, "swap", "swap", fmt::format("{}M", answers.disk.swap));
            text(volumes.last_child(), "lv_name", "swap");
        }
    }
}

void script(Node chroot_scripts, const std::string& name, const std::string& body) {
    Node entry = chroot_scripts.append_child("script");
    text(entry, "filename", name);
    typed(entry, "chrooted", "boolean", "true");
    entry.append_child("source").append_child(pugi::node_cdata).set_value(body.c_str());
}

std::string marker_body(const AnswerFacts& facts) {
    return "#!/bin/sh\nset -e\n" + marker_script(facts, "");
}

std::string saved(const pugi::xml_document& document) {
    std::ostringstream out;
    document.save(out, "  ");
    return out.str();
}

void accounts(Node profile, const Answers& answers) {
    Node root = list(profile, "users").append_child("user");
    text(root, "username", "root");
    text(root, "user_password", answers.root_password_hash.empty() ? "!" : answers.root_password_hash);
    typed(root, "encrypted", "boolean", "true");
}

}  // namespace

std::string autoyast_text(const Answers& answers, const AnswerFacts& facts) {
    pugi::xml_document document;
    Node declaration = document.append_child(pugi::node_declaration);
    declaration.append_attribute("version") = "1.0";
    declaration.append_attribute("encoding") = "UTF-8";
    document.append_child(pugi::node_doctype).set_value("profile");
    Node profile = document.append_child("profile");
    profile.append_attribute("xmlns") = "http://www.suse.com/1.0/yast2ns";
    profile.append_attribute("xmlns:config") = "http://www.suse.com/1.0/configns";
    general(profile);
    Node language = profile.append_child("language");
    text(language, "language", answers.locale.substr(0, answers.locale.find('.')));
    text(profile.append_child("keyboard"), "keymap", answers.keyboard);
    Node zone = profile.append_child("timezone");
    text(zone, "hwclock", "UTC");
    text(zone, "timezone", answers.timezone);
    Node global = profile.append_child("bootloader").append_child("global");
    text(global, "append", fmt::format("console={},115200n8", facts.console));
    text(global, "terminal", "console serial");
    typed(global, "timeout", "integer", "1");
    storage(profile, answers, facts);
    Node network = profile.append_child("networking");
    Node dns = network.append_child("dns");
    text(dns, "hostname", host_name(answers));
    if (!answers.domain.empty()) {
        text(dns, "domain", answers.domain);
    }
    accounts(profile, answers);
    Node software = profile.append_child("software");
    typed(software, "install_recommended", "boolean", answers.recommends ? "true" : "false");
    // SLES 15 is several products on one medium: YaST stops where the profile names none of them.
    const bool enterprise = facts.product.find("SUSE Linux Enterprise") != std::string::npos ||
                            facts.product.find("SLE") != std::string::npos;
    if (enterprise) {
        text(list(software, "products"), "product", "SLES");
    }
    text(list(software, "patterns"), "pattern", enterprise ? "base" : "minimal_base");
    if (!answers.packages.empty()) {  // the grammar has no empty list of them
        Node packages = list(software, "packages");
        for (const std::string& name : answers.packages) {
            text(packages, "package", name);
        }
    }
    Node scripts = list(profile.append_child("scripts"), "chroot-scripts");
    if (const std::string post = target_script(answers); !post.empty()) {
        script(scripts, "imgforge-post.sh", post);
    }
    script(scripts, "imgforge-result.sh", marker_body(facts));
    return saved(document);
}

AnswerFiles autoyast_files(const std::string& text) {
    return {.initrd = {{.path = "autoinst.xml", .bytes = text}},
            .kernel_arguments = {"autoyast=file:///autoinst.xml"},
            .main_file = "autoinst.xml"};
}

std::string autoyast_with_marker(const std::string& text, const AnswerFacts& facts) {
    pugi::xml_document document;
    if (!document.load_string(text.c_str(), pugi::parse_full) || !document.child("profile")) {
        throw Error(Failure::recipe,
                    "the AutoYaST profile is not well-formed XML, so the completion marker cannot be added");
    }
    Node profile = document.child("profile");
    Node general_node = profile.child("general") ? profile.child("general") : profile.append_child("general");
    Node mode = general_node.child("mode") ? general_node.child("mode") : general_node.append_child("mode");
    if (!mode.child("confirm")) {
        typed(mode, "confirm", "boolean", "false");
    }
    if (!mode.child("halt") && !mode.child("final_halt")) {
        typed(mode, "halt", "boolean", "true");
    }
    Node scripts = profile.child("scripts") ? profile.child("scripts") : profile.append_child("scripts");
    Node chroot =
        scripts.child("chroot-scripts") ? scripts.child("chroot-scripts") : list(scripts, "chroot-scripts");
    script(chroot, "imgforge-result.sh", marker_body(facts));
    return saved(document);
}

}  // namespace imgforge::seeds
