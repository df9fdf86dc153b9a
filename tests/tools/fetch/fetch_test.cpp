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
#include "tests/support/http_server.hpp"
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
        // Ignores If-Range: after a broken first answer a part of another file.
        server_.Get("/changed.iso", [this](const httplib::Request& request, httplib::Response& response) {
            ++requests_;
            const bool part = request.has_header("Range");
            response.set_header("ETag", part || requests_ > 1 ? "\"v2\"" : "\"v1\"");
            if (part) {
                response.set_content(std::string(content().size(), 'X'), "application/octet-stream");
            } else if (requests_ > 1) {
                response.set_content(content(), "application/octet-stream");
            } else {
                response.set_content_provider(content().size(), "application/octet-stream",
                                              [](std::size_t offset, std::size_t, httplib::DataSink& sink) {
                                                  return offset == 0 &&
                                                         sink.write(content().data(), content().size() / 2);
                                              });
            }
        });
        server_.Get("/inward.iso", [this](const httplib::Request&, httplib::Response& response) {
            response.set_redirect("http://127.0.0.1:" + std::to_string(inner_port_) + "/admin");
        });
        server_.Get("/outward.iso", [](const httplib::Request&, httplib::Response& response) {
            response.set_redirect("file:///etc/passwd");
        });
        server_.Get("/endless.iso", [](const httplib::Request&, httplib::Response& response) {
            response.set_chunked_content_provider("application/octet-stream",
                                                  [](std::size_t, httplib::DataSink& sink) {
                                                      const std::string block(65536, '\0');
                                                      return sink.write(block.data(), block.size());
                                                  });
        });
        server_.Get("/slow.iso", [](const httplib::Request&, httplib::Response& response) {
            response.set_content_provider(1000000, "application/octet-stream",
                                          [](std::size_t, std::size_t, httplib::DataSink& sink) {
                                              std::this_thread::sleep_for(std::chrono::milliseconds(100));
                                              return sink.write("x", 1);
                                          });
        });
        inner_.Get("/admin", [this](const httplib::Request&, httplib::Response& response) {
            ++inner_requests_;
            response.set_content("secret", "text/plain");
        });
        inner_port_ = inner_.bind_to_any_port("127.0.0.1");
        inner_thread_ = test::serve(inner_);
        server_.Get("/SHA256SUMS", [this](const httplib::Request&, httplib::Response& response) {
            response.set_content(sums_, "text/plain");
        });
        port_ = server_.bind_to_any_port("127.0.0.1");
        thread_ = test::serve(server_);
    }
    ~Fetch() override {
        server_.stop();
        inner_.stop();
        thread_.join();
        inner_thread_.join();
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
    httplib::Server inner_;  ///< a service of this host that is nobody's business
    std::thread inner_thread_;
    int inner_port_ = 0;
    std::atomic<int> inner_requests_ = 0;
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

/// The message of the refusal, or "fetched".
std::string refusal_of(const MediumSpec& spec, const FetchServices& services) {
    try {
        fetch_medium(spec, services);
    } catch (const Error& error) {
        return error.message();
    }
    return "fetched";
}

TEST_F(Fetch, a_part_of_another_version_is_never_appended) {
    const Medium medium =
        fetch_medium({.location = url("/changed.iso"), .sha256 = sha256_hex(content())}, services());
    EXPECT_EQ(read_file(medium.path), content());
    EXPECT_EQ(requests_, 3) << "half of it, a part of another version, then the whole";
}

TEST_F(Fetch, a_redirect_to_a_service_of_this_host_is_refused_unless_stated) {
    MediumSpec spec{.location = url("/inward.iso")};
    EXPECT_THAT(refusal_of(spec, services()), HasSubstr("a service of this host"));
    EXPECT_EQ(inner_requests_, 0);
    spec.allow_local = true;
    EXPECT_EQ(refusal_of(spec, services()), "fetched");
    EXPECT_EQ(inner_requests_, 1);
}

TEST_F(Fetch, a_redirect_to_a_file_is_refused) {
    EXPECT_THAT(refusal_of({.location = url("/outward.iso")}, services()), HasSubstr("not followed"));
}

TEST_F(Fetch, an_endless_answer_ends_at_the_limit) {
    FetchServices few = services();
    few.download.unstated_limit = 1U << 20U;
    EXPECT_THAT(refusal_of({.location = url("/endless.iso")}, few), HasSubstr("states no length"));
}

TEST_F(Fetch, a_server_that_trickles_is_given_up) {
    FetchServices hurried = services();
    hurried.download.stall = std::chrono::seconds(1);
    hurried.download.attempts = 1;
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_THAT(refusal_of({.location = url("/slow.iso")}, hurried), HasSubstr("too slow"));
    hurried.download.stall = std::chrono::hours(1);
    hurried.download.total = std::chrono::seconds(2);
    EXPECT_THAT(refusal_of({.location = url("/slow.iso")}, hurried), HasSubstr("timed out"));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
}

TEST_F(Fetch, a_password_in_the_url_is_in_no_file_and_no_message) {
    const std::string place = "//planted:hunter2-secret@127.0.0.1:" + std::to_string(port_);
    EXPECT_THAT(refusal_of({.location = "http:" + place + "/absent.iso"}, services()),
                testing::Not(HasSubstr("hunter2")));
    fetch_medium({.location = "http:" + place + "/medium.iso"}, services());
    for (const auto& entry : std::filesystem::recursive_directory_iterator(home_.path())) {
        EXPECT_THAT(entry.path().string(), testing::Not(HasSubstr("hunter2")));
        if (entry.is_regular_file()) {
            EXPECT_THAT(read_file(entry.path()), testing::Not(HasSubstr("hunter2"))) << entry.path();
        }
    }
    for (const MonitorEvent& event : monitor_.events()) {
        EXPECT_THAT(event.name + event.detail, testing::Not(HasSubstr("hunter2")));
    }
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
                            event.detail.find("was not verified") != std::string::npos);
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
