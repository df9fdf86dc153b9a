// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/medium_packages.hpp"

#include <gmock/gmock.h>

#include "builder/install/cpio.hpp"
#include "tests/support/require.hpp"
#include "tests/tools/media/marker_iso.hpp"

namespace imgforge::install {
namespace {

std::string stanza(const std::string& name, const std::string& provides = {}) {
    return "Package: " + name + "\nVersion: 1\n" + (provides.empty() ? "" : "Provides: " + provides + "\n") +
           "Filename: pool/" + name + ".deb\nSize: 1\nSHA256: " + std::string(64, 'a') + "\n\n";
}

class MediumPackages : public testing::Test {
protected:
    void SetUp() override {
        if (!find_program("xorriso")) {
            IMGFORGE_SKIP("tools", "xorriso is not installed");
        }
    }
    std::vector<std::string> missing(const std::vector<std::string>& names,
                                     const std::string& suite = "trixie") {
        const auto iso =
            test::make_marker_iso(dir_, "Debian 13",
                                  {{"dists/trixie/Release", "Suite: stable\n"},
                                   {"dists/trixie/main/binary-amd64/Packages.gz",
                                    gzip(stanza("qemu-guest-agent") + stanza("exim4", "mail-server"))},
                                   {"dists/trixie/contrib/binary-amd64/Packages", stanza("virtualbox")}});
        std::vector<std::string> texts;
        for (const MissingPackage& package : missing_packages(image::IsoReader(iso), suite, "amd64", names)) {
            texts.push_back(package.name + ">" + package.suggestion);
        }
        return texts;
    }
    TempDir dir_;
};

TEST_F(MediumPackages, those_on_the_medium_in_any_component_and_virtual_ones_are_not_missing) {
    EXPECT_THAT(missing({"qemu-guest-agent", "virtualbox", "mail-server"}), testing::IsEmpty());
}

TEST_F(MediumPackages, names_a_mistyped_one_with_what_was_meant) {
    EXPECT_THAT(missing({"qemu-guest-agnet", "zzz"}),
                testing::ElementsAre("qemu-guest-agnet>qemu-guest-agent", "zzz>"));
}

TEST_F(MediumPackages, a_medium_without_that_index_cannot_be_asked) {
    EXPECT_THAT(missing({"zzz"}, "bookworm"), testing::IsEmpty());
}

}  // namespace
}  // namespace imgforge::install
