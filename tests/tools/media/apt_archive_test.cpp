// SPDX-License-Identifier: GPL-3.0-or-later
// Debian archives of our own on disk, signed by a key of our own, read by the real apt.
#include "builder/install/apt_archive.hpp"

#include <gmock/gmock.h>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/process.hpp"
#include "builder/base/temp_dir.hpp"
#include "tests/support/require.hpp"

namespace imgforge::install {
namespace {

using testing::HasSubstr;

/// An archive in which each name of a suite ("trixie", "stable") has a Release file and an index of its own.
class AptArchiveTest : public testing::Test {
protected:
    void SetUp() override {
        for (const char* program : {"/usr/bin/apt-ftparchive", "/usr/bin/gpg"}) {
            if (!std::filesystem::exists(program)) {
                IMGFORGE_SKIP("tools", fmt::format("{} is missing", program));
            }
        }
        gpg({"--quick-gen-key", "Archive <archive@example.org>", "rsa2048", "sign", "never"});
        gpg({"--output", keyring().string(), "--export"});
    }

    void gpg(std::vector<std::string> args) {
        make_directories(dir_ / gnupg_, 0700);
        args.insert(args.begin(),
                    {"--homedir", (dir_ / gnupg_).string(), "--batch", "--yes", "--passphrase", ""});
        run_checked(runner_, {.program = "gpg", .args = std::move(args)});
    }

    /// Release file and index of `suite`, which says `codename` and names one package in that version.
    void publish(const std::string& suite, const std::string& codename, const std::string& version) {
        const std::filesystem::path dist = dir_ / "mirror/dists" / suite;
        make_directories(dist / "main/binary-amd64");
        write_file_atomically(dist / "main/binary-amd64/Packages",
                              fmt::format("Package: tool\nVersion: {}\nArchitecture: amd64\nFilename: "
                                          "pool/tool.deb\nSize: 1\nSHA256: {}\n",
                                          version, std::string(64, 'a')));
        const ProcessResult release = run_checked(
            runner_, {.program = "apt-ftparchive",
                      .args = {"-o", "APT::FTPArchive::Release::Codename=" + codename, "-o",
                               "APT::FTPArchive::Release::Suite=" + suite, "-o",
                               "APT::FTPArchive::Release::Origin=Debian", "-o",
                               "APT::FTPArchive::Release::Components=main", "-o",
                               "APT::FTPArchive::Release::Architectures=amd64", "release", dist.string()}});
        write_file_atomically(dist / "Release", release.out);
        gpg({"--output", (dist / "InRelease").string(), "--clearsign", (dist / "Release").string()});
    }

    /// The index changes, the Release file stays: a mirror in the middle of its synchronisation.
    void make_stale(const std::string& suite) {
        write_file_atomically(dir_ / "mirror/dists" / suite / "main/binary-amd64/Packages",
                              "Package: other\nVersion: 0\n");
    }

    AptArchive archive() {
        return {runner_,
                dir_ / "apt",
                {.uri = "file:" + (dir_ / "mirror").string(),
                 .suite = "trixie",
                 .component = "main",
                 .keyring = keyring()}};
    }

    std::filesystem::path keyring() const { return dir_ / "archive.gpg"; }

    TempDir dir_{"apt-archive"};
    std::string gnupg_ = "gnupg";  ///< the directory of the keys
    SystemProcessRunner runner_;
};

TEST_F(AptArchiveTest, reads_a_consistent_index_under_the_suites_own_name) {
    publish("trixie", "trixie", "1");
    publish("stable", "trixie", "2");
    AptArchive own = archive();

    own.update();
    own.load();

    EXPECT_EQ(own.alias(), "");
    EXPECT_EQ(own.release().codename, "trixie");
    EXPECT_EQ(own.index().by_name("tool").version, "1");
}

TEST_F(AptArchiveTest, reads_the_suite_by_another_name_while_its_own_index_is_stale) {
    publish("trixie", "trixie", "2");
    publish("stable", "trixie", "1");
    make_stale("trixie");
    AptArchive stale = archive();

    stale.update();
    stale.load();

    EXPECT_EQ(stale.alias(), "stable");
    EXPECT_EQ(stale.index().by_name("tool").version, "1");
}

TEST_F(AptArchiveTest, never_takes_another_release_for_a_stale_one) {
    publish("trixie", "trixie", "2");
    publish("stable", "forky", "1");
    make_stale("trixie");
    AptArchive stale = archive();

    EXPECT_THAT([&] { stale.update(); },
                testing::ThrowsMessage<Error>(HasSubstr("apt cannot read trixie main")));
}

TEST_F(AptArchiveTest, refuses_an_archive_signed_by_a_key_it_was_not_given) {
    publish("trixie", "trixie", "1");
    gnupg_ = "another";  // the agent of the first one still runs, and would come in the way in its directory
    gpg({"--quick-gen-key", "Someone <someone@example.org>", "rsa2048", "sign", "never"});
    gpg({"--output", keyring().string(), "--export"});
    AptArchive foreign = archive();

    EXPECT_THAT([&] { foreign.update(); },
                testing::ThrowsMessage<Error>(HasSubstr("apt cannot read trixie main")));
}

}  // namespace
}  // namespace imgforge::install
