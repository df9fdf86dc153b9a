// SPDX-License-Identifier: GPL-3.0-or-later
// Configurations made and mutated by chance, judged by imgforge and by Debian's cloud-init: none that
// imgforge calls fine may be dropped or refused there. IMGFORGE_SEED repeats a run, IMGFORGE_COUNT makes it
// longer.
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <map>
#include <random>
#include <sstream>

#include <fmt/format.h>

#include "builder/base/file.hpp"
#include "builder/base/places.hpp"
#include "builder/base/process.hpp"
#include "builder/base/temp_dir.hpp"
#include "seeds/user_data_checks.hpp"
#include "tests/support/require.hpp"

namespace imgforge::seeds {
namespace {

unsigned long number_from(const char* variable, unsigned long fallback) {
    const char* const text = std::getenv(variable);
    return text == nullptr ? fallback : std::strtoul(text, nullptr, 10);
}

class Maker {
public:
    explicit Maker(unsigned long seed) : random_(seed) {}

    std::string next() {
        std::string text = "#cloud-config\n";
        for (std::size_t keys = 1 + below(4); keys > 0; --keys) {
            text += below(8) == 0 ? entry() + entry() : entry();
        }
        if (below(10) == 0) {
            text = in_message(text);
        }
        for (std::size_t changes = below(3); changes > 0; --changes) {
            mutate(text);
        }
        return text;
    }

private:
    std::size_t below(std::size_t end) {
        return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_);
    }

    template <std::size_t Size>
    std::string one_of(const std::array<const char*, Size>& list) {
        return list[below(Size)];
    }

    std::string atom() {
        static constexpr std::array list{"a",
                                         "yes",
                                         "no",
                                         "012345",
                                         "1e3",
                                         "52:54:00:12:34:56",
                                         "2026-12-31",
                                         "=",
                                         "~",
                                         "\"a b\"",
                                         "'x'",
                                         "[a, b]",
                                         "{a: b}",
                                         "[]",
                                         "{}",
                                         "5",
                                         "1.5",
                                         "|\n  x",
                                         "!!binary YQ==",
                                         "!!str 5",
                                         "http://x/?a=b",
                                         "[a?b]",
                                         "\"\\x41\"",
                                         "a: b",
                                         "a #b",
                                         "&x a",
                                         "*x",
                                         "0x1f",
                                         "[[a, 5]]",
                                         "true",
                                         "null",
                                         "{a?: b}",
                                         "2026-13-01",
                                         "@x",
                                         "%x"};
        return one_of(list);
    }

    std::string entry() {
        static constexpr std::array keys{
            "hostname",       "runcmd",   "packages",   "users",         "write_files", "ssh_authorized_keys",
            "timezone",       "bootcmd",  "ntp",        "apt",           "chpasswd",    "mounts",
            "package_update", "locale",   "password",   "final_message", "swap",        "power_state",
            "yum_repos",      "keyboard", "growpart",   "groups",        "snap",        "disk_setup",
            "fs_setup",       "rsyslog",  "phone_home", "hostnam"};
        static constexpr std::array lines{
            "runcmd:\n- touch /a\n- [ls, -l]\n",
            "users:\n- default\n- name: ann\n  groups: [adm]\n  lock_passwd: false\n",
            "write_files:\n- path: /a\n  content: |\n    x\n  permissions: '0644'\n",
            "ntp: {servers: [192.0.2.1], enabled: true}\n",
            "chpasswd: {expire: false, users: [{name: a, password: b, type: text}]}\n",
            "apt: {sources: {x: {source: deb http://x y z}}}\n",
            "power_state: {mode: reboot, delay: +5}\n",
            "growpart: {mode: auto, devices: [/]}\n",
            "swap: {filename: /s, size: 1G}\n",
            "packages: [vim, [git, '1']]\n"};
        return below(2) == 0 ? one_of(lines) : one_of(keys) + ": " + atom() + "\n";
    }

    static std::string in_message(const std::string& text) {
        return "Content-Type: multipart/mixed; boundary=\"XX\"\nMIME-Version: 1.0\n\n--XX\nContent-Type: "
               "text/cloud-config\n\n" +
               text + "--XX--\n";
    }

    void mutate(std::string& text) {
        static constexpr std::string_view marks = " \t\n:-#'\"[]{},&*!|>%@`?=";
        const std::size_t at = 14 + below(text.size() - 13);  // behind the first line
        if (at >= text.size()) {
            return;
        }
        switch (below(3)) {
            case 0: text[at] = marks[below(marks.size())]; break;
            case 1: text.insert(at, 1, marks[below(marks.size())]); break;
            default: text.erase(at, 1); break;
        }
    }

    std::mt19937_64 random_;
};

TEST(SeedMutations, what_imgforge_calls_fine_cloud_init_takes) {
    SystemProcessRunner runner;
    if (!runner.run({.program = "/usr/bin/python3", .args = {"-c", "import cloudinit"}}).ok()) {
        IMGFORGE_SKIP("tools", "cloud-init is missing");
    }
    const unsigned long seed = number_from("IMGFORGE_SEED", std::random_device{}());
    const unsigned long count = number_from("IMGFORGE_COUNT", 900);
    const TempDir folder("mutations");
    Maker maker(seed);
    std::map<std::string, std::string> texts;
    for (unsigned long i = 0; i < count; ++i) {
        const std::string name = fmt::format("{:05}", i);
        texts[name] = maker.next();
        write_file_atomically(folder / name, texts[name]);
    }
    const std::string out =
        run_checked(runner, {.program = "/usr/bin/python3",
                             .args = {(data_path("tests/tools/seeds") / "judge_by_cloud_init.py").string(),
                                      folder.path().string()},
                             .timeout = std::chrono::minutes(3)})
            .out;
    std::istringstream lines(out);
    std::string name;
    std::string verdict;
    std::size_t judged = 0;
    std::size_t fine = 0;
    while (lines >> name >> verdict) {
        ++judged;
        const Diagnostics found = check_user_data(texts.at(name), name, guest_named("debian12"));
        fine += found.empty() ? 1U : 0U;
        EXPECT_FALSE(verdict == "dropped" && !found.has_errors() && found.empty())
            << "IMGFORGE_SEED=" << seed << ": cloud-init drops what imgforge calls fine:\n"
            << texts.at(name);
        EXPECT_FALSE(verdict == "refused" && found.empty())
            << "IMGFORGE_SEED=" << seed << ": cloud-init's schema refuses what imgforge calls fine:\n"
            << texts.at(name);
    }
    EXPECT_EQ(judged, count);
    EXPECT_GT(fine, count / 20) << "the generator makes hardly anything that is fine";
    RecordProperty("seed", std::to_string(seed));
}

}  // namespace
}  // namespace imgforge::seeds
