// SPDX-License-Identifier: GPL-3.0-or-later
// Ubuntu's live server installer (subiquity). Not run against a real installer here: checked by its
// documented keys.
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

/// Partitions in curtin's words ("storage actions"); `layout: direct` says the same for a plain disk with
/// less.
class Storage {
public:
    Storage(const Answers& answers, const AnswerFacts& facts) : answers_(answers), facts_(facts) {}

    Json block() {
        using Layout = AnswerDisk::Layout;
        const Json swap{{"size", fmt::format("{}M", answers_.disk.swap)}};
        const bool lvm = answers_.disk.layout == Layout::lvm;
        // The named layouts make ext4 and nothing else.
        if (answers_.disk.layout != Layout::separate && answers_.disk.filesystem == "ext4") {
            Json layout{{"name", lvm ? "lvm" : "direct"},
                        {"match", {{"path", install_disk(answers_, facts_)}}}};
            if (lvm) {
                layout["sizing-policy"] = "all";
            }
            return {{"swap", swap}, {"layout", layout}};
        }
        whole_disk();
        if (lvm) {
            volume_group();
        } else if (answers_.disk.layout == Layout::separate) {
            partition("root", "6G", Json::object());
            mounted("root", answers_.disk.filesystem, "/");
            partition("var", "3G", Json::object());
            mounted("var", answers_.disk.filesystem, "/var");
            partition("home", "-1", Json::object());
            mounted("home", answers_.disk.filesystem, "/home");
        } else {
            partition("root", "-1", Json::object());
            mounted("root", answers_.disk.filesystem, "/");
        }
        return {{"swap", swap}, {"config", config_}};
    }

private:
    void whole_disk() {
        config_.push_back({{"type", "disk"},
                           {"id", "disk"},
                           {"path", install_disk(answers_, facts_)},
                           {"ptable", "gpt"},
                           {"wipe", "superblock"},
                           {"grub_device", !facts_.uefi}});
        if (facts_.uefi) {
            partition("esp", "512M", {{"flag", "boot"}, {"grub_device", true}});
            mounted("esp", "fat32", "/boot/efi");
        } else {
            partition("bios", "1M", {{"flag", "bios_grub"}});
        }
    }
    void volume_group() {
        partition("boot", "1G", Json::object());
        mounted("boot", "ext4", "/boot");
        partition("pv", "-1", Json::object());
        config_.push_back(
            {{"type", "lvm_volgroup"}, {"id", "vg"}, {"name", "system"}, {"devices", Json::array({"pv"})}});
        config_.push_back(
            {{"type", "lvm_partition"}, {"id", "root"}, {"name", "root"}, {"volgroup", "vg"}, {"size", -1}});
        mounted("root", answers_.disk.filesystem, "/");
    }
    void partition(const std::string& id, const std::string& size, const Json& more) {
        Json entry{{"type", "partition"},
                   {"id", id},
                   {"device", "disk"},
                   {"size", size == "-1" ? Json(-1) : Json(size)}};
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
        if (is_release(facts, "20.04")) {
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
    out.push_back(fmt::format(
        "mkdir -p /target/etc/default/grub.d && echo {} > /target/etc/default/grub.d/50-imgforge-console.cfg",
        shell_quote(serial)));
    out.push_back("curtin in-target --target=/target -- update-grub");
    if (const std::string post = target_script(answers); !post.empty()) {
        // base64, so that no quoting of the user's lines can go wrong on the way.
        out.push_back(
            fmt::format("echo {} | base64 -d > /target/root/imgforge-post.sh", base64_encode(post)));
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

/// Where further late-commands go in a user's text, which otherwise stays as it is: in front of `line`.
struct CommandPlace {
    std::size_t line;
    std::size_t item_indent;
    std::optional<std::size_t> key_indent{};  ///< given: no list yet, its key is wanted
    std::size_t top_indent = 2;               ///< of the keys below `autoinstall:`
};

/// Number of the line behind the last one from `begin` on that belongs; blank lines neither belong nor end
/// it.
template <typename Belongs>
std::size_t behind_block(const std::vector<std::string_view>& lines, std::size_t begin,
                         const Belongs& belongs) {
    std::size_t end = begin;
    for (std::size_t at = begin; at < lines.size() && (is_blank(lines[at]) || belongs(lines[at])); ++at) {
        end = is_blank(lines[at]) ? end : at + 1;
    }
    return end;
}

/// Indentation of the first line in [begin, end) that is wanted and not blank.
template <typename Wanted>
std::optional<std::size_t> first_indent(const std::vector<std::string_view>& lines, std::size_t begin,
                                        std::size_t end, const Wanted& wanted) {
    for (std::size_t at = begin; at < end; ++at) {
        if (!is_blank(lines[at]) && wanted(lines[at])) {
            return indent_of(lines[at]);
        }
    }
    return std::nullopt;
}

CommandPlace command_place(const std::vector<std::string_view>& lines) {
    const auto number_of = [&](const auto& wanted) {
        return static_cast<std::size_t>(std::find_if(lines.begin(), lines.end(), wanted) - lines.begin());
    };
    const std::size_t top = number_of([](std::string_view line) { return line.starts_with("autoinstall:"); });
    const std::size_t key =
        number_of([](std::string_view line) { return trimmed(line) == "late-commands:"; });
    const std::size_t mentioned = number_of(
        [](std::string_view line) { return line.find("late-commands:") != std::string_view::npos; });
    if (top == lines.size() || (key == lines.size() && mentioned != lines.size())) {
        throw Error(Failure::recipe, "the completion marker cannot be added to this autoinstall file",
                    "write `autoinstall:` at the left margin and `late-commands:` as a list of `- ` lines");
    }
    if (key == lines.size()) {
        const std::size_t end =
            behind_block(lines, top + 1, [](std::string_view line) { return indent_of(line) > 0; });
        const std::size_t indent =
            first_indent(lines, top + 1, end, [](std::string_view) { return true; }).value_or(2);
        return {.line = end, .item_indent = indent + 2, .key_indent = indent, .top_indent = indent};
    }
    const std::size_t indent = indent_of(lines[key]);
    const auto is_item = [&](std::string_view line) {
        return trimmed(line).front() == '-' && indent_of(line) >= indent;
    };
    const std::size_t end = behind_block(
        lines, key + 1, [&](std::string_view line) { return is_item(line) || indent_of(line) > indent; });
    return {.line = end,
            .item_indent = first_indent(lines, key + 1, end, is_item).value_or(indent + 2),
            .top_indent = indent};
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
    if (!is_release(facts, "20.04")) {
        body["timezone"] = answers.timezone;
        body["source"] = {{"id", "ubuntu-server-minimal"}};
        body["updates"] = answers.security_updates ? "all" : "security";
    }
    if (!answers.kernel.empty()) {
        body["kernel"] = {{"package", answers.kernel}};
    }
    if (!answers.packages.empty()) {
        body["packages"] = answers.packages;
    }
    // user-data stands in for `identity`, which would insist on a user with a password; our users are made
    // below.
    body["user-data"] = {{"hostname", host_name(answers)},
                         {"timezone", answers.timezone},
                         {"disable_root", answers.root_ssh_keys.empty()}};
    if (!answers.domain.empty()) {
        body["user-data"]["fqdn"] = full_name(answers);
    }
    if (!answers.root_password_hash.empty()) {
        body["user-data"]["users"] =
            Json::array({{{"name", "root"}, {"lock_passwd", false}, {"passwd", answers.root_password_hash}}});
    }
    body["late-commands"] = late_commands(answers, facts);
    body["error-commands"] = Json::array({failure_report(facts, "/target", "installer log")});
    if (!facts.log_console.empty()) {
        body["error-commands"].push_back(
            fmt::format("tar cz /var/log/installer /var/crash 2>/dev/null | base64 > /dev/{} || true",
                        facts.log_console));
    }
    return cloud_config_text({{"autoinstall", body}});
}

AnswerFiles autoinstall_files(const std::string& text) {
    // meta-data may be empty but must be there, or the datasource is not found.
    return {.iso_label = "cidata",
            .iso = {{.path = "user-data", .bytes = text},
                    {.path = "meta-data", .bytes = "instance-id: imgforge-install\n"}},
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
        tree["autoinstall"]["shutdown"] = "poweroff";
        return cloud_config_text(tree);
    }
    const std::vector<std::string_view> lines = lines_of(text);
    const CommandPlace place = command_place(lines);
    const std::size_t top_indent = place.top_indent;
    std::string out;
    bool ends = false;
    const auto copy = [&](std::size_t from, std::size_t to) {
        for (std::size_t i = from; i < to; ++i) {
            const bool end = trimmed(lines[i]).starts_with("shutdown:") && indent_of(lines[i]) == top_indent;
            ends = ends || end;
            out += end ? std::string(top_indent, ' ') + "shutdown: poweroff" : std::string(lines[i]);
            out += '\n';
        }
    };
    copy(0, place.line);
    if (place.key_indent) {
        out += std::string(*place.key_indent, ' ') + "late-commands:\n";
    }
    for (const Json& command : marker_commands(facts)) {
        out += std::string(place.item_indent, ' ') + "- " + command.dump() + "\n";
    }
    if (!ends && std::none_of(lines.begin() + static_cast<std::ptrdiff_t>(place.line), lines.end(),
                              [](std::string_view line) { return trimmed(line).starts_with("shutdown:"); })) {
        out += std::string(top_indent, ' ') + "shutdown: poweroff\n";
    }
    copy(place.line, lines.size());
    return out;
}

}  // namespace imgforge::seeds
