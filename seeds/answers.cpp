// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/answers.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/redact.hpp"
#include "builder/base/strict_yaml.hpp"
#include "builder/base/time_zone.hpp"
#include "seeds/answer_formats.hpp"
#include "seeds/passwords.hpp"
#include "seeds/ssh_keys.hpp"
#include "seeds/target_script.hpp"
#include "seeds/text.hpp"

namespace imgforge::seeds {
namespace {

struct FormatName {
    std::string_view word;
    AnswerFormat format;
};

constexpr std::array format_names{
    FormatName{"preseed", AnswerFormat::preseed},     FormatName{"autoinstall", AnswerFormat::autoinstall},
    FormatName{"kickstart", AnswerFormat::kickstart}, FormatName{"autoyast", AnswerFormat::autoyast},
    FormatName{"agama", AnswerFormat::agama},         FormatName{"alpine", AnswerFormat::alpine},
};

/// Reads the block and notes what the schema cannot say.
class AnswerReader {
public:
    AnswerReader(const Json& block, Diagnostics& faults, std::string pointer)
        : block_(block), faults_(faults), pointer_(std::move(pointer)) {}

    Answers read() {
        Answers out;
        for (const auto& [key, target] : std::initializer_list<std::pair<const char*, std::string*>>{
                 {"locale", &out.locale},
                 {"keyboard", &out.keyboard},
                 {"keyboard-variant", &out.keyboard_variant},
                 {"timezone", &out.timezone},
                 {"hostname", &out.hostname},
                 {"domain", &out.domain},
                 {"mirror", &out.mirror},
                 {"kernel", &out.kernel}}) {
            *target = text(block_, key, *target, pointer_);
        }
        if (!is_time_zone(out.timezone)) {
            fault("/timezone", fmt::format("unknown time zone '{}'", out.timezone));
        }
        out.recommends = block_.value("recommends", out.recommends);
        out.security_updates = block_.value("security-updates", out.security_updates);
        out.eatmydata = block_.value("eatmydata", out.eatmydata);
        if (block_.contains("offline")) {
            out.offline = block_["offline"].get<bool>();
        }
        out.packages = texts(block_, "packages", pointer_);
        out.post = block_.value("post", std::vector<std::string>());
        read_root(out);
        read_users(out);
        read_disk(out);
        if (out.offline.value_or(false) && out.security_updates) {
            fault("/security-updates", "updates need a network, but the installation is to be offline");
        }
        return out;
    }

private:
    void fault(const std::string& place, std::string message) {
        faults_.add({.pointer = pointer_ + place, .message = std::move(message)});
    }

    std::string text(const Json& object, const char* key, const std::string& fallback,
                     const std::string& base) {
        const std::string value = object.value(key, fallback);
        if (!is_one_line(value)) {
            faults_.add({.pointer = base + "/" + key,
                         .message = fmt::format("`{}` has a line break or control character in it", key)});
        }
        return value;
    }

    std::vector<std::string> texts(const Json& object, const char* key, const std::string& base) {
        const auto values = object.value(key, std::vector<std::string>());
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (!is_one_line(values[i])) {
                faults_.add({.pointer = fmt::format("{}/{}/{}", base, key, i),
                             .message = "a line break or control character has no place here"});
            }
        }
        return values;
    }

    std::vector<std::string> keys(const Json& object, const std::string& base) {
        auto lines = object.value("ssh-keys", std::vector<std::string>());
        for (std::size_t i = 0; i < lines.size(); ++i) {
            lines[i] = std::string(trimmed(lines[i]));
            if (const auto reason = public_key_fault(lines[i])) {
                faults_.add(
                    {.pointer = fmt::format("{}/ssh-keys/{}", base, i), .message = "SSH key: " + *reason});
            }
        }
        return lines;
    }

    std::string hash(const Json& object, const std::string& base) {
        const std::string value = object.value("password-hash", std::string());
        if (value.empty()) {
            return value;
        }
        remember_secret(value);
        if (const auto reason = password_hash_fault(value)) {
            faults_.add({.pointer = base + "/password-hash",
                         .message = "password hash: " + *reason,
                         .suggestion = "the output of: openssl passwd -6"});
        }
        return value;
    }

    void read_root(Answers& out) {
        if (block_.contains("root")) {
            out.root_password_hash = hash(block_["root"], pointer_ + "/root");
            out.root_ssh_keys = keys(block_["root"], pointer_ + "/root");
        }
    }

    void read_users(Answers& out) {
        const Json users = block_.value("users", Json::array());
        for (std::size_t i = 0; i < users.size(); ++i) {
            const std::string base = fmt::format("{}/users/{}", pointer_, i);
            AnswerUser user{.name = text(users[i], "name", "", base),
                            .full_name = text(users[i], "full-name", "", base)};
            user.password_hash = hash(users[i], base);
            user.ssh_keys = keys(users[i], base);
            user.groups = texts(users[i], "groups", base);
            user.sudo = users[i].value("sudo", false);
            if (user.name == "root" || !is_user_name(user.name)) {
                faults_.add(
                    {.pointer = base + "/name", .message = fmt::format("invalid user name '{}'", user.name)});
            }
            if (user.full_name.find(':') != std::string::npos) {
                faults_.add(
                    {.pointer = base + "/full-name", .message = "a colon has no place in /etc/passwd"});
            }
            out.users.push_back(std::move(user));
        }
    }

    void read_disk(Answers& out) {
        const Json disk = block_.value("disk", Json::object());
        out.disk.device = disk.value("device", std::string());
        out.disk.filesystem = disk.value("filesystem", out.disk.filesystem);
        out.disk.swap = disk.value("swap", 0U);
        const std::string layout = disk.value("layout", std::string("plain"));
        out.disk.layout = layout == "lvm"        ? AnswerDisk::Layout::lvm
                          : layout == "separate" ? AnswerDisk::Layout::separate
                                                 : AnswerDisk::Layout::plain;
    }

    const Json& block_;
    Diagnostics& faults_;
    std::string pointer_;
};

AnswerFiles with_post(AnswerFormat format, const std::string& text, const std::string& post,
                      const Answers& answers, const AnswerFacts& facts) {
    switch (format) {
        case AnswerFormat::preseed:
            return preseed_files(text, preseed_sources_script(answers, facts) + post, facts);
        case AnswerFormat::autoinstall: return autoinstall_files(text);
        case AnswerFormat::kickstart: return kickstart_files(text);
        case AnswerFormat::autoyast: return autoyast_files(text);
        case AnswerFormat::agama: return agama_files(text);
        case AnswerFormat::alpine: return alpine_files(text, answers, facts);
    }
    return {};
}

/// Packages that the medium does not hold make the installation one with a network.
AnswerFacts with_network(AnswerFormat format, const Answers& answers, AnswerFacts facts) {
    facts.offline = facts.offline && beyond_medium(format, answers).empty();
    return facts;
}

}  // namespace

AnswerFormat parse_answer_format(std::string_view word) {
    for (const FormatName& name : format_names) {
        if (name.word == word) {
            return name.format;
        }
    }
    throw Error(Failure::usage, fmt::format("unknown kind of answer file '{}'", word),
                "preseed, autoinstall, kickstart, autoyast, agama or alpine");
}

std::string_view to_string(AnswerFormat format) {
    for (const FormatName& name : format_names) {
        if (name.format == format) {
            return name.word;
        }
    }
    return {};
}

Answers parse_answers(const Json& block, Diagnostics& diagnostics, const std::string& pointer) {
    return block.is_object() ? AnswerReader(block, diagnostics, pointer).read() : Answers{};
}

std::string answer_text(AnswerFormat format, const Answers& answers, const AnswerFacts& known) {
    const AnswerFacts facts = with_network(format, answers, known);
    switch (format) {
        case AnswerFormat::preseed: return preseed_text(answers, facts);
        case AnswerFormat::autoinstall: return autoinstall_text(answers, facts);
        case AnswerFormat::kickstart: return kickstart_text(answers, facts);
        case AnswerFormat::autoyast: return autoyast_text(answers, facts);
        case AnswerFormat::agama: return agama_text(answers, facts);
        case AnswerFormat::alpine: return alpine_text(answers, facts);
    }
    return {};
}

std::string with_marker(AnswerFormat format, const std::string& text, const AnswerFacts& facts) {
    if (text.find(marker_line(facts.nonce)) != std::string::npos) {
        return text;
    }
    switch (format) {
        case AnswerFormat::preseed: return preseed_with_marker(text, facts);
        case AnswerFormat::autoinstall: return autoinstall_with_marker(text, facts);
        case AnswerFormat::kickstart: return kickstart_with_marker(text, facts);
        case AnswerFormat::autoyast: return autoyast_with_marker(text, facts);
        case AnswerFormat::agama: return agama_with_marker(text, facts);
        case AnswerFormat::alpine: return text;  // the overlay's start script writes it
    }
    return text;
}

AnswerFiles deliver(AnswerFormat format, const std::string& text, const AnswerFacts& facts) {
    AnswerFacts own = facts;
    own.package_sources.clear();  // a file of the user's own says itself where packages come from
    return with_post(format, text, {}, {}, own);
}

AnswerFiles generate(AnswerFormat format, const Answers& answers, const AnswerFacts& facts) {
    return with_post(format, answer_text(format, answers, facts), target_script(answers), answers,
                     with_network(format, answers, facts));
}

Diagnostics check(AnswerFormat format, std::string_view text, const std::string& file,
                  const AnswerFacts& facts) {
    switch (format) {
        case AnswerFormat::preseed: return check_preseed(text, file);
        case AnswerFormat::autoinstall: return check_autoinstall(text, file);
        case AnswerFormat::kickstart: return check_kickstart(text, file, facts);
        case AnswerFormat::autoyast: return check_autoyast(text, file);
        case AnswerFormat::agama: return check_agama(text, file);
        case AnswerFormat::alpine: return check_alpine(text, file);
    }
    return {};
}

std::vector<std::string> asked_packages(AnswerFormat format, const std::string& text) {
    return format == AnswerFormat::preseed ? preseed_packages(text) : std::vector<std::string>();
}

bool wants_network(AnswerFormat format, const Answers& answers, const AnswerFacts& facts) {
    return !is_offline(answers, with_network(format, answers, facts));
}

std::vector<std::string> beyond_medium(AnswerFormat format, const Answers& answers) {
    // In the installed system already, or in the small pool of the medium.
    static const std::vector<std::string> ubuntu{"openssh-server", "cloud-init", "sudo", "curl", "python3"};
    static const std::vector<std::string> alpine{"openssh",    "alpine-base", "chrony",   "openssl",
                                                 "e2fsprogs",  "dosfstools",  "lvm2",     "tzdata",
                                                 "linux-virt", "linux-lts",   "syslinux", "grub"};
    if (format != AnswerFormat::autoinstall && format != AnswerFormat::alpine) {
        return {};
    }
    const std::vector<std::string>& there = format == AnswerFormat::alpine ? alpine : ubuntu;
    std::vector<std::string> missing;
    std::copy_if(
        answers.packages.begin(), answers.packages.end(), std::back_inserter(missing),
        [&](const std::string& name) { return std::find(there.begin(), there.end(), name) == there.end(); });
    return missing;
}

bool wants_network(AnswerFormat format, const std::string& text, const AnswerFacts& facts) {
    const auto names_mirror = [&](std::string_view line) {
        const std::string_view words = trimmed(line);
        if (format == AnswerFormat::preseed) {
            return words.starts_with("d-i") && words.find("mirror/http") != std::string_view::npos &&
                   words.find("/hostname") != std::string_view::npos;
        }
        if (format == AnswerFormat::alpine) {
            return words.starts_with("APKREPOSOPTS=") && words.find("/media/") == std::string_view::npos;
        }
        return format == AnswerFormat::kickstart &&
               (words.starts_with("url --") || words.starts_with("repo --"));
    };
    const auto lines = lines_of(text);
    return !facts.offline || std::any_of(lines.begin(), lines.end(), names_mirror);
}

std::string marker_line(std::string_view nonce) {
    return fmt::format("IMGFORGE-RESULT: success {}", nonce);
}

}  // namespace imgforge::seeds
