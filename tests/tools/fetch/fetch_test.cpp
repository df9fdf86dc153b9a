// SPDX-License-Identifier: GPL-3.0-or-later
// Downloads from a real HTTP server on the loopback interface that misbehaves on request.
#include <gmock/gmock.h>
#include <httplib.h>

#include <atomic>
#include <thread>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "pipelines/fetch/medium.hpp"
#include "pipelines/fetch/signature.hpp"
#include "tests/support/require.hpp"

using testing::HasSubstr;

namespace imgforge::fetch {
namespace {

std::string content() {
    std::string text;
    for (int i = 0; i < 200000; ++i) {
        text += static_cast<char>('a' + i * 7 % 26);
    }
    return text;
}

class Fetch : public testing::Test {
protected:
    Fetch() {
        server_.Get("/medium.iso", [this](const httplib::Request& request, httplib::Response& response) {
            ++requests_;
            ranges_ += request.has_header("Range") ? 1 : 0;
            response.set_header("ETag", "\"v1\"");
            response.set_content(content(), "application/octet-stream");
        });
        // Breaks off half way the first time.
        server_.Get("/broken.iso", [this](const httplib::Request& request, httplib::Response& response) {
            ++requests_;
            ranges_ += request.has_header("Range") ? 1 : 0;
            response.set_header("ETag", "\"v1\"");
            if (request.has_header("Range")) {
                response.set_content(content(), "application/octet-stream");
                return;
            }
            response.set_content_provider(content().size(), "application/octet-stream",
                                          [](std::size_t offset, std::size_t, httplib::DataSink& sink) {
                                              const std::string all = content();
                                              if (offset >= all.size() / 2) {
                                                  return false;
                                              }
                                              return sink.write(all.data() + offset, all.size() / 2 - offset);
                                          });
        });
        server_.Get("/moved.iso", [](const httplib::Request&, httplib::Response& response) {
            response.set_redirect("/medium.iso");
        });
        server_.Get("/SHA256SUMS", [this](const httplib::Request&, httplib::Response& response) {
            response.set_content(sums_, "text/plain");
        });
        port_ = server_.bind_to_any_port("127.0.0.1");
        thread_ = std::thread([this] { server_.listen_after_bind(); });
    }
    ~Fetch() override {
        server_.stop();
        thread_.join();
    }

    std::string url(const std::string& path) const {
        return "http://127.0.0.1:" + std::to_string(port_) + path;
    }
    FetchServices services() {
        FetchServices given{.places = {home_.path()}, .processes = &processes_, .monitor = &monitor_};
        given.download.pause = std::chrono::milliseconds(5);
        return given;
    }
    std::size_t files_kept() const {
        std::size_t count = 0;
        std::error_code code;
        for (const auto& entry : std::filesystem::directory_iterator(home_ / "cache/media", code)) {
            count += entry.path().extension() == ".lock" ? 0U : 1U;
        }
        return count;
    }

    TempDir home_{"fetch-test"};
    httplib::Server server_;
    std::thread thread_;
    int port_ = 0;
    std::atomic<int> requests_ = 0;
    std::atomic<int> ranges_ = 0;
    std::string sums_ = sha256_hex(content()) + " *medium.iso\n";
    SystemProcessRunner processes_;
    RecordingMonitor monitor_;
};

TEST_F(Fetch, downloads_verifies_and_does_not_fetch_again) {
    const MediumSpec spec{.location = url("/medium.iso"), .sha256 = sha256_hex(content())};

    const Medium first = fetch_medium(spec, services());
    const Medium second = fetch_medium(spec, services());

    EXPECT_EQ(read_file(first.path), content());
    EXPECT_EQ(second.path, first.path);
    EXPECT_EQ(first.verified_by, "sha256");
    EXPECT_EQ(requests_, 1);
}

TEST_F(Fetch, goes_on_where_a_broken_transfer_ended) {
    const Medium medium =
        fetch_medium({.location = url("/broken.iso"), .sha256 = sha256_hex(content())}, services());
    EXPECT_EQ(read_file(medium.path), content());
    EXPECT_EQ(ranges_, 1) << "the second request asked for the rest only";
}

TEST_F(Fetch, resumes_a_part_that_an_earlier_process_left) {
    const std::string name = sha256_hex(url("/medium.iso")).substr(0, 8) + "-medium.iso.part";
    make_directories(home_ / "cache/media");
    write_file_atomically(home_ / "cache/media" / name, content().substr(0, 1000));
    write_file_atomically(home_ / "cache/media" / (name + ".meta"), "\"v1\"");

    const Medium medium =
        fetch_medium({.location = url("/medium.iso"), .sha256 = sha256_hex(content())}, services());

    EXPECT_EQ(read_file(medium.path), content());
    EXPECT_EQ(ranges_, 1);
}

TEST_F(Fetch, a_wrong_digest_is_refused_and_nothing_is_kept) {
    try {
        fetch_medium({.location = url("/medium.iso"), .sha256 = std::string(64, '0')}, services());
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), Failure::integrity);
        EXPECT_THAT(error.what(), HasSubstr(sha256_hex(content())));
    }
    EXPECT_EQ(files_kept(), 0U);
}

TEST_F(Fetch, follows_redirects_and_reads_checksum_files) {
    sums_ += sha256_hex(content()) + "  moved.iso\n";
    const Medium medium =
        fetch_medium({.location = url("/moved.iso"), .checksums = url("/SHA256SUMS")}, services());
    EXPECT_EQ(medium.verified_by, "checksums");
    EXPECT_THROW(fetch_medium({.location = url("/medium.iso?x=1"), .checksums = url("/nothing")}, services()),
                 Error);
}

TEST_F(Fetch, says_what_the_server_answered) {
    try {
        fetch_medium({.location = url("/absent.iso"), .sha256 = std::string(64, '0')}, services());
        FAIL();
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("the server answers 404"));
    }
    EXPECT_THROW(fetch_medium({.location = "http://127.0.0.1:1/x.iso"}, services()), Error);
}

TEST_F(Fetch, without_anything_to_verify_by_there_is_a_warning) {
    fetch_medium({.location = url("/medium.iso")}, services());
    bool warned = false;
    for (const MonitorEvent& event : monitor_.events()) {
        warned = warned || (event.kind == MonitorEvent::Kind::warning &&
                            event.detail.find("verified by nothing") != std::string::npos);
    }
    EXPECT_TRUE(warned);
}

TEST_F(Fetch, a_signature_must_be_of_the_pinned_keyring) {
    if (!find_program("gpg") || !find_program("gpgv")) {
        IMGFORGE_SKIP("tools", "gpg or gpgv is not installed");
    }
    const TempDir keys("fetch-keys");
    const auto gpg = [&](std::vector<std::string> args) {
        args.insert(args.begin(), {"--batch", "--quiet", "--homedir", keys.path().string(), "--passphrase",
                                   "", "--pinentry-mode", "loopback"});
        return run_checked(processes_, {.program = "gpg", .args = args});
    };
    gpg({"--quick-generate-key", "Test <test@example.org>", "ed25519", "sign", "never"});
    gpg({"--output", (keys / "ring.gpg").string(), "--export"});
    write_file_atomically(keys / "SUMS", sums_);
    gpg({"--output", (keys / "SUMS.sig").string(), "--detach-sign", (keys / "SUMS").string()});
    gpg({"--output", (keys / "SUMS.asc").string(), "--clear-sign", (keys / "SUMS").string()});
    MediumSpec spec{.location = url("/medium.iso"), .checksums = (keys / "SUMS").string()};
    spec.signature = (keys / "SUMS.sig").string();
    spec.keyring = keys / "ring.gpg";

    EXPECT_THAT(fetch_medium(spec, services()).verified_by, HasSubstr("signature of "));
    MediumSpec inside = spec;
    inside.checksums = (keys / "SUMS.asc").string();
    inside.signature.clear();
    EXPECT_THAT(fetch_medium(inside, services()).verified_by, HasSubstr("signature of "));
    MediumSpec pinned = spec;
    pinned.fingerprint = std::string(40, 'A');
    EXPECT_THROW(fetch_medium(pinned, services()), Error);
    write_file_atomically(keys / "SUMS", sums_ + "# changed\n");
    EXPECT_THROW(fetch_medium(spec, services()), Error);
    processes_.run({.program = "gpgconf", .args = {"--homedir", keys.path().string(), "--kill", "all"}});
}

}  // namespace
}  // namespace imgforge::fetch
