// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <array>
#include <map>
#include <regex>
#include <set>

#include <fmt/format.h>

#include "builder/base/suggestion.hpp"
#include "seeds/answer_formats.hpp"
#include "seeds/findings.hpp"
#include "seeds/passwords.hpp"
#include "seeds/preseed_questions.hpp"
#include "seeds/text.hpp"

namespace imgforge::seeds {
namespace {

constexpr std::array<std::string_view, 9> question_types{
    "string", "boolean", "select", "multiselect", "note", "text", "password", "title", "error"};

struct PreseedEntry {
    int line = 0;
    std::string type;
    std::string value;
};

std::string_view take_word(std::string_view& rest) {
    const std::size_t end = std::min(rest.find_first_of(" \t"), rest.size());
    const std::string_view word = rest.substr(0, end);
    rest.remove_prefix(end);
    return word;
}

bool interchangeable(std::string_view one, std::string_view other) {
    const auto textual = [](std::string_view type) {
        return type == "string" || type == "select" || type == "text" || type == "password";
    };
    return one == other || (textual(one) && textual(other)) || (one == "multiselect" && textual(other)) ||
           (other == "multiselect" && textual(one));
}

class PreseedCheck : LineCheck {
public:
    PreseedCheck(std::string_view text, std::string file) : LineCheck(std::move(file)), text_(text) {}

    Diagnostics run() {
        std::string pending;
        int first = 0;
        int number = 0;
        for (const std::string_view raw : lines_of(text_)) {
            ++number;
            first = pending.empty() ? number : first;
            const bool is_comment = pending.empty() && (trimmed(raw).empty() || trimmed(raw).front() == '#');
            if (!is_comment && !raw.empty() && raw.back() == '\\') {
                pending += std::string(raw.substr(0, raw.size() - 1)) + " ";
                continue;
            }
            if (!is_comment) {
                line(pending + std::string(raw), first);
            }
            pending.clear();
        }
        if (!pending.empty()) {
            add(number, true, "the file ends in the middle of a continued line");
            line(pending, first);
        }
        whole();
        return sorted();
    }

private:
    void line(const std::string& whole_line, int number) {
        std::string_view rest = trimmed(whole_line);
        const auto blanks = [&rest] {
            rest = rest.substr(std::min(rest.find_first_not_of(" \t"), rest.size()));
        };
        const std::string owner(take_word(rest));
        blanks();
        const std::string question(take_word(rest));
        blanks();
        const std::string type(take_word(rest));
        if (type.empty()) {
            add(number, true, "a line is `owner question type value`", "d-i time/zone string UTC");
            return;
        }
        if (question.find('/') == std::string::npos && question != "keymap" && question != "log_host") {
            add(number, true,
                fmt::format("'{}' is not a question: those have a slash in their name", question),
                nearest(question, names()).value_or(""));
            return;
        }
        if (type != "seen" &&
            std::find(question_types.begin(), question_types.end(), type) == question_types.end()) {
            add(number, true, fmt::format("'{}' is not a type of a question", type),
                nearest(type, {question_types.begin(), question_types.end()}).value_or(""));
            return;
        }
        if (rest.size() > 1 && (rest[1] == ' ' || rest[1] == '\t')) {
            add(number, false,
                "only one blank separates type and value, the others become part of the value");
        }
        question_line(owner, question, {number, type, std::string(rest.empty() ? rest : rest.substr(1))});
    }

    static std::vector<std::string> names() {
        std::vector<std::string> out;
        for (const auto& [name, type] : known_questions()) {
            out.push_back(name);
        }
        return out;
    }

    void question_line(const std::string& owner, const std::string& question, const PreseedEntry& entry) {
        if (entry.value.find("\\n") != std::string::npos) {
            add(entry.line, true,
                "debconf turns \\n in a value into a line break, so the command arrives broken",
                "put the command into a script, or use echo twice");
        }
        const auto known = known_questions().find(question);
        if (known == known_questions().end()) {
            if (const auto near = nearest(question, names()); near && owner == "d-i") {
                add(entry.line, false, fmt::format("unknown question {}", question), *near);
            }
        } else if (entry.type != "seen" && !interchangeable(known->second, entry.type)) {
            add(entry.line, true,
                fmt::format("{} is of type {}, not {}", question, known->second, entry.type), known->second);
        }
        if (entry.type == "boolean" && entry.value != "true" && entry.value != "false") {
            add(entry.line, true, fmt::format("a boolean is true or false, not '{}'", entry.value), "true");
        }
        value_faults(question, entry);
        if (const auto before = seen_.find(question); before != seen_.end() && entry.type != "seen") {
            add(entry.line, false,
                fmt::format("{} was already answered in line {}; this one counts", question,
                            before->second.line));
        }
        seen_[question] = entry;
    }

    void value_faults(const std::string& question, const PreseedEntry& entry) {
        const bool is_hash =
            question.size() > 17 && question.compare(question.size() - 17, 17, "-password-crypted") == 0;
        if (is_hash) {
            if (const auto reason = password_hash_fault(trimmed(entry.value))) {
                add(entry.line, true, fmt::format("the value of {}: {}", question, *reason));
            }
        }
        if (question == "passwd/root-password" || question == "passwd/user-password") {
            add(entry.line, false, "a password in plain text",
                fmt::format("d-i {}-crypted password HASH", question));
        }
        if (question == "partman-auto/expert_recipe" && !entry.value.empty() &&
            trimmed(entry.value).back() != '.') {
            add(entry.line, true, "a partition recipe ends with a dot after its last partition",
                "… mountpoint{ / } .");
        }
        if (question == "partman-auto/method" && entry.value != "regular" && entry.value != "lvm" &&
            entry.value != "crypto" && entry.value != "raid") {
            add(entry.line, true, fmt::format("'{}' is not a partitioning method", entry.value),
                nearest(entry.value, {"regular", "lvm", "crypto", "raid"}).value_or("regular"));
        }
    }

    bool answered(const std::string& question) const { return seen_.contains(question); }

    bool is_false(const std::string& question) const {
        const auto found = seen_.find(question);
        return found != seen_.end() && trimmed(found->second.value) == "false";
    }

    /// Both questions are asked at priority critical.
    void accounts() {
        const bool root = is_false("passwd/root-login") || answered("passwd/root-password-crypted") ||
                          answered("passwd/root-password");
        const bool user = is_false("passwd/make-user") ||
                          (answered("passwd/username") &&
                           (answered("passwd/user-password-crypted") || answered("passwd/user-password")));
        if (!root) {
            add(0, true, "no account for root: the installer will ask for the root password",
                "d-i passwd/root-login boolean false");
        }
        if (!user) {
            add(0, true, "no answer about a user: the installer will ask for the name and password of one",
                "d-i passwd/make-user boolean false");
        }
    }

    /// The partition recipe must have a root, and the one chosen must exist.
    void recipe() {
        static const std::vector<std::string> shipped{"atomic", "home", "multi", "server", "small_disk"};
        const auto expert = seen_.find("partman-auto/expert_recipe");
        std::string own;
        if (expert != seen_.end()) {
            const std::string& value = expert->second.value;
            const std::string_view head = trimmed(std::string_view(value).substr(0, value.find("::")));
            own = head.substr(0, head.find_first_of(" \t"));
            static const std::regex root(R"(mountpoint\{\s*/\s*\})");
            if (!value.empty() && !std::regex_search(value, root)) {
                add(expert->second.line, true,
                    "the partition recipe has no partition for the root file system", "mountpoint{ / }");
            }
        }
        const auto chosen = seen_.find("partman-auto/choose_recipe");
        if (chosen == seen_.end()) {
            return;
        }
        const std::string name(trimmed(chosen->second.value));
        // A path to a recipe, or the text of the menu's entry, is taken too.
        const bool known = name == own || name.find_first_of(" /") != std::string::npos ||
                           std::find(shipped.begin(), shipped.end(), name) != shipped.end();
        if (!known) {
            std::vector<std::string> names = shipped;
            if (!own.empty()) {
                names.insert(names.begin(), own);
            }
            add(chosen->second.line, true, fmt::format("unknown partition recipe '{}'", name),
                nearest(name, names).value_or(names.front()));
        }
    }

    bool is_true(const std::string& question) const {
        const auto found = seen_.find(question);
        return found != seen_.end() && trimmed(found->second.value) == "true";
    }

    void need(const std::string& question, const std::string& line, std::string_view why) {
        const auto found = seen_.find(question);
        if (found == seen_.end() || trimmed(found->second.value) == "false") {
            add(found == seen_.end() ? 0 : found->second.line, false,
                fmt::format("{} is not answered: {}", question, why), line);
        }
    }

    void whole() {
        if (seen_.empty()) {
            add(0, true, "this file answers nothing");
            return;
        }
        if (seen_.contains("preseed/include") || seen_.contains("preseed/run")) {
            return;  // the rest may be answered elsewhere
        }
        need("partman-auto/method", "d-i partman-auto/method string regular",
             "the installer will ask how to partition");
        need("partman-partitioning/confirm_write_new_label",
             "d-i partman-partitioning/confirm_write_new_label boolean true",
             "the installer will ask before it writes a new partition table");
        need("partman/choose_partition", "d-i partman/choose_partition select finish",
             "the installer will stop at the partition list");
        need("partman/confirm", "d-i partman/confirm boolean true",
             "the installer will ask before it writes to the disk");
        need("partman/confirm_nooverwrite", "d-i partman/confirm_nooverwrite boolean true",
             "the installer will ask before it writes to the disk");
        if (const auto method = seen_.find("partman-auto/method");
            method != seen_.end() && method->second.value == "lvm") {
            need("partman-lvm/confirm", "d-i partman-lvm/confirm boolean true",
                 "the installer will ask before it sets up the volume group");
            need("partman-lvm/confirm_nooverwrite", "d-i partman-lvm/confirm_nooverwrite boolean true",
                 "the installer will ask before it sets up the volume group");
        }
        if (!is_true("debian-installer/exit/poweroff")) {
            add(0, false, "the machine is not set to power off at the end: that is added",
                "d-i debian-installer/exit/poweroff boolean true");
        }
        accounts();
        recipe();
        need("finish-install/reboot_in_progress", "d-i finish-install/reboot_in_progress note",
             "the installer will wait at its last message");
    }

    std::string_view text_;
    std::map<std::string, PreseedEntry> seen_;
};

}  // namespace

Diagnostics check_preseed(std::string_view text, const std::string& file) {
    return PreseedCheck(text, file).run();
}

}  // namespace imgforge::seeds
