// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/answer_limits.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace imgforge::seeds {
namespace {

class Limits {
public:
    Limits(const Answers& answers, const AnswerFacts& facts, Diagnostics& faults, std::string pointer)
        : answers_(answers), facts_(facts), faults_(faults), pointer_(std::move(pointer)) {}

    void check(AnswerFormat format) {
        switch (format) {
            case AnswerFormat::preseed: break;
            case AnswerFormat::autoinstall: break;
            case AnswerFormat::kickstart: kickstart(); break;
            case AnswerFormat::autoyast: autoyast(); break;
            case AnswerFormat::agama: agama(); break;
            case AnswerFormat::alpine: alpine(); break;
        }
        offline(format);
    }

private:
    void fault(std::string_view key, std::string message, std::string suggestion = {}) {
        faults_.add({.pointer = fmt::format("{}/{}", pointer_, key),
                     .message = std::move(message),
                     .suggestion = std::move(suggestion)});
    }

    /// Leave it out: the post commands can do it in the installed system.
    void unsaid(bool given, std::string_view key, std::string_view reader, std::string_view instead) {
        if (given) {
            const std::string name(key.substr(key.rfind('/') + 1));
            fault(key, fmt::format("'{}' cannot be said in {}: {}", name, reader, instead));
        }
    }

    void kickstart() {
        const std::string reader = "a kickstart file";
        unsaid(!answers_.kernel.empty(), "kernel", reader, "leave it out and name the package in `packages`");
        unsaid(answers_.security_updates, "security-updates", reader,
               "leave it out, or put `dnf -y update` into `post`");
        if (answers_.disk.filesystem == "btrfs" && facts_.product.find("Fedora") == std::string::npos) {
            fault("disk/filesystem", fmt::format("'filesystem: btrfs': {} has no btrfs", facts_.product),
                  "xfs");
        }
    }

    void autoyast() {
        const std::string reader = "an AutoYaST profile";
        unsaid(!answers_.mirror.empty(), "mirror", reader,
               "leave it out, or write a profile of your own with an add-on");
        unsaid(!answers_.keyboard_variant.empty(), "keyboard-variant", reader,
               "leave it out, or give the console map as `keyboard`, such as de-latin1-nodeadkeys");
        unsaid(!answers_.kernel.empty(), "kernel", reader, "leave it out and name the package in `packages`");
        unsaid(answers_.security_updates, "security-updates", reader,
               "leave it out, or put `zypper -n patch` into `post`");
    }

    void agama() {
        const std::string reader = "an Agama profile";
        unsaid(!answers_.mirror.empty(), "mirror", reader,
               "leave it out, or write a profile of your own with software/extraRepositories");
        unsaid(!answers_.kernel.empty(), "kernel", reader, "leave it out and name the package in `packages`");
        unsaid(answers_.security_updates, "security-updates", reader,
               "leave it out, or put `zypper -n patch` into `post`");
    }

    void alpine() {
        const std::string reader = "setup-alpine's answers";
        unsaid(answers_.locale != Answers{}.locale, "locale", reader,
               "Alpine has no locales but C.UTF-8, so leave it out");
        unsaid(answers_.disk.layout == AnswerDisk::Layout::separate, "disk/layout", reader,
               "/home and /var cannot lie apart, take layout plain or lvm");
        unsaid(!answers_.kernel.empty() && !answers_.kernel.starts_with("linux-"), "kernel", reader,
               "only its own kernels can be named: linux-lts or linux-virt");
    }

    void offline(AnswerFormat format) {
        const std::vector<std::string> missing = beyond_medium(format, answers_);
        if (answers_.offline.value_or(false) && !missing.empty()) {
            fault(
                "packages",
                fmt::format("not on the ISO, and the installation is offline: {}", fmt::join(missing, ", ")),
                "leave `offline: true` out");
        }
        if (answers_.offline.value_or(false) && !answers_.mirror.empty()) {
            fault("mirror", "a mirror needs a network, but the installation is to be offline");
        }
    }

    const Answers& answers_;
    const AnswerFacts& facts_;
    Diagnostics& faults_;
    std::string pointer_;
};

}  // namespace

void check_limits(AnswerFormat format, const Answers& answers, const AnswerFacts& facts, Diagnostics& faults,
                  const std::string& pointer) {
    Limits(answers, facts, faults, pointer).check(format);
}

}  // namespace imgforge::seeds
