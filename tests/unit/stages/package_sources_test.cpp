// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <map>
#include <set>

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "pipelines/stages/contents.hpp"
#include "pipelines/stages/mirror_state.hpp"

namespace imgforge::stages {

namespace {

std::set<std::string> source_names(const Json& sources) {
    std::set<std::string> names;
    for (const Json& source : sources) {
        names.insert(source["type"].get<std::string>() + " " + source["uri"].get<std::string>() + " " +
                     source["suite"].get<std::string>());
    }
    return names;
}

guest::Inspection guest_like(const std::string& distro, int major, int minor) {
    guest::Inspection os;
    os.distro = distro;
    os.major = major;
    os.minor = minor;
    os.arch = "x86_64";
    return os;
}

TEST(PackageSources, reads_both_forms_of_apt) {
    const Json sources = package_sources(
        {
            {"/etc/apt/sources.list",
             "# comment\ndeb [signed-by=/x] http://mirror.example.org/debian trixie main\ndeb-src "
             "http://mirror.example.org/debian "
             "trixie main\ndeb cdrom:[Debian 13]/ trixie main\ndeb mirror+https://list.example/m trixie "
             "main\n"},
            {"/etc/apt/sources.list.d/debian.sources",
             "Types: deb deb-src\nURIs: http://mirror.example.org/debian/\nSuites: trixie-updates\n "
             "trixie-backports\nComponents: "
             "main\n\nTypes: deb\nEnabled: no\nURIs: http://off\nSuites: x\n"},
        },
        guest_like("debian", 13, 0));
    EXPECT_EQ(source_names(sources),
              (std::set<std::string>{"apt http://mirror.example.org/debian trixie",
                                     "apt http://mirror.example.org/debian trixie-updates",
                                     "apt http://mirror.example.org/debian trixie-backports",
                                     "unknown mirror+https://list.example/m trixie"}));
}

TEST(PackageSources, yum_and_dnf_variables_are_filled_in_and_disabled_repositories_left_out) {
    const Json sources = package_sources(
        {
            {"/etc/dnf/vars/rltype", "\n"},
            {"/etc/yum.repos.d/rocky.repo",
             "[baseos]\nname=x\nmirrorlist=https://mirrors.example/"
             "mirrorlist?arch=$basearch&repo=BaseOS-$releasever$rltype\n"
             "#baseurl=http://dl.example/$releasever\nenabled=1\n[source]\nmirrorlist=https://"
             "mirrors.example/source\nenabled=0\n"
             "[plain]\nbaseurl = https://dl.example/9/os/ \n[odd]\nbaseurl=https://dl.example/$nobody/\n"},
            {"/etc/yum.repos.d/fedora.repo",
             "[f]\nmetalink=https://m.example/metalink?repo=fedora-$releasever&arch=$basearch\n"},
        },
        guest_like("rocky", 9, 4));
    EXPECT_EQ(
        source_names(sources),
        (std::set<std::string>{"mirrorlist https://mirrors.example/mirrorlist?arch=x86_64&repo=BaseOS-9 ",
                               "yum https://dl.example/9/os ", "unknown https://dl.example/$nobody ",
                               "metalink https://m.example/metalink?repo=fedora-9&arch=x86_64 "}));
}

TEST(PackageSources, zypper_apk_and_pacman_are_known) {
    EXPECT_EQ(source_names(package_sources(
                  {{"/etc/zypp/repos.d/oss.repo", "[oss]\nbaseurl=http://d.example/leap/$releasever/oss/\n"}},
                  guest_like("opensuse", 15, 6))),
              (std::set<std::string>{"yum http://d.example/leap/15.6/oss "}));
    EXPECT_EQ(source_names(package_sources(
                  {{"/etc/apk/repositories", "http://a.example/v3.21/main\n# http://a.example/edge\n"}},
                  guest_like("alpine", 3, 21))),
              (std::set<std::string>{"apk http://a.example/v3.21/main "}));
    // A source that only the guest can ask is one all the same: without it a refresh would think that nothing
    // can be new.
    EXPECT_EQ(source_names(package_sources({{"/etc/pacman.conf", "[core]\n"}}, guest_like("arch", 0, 0))),
              (std::set<std::string>{"unknown pacman "}));
}

TEST(MirrorState, asks_the_file_that_changes_with_the_source) {
    const std::map<std::string, std::string> web = {
        {"http://signed/dists/trixie/InRelease", "a"},
        {"http://unsigned/dists/trixie/Release", "b"},
        {"http://flat/InRelease", "c"},
        {"https://r/os/repodata/repomd.xml", "d"},
        {"https://list/m", "# a comment\nhttp://dead/os/\nhttps://r/os/\n"},
    };
    const FetchText fetch = [&](const std::string& url) {
        const auto page = web.find(url);
        return page == web.end() ? std::nullopt : std::optional(page->second);
    };
    const auto state = [&](const char* type, const char* uri, const char* suite) {
        return source_state({{"type", type}, {"uri", uri}, {"suite", suite}}, fetch);
    };
    EXPECT_EQ(state("apt", "http://signed", "trixie"), sha256_hex("a"));
    EXPECT_EQ(state("apt", "http://unsigned", "trixie"), sha256_hex("b"));
    EXPECT_EQ(state("apt", "http://flat", "./"), sha256_hex("c"));
    EXPECT_EQ(state("yum", "https://r/os", ""), sha256_hex("d"));
    EXPECT_EQ(state("mirrorlist", "https://list/m", ""), sha256_hex("d"));
    EXPECT_EQ(state("apt", "http://down", "trixie"), "");
    EXPECT_EQ(state("unknown", "x", ""), "");

    const Json sources = Json::array({{{"type", "apt"}, {"uri", "http://signed"}, {"suite", "trixie"}},
                                      {{"type", "apt"}, {"uri", "http://down"}, {"suite", "s"}}});
    const MirrorState both = ask_mirrors(sources, fetch);
    EXPECT_EQ(both.at("apt http://signed trixie").size(), 64U);
    EXPECT_EQ(both.at("apt http://down s"), "");
}

TEST(MirrorState, metalink_changes_with_the_digest_in_it_and_not_with_the_order_of_its_mirrors) {
    const auto metalink = [](char digit, const std::string& mirror) {
        return fmt::format(
            "<metalink><file name=\"repomd.xml\"><mm0:timestamp>1</mm0:timestamp><verification><hash "
            "type=\"md5\">00</hash>"
            "<hash type=\"sha256\">{}</hash></verification><url>{}</url></file></metalink>",
            std::string(64, digit), mirror);
    };
    const auto state = [](const std::string& text) {
        return source_state({{"type", "metalink"}, {"uri", "https://m"}},
                            [&](const std::string&) { return std::optional(text); });
    };
    EXPECT_EQ(state(metalink('a', "http://1")), state(metalink('a', "http://2")));
    EXPECT_NE(state(metalink('a', "http://1")), state(metalink('b', "http://1")));
    EXPECT_EQ(state("<html>busy</html>"), "");
}

}  // namespace

}  // namespace imgforge::stages
