// SPDX-License-Identifier: GPL-3.0-or-later
// Ubuntu's live server installer (subiquity). Not run against a real installer here: checked by its documented keys.
#include <fmt/format.h>

#include "builder/base/base64.hpp"
#include "builder/base/error.hpp"
#include "builder/base/process.hpp"
#include "seeds/answer_formats.hpp"
#include "seeds/cloud_yaml.hpp"
#include "seeds/target_script.hpp"
#include "seeds/text.hpp"

namespace imgforge::seeds {
namespace {

/// Partitions in curtin's words ("storage actions"); `layout: direct` says the same for a plain disk with less.
class Storage {
public:
    Storage(const Answers& answers, const AnswerFacts& facts) : answers_(answers), facts_(facts) {}

    Json block() {
        using Layout = AnswerDisk::Layout;
        const std::string disk = install_disk(answers_, facts_);
        if (answers_.disk.layout != Layout::separate) {
            Json layout{{"name", answers_.disk.layout == Layout::lvm ? "lvm" : "direct"}, {"match", {{"path", disk}}}};
            if (answers_.disk.layout == Layout::lvm) {
                layout["sizing-policy"] = "all";
            }
            return {{"swap", {{"size", fmt::format("{}M", answers_.disk.swap)}}}, {"layout", layout}};
        }
        config_.push_back(
            {{"type", "disk"}, {"id", "disk"}, {"path", disk}, {"ptable", "gpt"}, {"wipe", "superblock"}, {"grub_device", !facts_.uefi}});
        if (facts_.uefi) {
            partition("esp", "512M", {{"flag", "boot"}, {"grub_device", true}});
            mounted("esp", "fat32", "/boot/efi");
        } else {
            partition("bios", "1M", {{"flag", "bios_grub"}});
        }
        partition("root", "6G", Json::object());
        mounted("root", answers_.disk.filesystem, "/");
        partition("var", "3G", Json::object());
        mounted("var", answers_.disk.filesystem, "/var");
        partition("home", "-1", Json::object());
        mounted("home", answers_.disk.filesystem, "/home");
        return {{"swap", {{"size", fmt::format("{}M", answers_.disk.swap)}}}, {"config", config_}};
    }

private:
    void partition(const std::string& id, const std::string& size, const Json& more) {
        Json entry{{"type", "partition"}, {"id", id}, {"device", "disk"}, {"size", size == "-1" ? Json(-1) : Json(size)}};
        entry.update(more);
        config_.push_back(entry);
    }
    void mounted(const std::string& id, const std::string& fs, const std::string& path) {
        config_.push_back({{"type", "format"}, {"id", id + "-fs"}, {"volume", id}, {"fstype", fs}});
        config_.push_back({{"type", "mount"}, {"id", id + "-mount"}, {"device", id + "-fs"}, {"path", path}});
    }

    const Answers& answers_;
    const AnswerFacts& facts_;
    Json config_ = Json::array();
};

Json apt(const Answers& answers, const AnswerFacts& facts) {
    Json out{{"geoip", false}, {"preserve_sources_list", false}};
    if (is_offline(answers, facts)) {
        out["fallback"] = "offline-install";
    }
    if (!answers.mirror.empty()) {
        const Json primary = Json::array({{{"arches", Json::array({"default"})}, {"uri", answers.mirror}}});
        if (facts.version == "20.04") {
            out["primary"] = primary;  // mirror-selection came with 22.10
        } else {
            out["mirror-selection"] = {{"primary", primary}};
        }
    }
    return out;
}

Json marker_commands(const AnswerFacts& facts) {
    Json out = Json::array();
    const std::string script = marker_script(facts, "/target");
    for (const std::string_view line : lines_of(script)) {
        out.push_back(std::string(line));
    }
    return out;
}

Json late_commands(const Answers& answers, const AnswerFacts& facts) {
    Json out = Json::array();
    const std::string serial = fmt::format("GRUB_CMDLINE_LINUX=\"console={},115200n8\"", facts.console);
    out.push_back(fmt::format("mkdir -p /target/etc/default/grub.d && echo {} > /target/etc/default/grub.d/50-imgforge-console.cfg",
                              shell_quote(serial)));
    out.push_back("curtin in-target --target=/target -- update-grub");
    if (const std::string post = target_script(answers); !post.empty()) {
        // base64, so that no quoting of the user's lines can go wrong on the way.
        out.push_back(fmt::format("echo {} | base64 -d > /target/root/imgforge-post.sh", base64_encode(post)));
        out.push_back("curtin in-target --target=/target -- sh -e /root/imgforge-post.sh");
        out.push_back("rm -f /target/root/imgforge-post.sh");
    }
    for (const Json& command : marker_commands(facts)) {
        out.push_back(command);
    }
    return out;
}

std::size_t indent_of(std::string_view line) {
    return std::min(line.find_first_not_of(' '), line.size());
}

bool is_blank(std::string_view line) {
    return trimmed(line).empty() || trimmed(line).front() == '#';
}

}  // namespace

std::string autoinstall_text(const Answers& answers, const AnswerFacts& facts) {
    Json body{{"version", 1},
              {"locale", answers.locale},
              {"keyboard", {{"layout", answers.keyboard}}},
              {"refresh-installer", {{"update", false}}},
              {"storage", Storage(answers, facts).block()},
              {"apt", apt(answers, facts)},
              {"ssh", {{"install-server", true}, {"allow-pw", false}}},
              {"shutdown", "poweroff"}};
    if (!answers.keyboard_variant.empty()) {
        body["keyboard"]["variant"] = answers.keyboard_variant;
    }
    if (facts.version != "20.04") {
        body["timezone"] = answers.timezone;
        body["source"] = {{"id", "ubuntu-server-minimal"}};
        body["updates"] = answers.security_updates ? "all" : "security";
    }
    if (!answers.packages.empty()) {
        body["packages"] = answers.packages;
    }
    // user-data stands in for `identity`, which would insist on a user with a password; our users are made below.
    body["user-data"] = {{"hostname", host_name(answers)}, {"timezone", answers.timezone}, {"disable_root", answers.root_ssh_keys.empty()}};
    if (!answers.root_password_hash.empty()) {
        body["user-data"]["users"] = Json::array({{{"name", "root"}, {"lock_passwd", false}, {"passwd", answers.root_password_hash}}});
    }
    body["late-commands"] = late_commands(answers, facts);
    body["error-commands"] = Json::array({failure_report(facts, "/target", "installer log")});
    if (!facts.log_console.empty()) {
        body["error-commands"].push_back(
            fmt::format("tar cz /var/log/installer /var/crash 2>/dev/null | base64 > /dev/{} || true", facts.log_console));
    }
    return cloud_config_text({{"autoinstall", body}});
}

AnswerFiles autoinstall_files(const std::string& text) {
    // meta-data may be empty but must be there, or the datasource is not found.
    return {.iso_label = "cidata",
            .iso = {{.path = "user-data", .bytes = text}, {.path = "meta-data", .bytes = "instance-id: imgforge-install\n"}},
            .kernel_arguments = {"autoinstall"},
            .main_file = "user-data"};
}

std::string autoinstall_with_marker(const std::string& text, const AnswerFacts& facts) {
    const std::string body = text.substr(std::min(text.find('\n'), text.size()));
    if (Json::accept(body)) {
        Json tree = Json::parse(body);
        for (const Json& command : marker_commands(facts)) {
            tree["autoinstall"]["late-commands"].push_back(command);
        }
        return cloud_config_text(tree);
    }
    const std::vector<std::string_view> lines = lines_of(text);
    std::size_t top = lines.size();
    std::size_t list = lines.size();
    for (std::size_t i = 0; i < lines.size(); ++i) {
        top = top == lines.size() && lines[i].rfind("autoinstall:", 0) == 0 ? i : top;
        list = list == lines.size() && trimmed(lines[i]) == "late-commands:" ? i : list;
    }
    if (top == lines.size() || (list == lines.size() && text.find("late-commands:") != std::string::npos)) {
        throw Error(Failure::recipe, "the completion marker cannot be added to this autoinstall file",
                    "write `autoinstall:` at the left margin and `late-commands:` as a list of `- ` lines");
    }
    std::size_t child = top + 1;
    while (child < lines.size() && is_blank(lines[child])) {
        ++child;
    }
    std::size_t depth = child < lines.size() ? std::max<std::size_t>(indent_of(lines[child]), 1) : 2;
    std::size_t end = child;  // behind the block that takes the new lines
    std::string head;
    const std::size_t key_depth = list < lines.size() ? indent_of(lines[list]) : depth;
    std::size_t at = list < lines.size() ? list + 1 : top + 1;
    std::size_t item_depth = key_depth + 2;
    bool first = true;
    for (end = at; at < lines.size(); ++at) {
        if (is_blank(lines[at])) {
            continue;
        }
        const bool is_item = list < lines.size() && trimmed(lines[at]).front() == '-' && indent_of(lines[at]) >= key_depth;
        if (first && is_item) {
            item_depth = indent_of(lines[at]);
            first = false;
        }
        if (list < lines.size() ? !is_item && indent_of(lines[at]) <= key_depth : indent_of(lines[at]) == 0) {
            break;
        }
        end = at + 1;
    }
    head = list < lines.size() ? "" : std::string(key_depth, ' ') + "late-commands:\n";
    std::string out;
    for (std::size_t i = 0; i < end; ++i) {
        out.append(lines[i]).push_back('\n');
    }
    out += head;
    for (const Json& command : marker_commands(facts)) {
        out += std::string(item_depth, ' ') + "- " + command.dump() + "\n";
    }
    for (std::size_t i = end; i < lines.size(); ++i) {
        out.append(lines[i]).push_back('\n');
    }
    return out;
}

}  // namespace imgforge::seeds
