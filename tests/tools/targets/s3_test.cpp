// SPDX-License-Identifier: GPL-3.0-or-later
// A bucket between two stores. The server is a stand-in for S3: objects in memory, conditional PUT by RFC
// 9110 (or as radosgw 16 reads it), and requests without a SigV4 header of the right key are refused. The
// same against a real radosgw is tests/tools/engines/radosgw_test.sh.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "pipelines/store/publish.hpp"
#include "pipelines/targets/pull.hpp"
#include "pipelines/targets/s3.hpp"
#include "pipelines/targets/target.hpp"
#include "tests/support/disk_maker.hpp"
#include "tests/support/http_server.hpp"
#include "tests/support/store_fixture.hpp"

namespace fs = std::filesystem;

using testing::HasSubstr;

namespace imgforge::targets {
namespace {

class BucketServer {
public:
    BucketServer() {
        server_.Get("/bucket/.*", [this](const auto& request, auto& response) { get(request, response); });
        server_.Put("/bucket/.*", [this](const auto& request, auto& response) { put(request, response); });
        server_.Delete("/bucket/.*", [this](const auto& request, auto& response) {
            const std::lock_guard lock(mutex_);
            objects_.erase(request.path);
            response.status = 204;
        });
        port_ = server_.bind_to_any_port("127.0.0.1");
        thread_ = test::serve(server_);
    }
    ~BucketServer() {
        server_.stop();
        thread_.join();
    }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/bucket/golden"; }
    std::size_t puts(const std::string& part) const {
        const std::lock_guard lock(mutex_);
        return static_cast<std::size_t>(
            std::count_if(puts_.begin(), puts_.end(),
                          [&](const std::string& path) { return path.find(part) != std::string::npos; }));
    }
    void change(const std::string& part) {
        const std::lock_guard lock(mutex_);
        for (auto& [path, bytes] : objects_) {
            if (path.find(part) != std::string::npos) {
                bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
                return;
            }
        }
    }

    bool bare_tags = false;  ///< If-Match without quotes, as radosgw 16
    /// Called within each PUT of the index, before it is judged.
    std::function<void()> before_index = [] {};

    std::string tag(const std::string& path) const {
        const std::lock_guard lock(mutex_);
        const auto found = objects_.find(path);
        return found == objects_.end() ? "" : sha256_hex(found->second).substr(0, 32);
    }

private:
    static bool is_signed(const httplib::Request& request) {
        const std::string header = request.get_header_value("Authorization");
        return header.find("AWS4-HMAC-SHA256 Credential=KEYID/") != std::string::npos &&
               header.find("/eu-test-1/s3/aws4_request") != std::string::npos &&
               request.get_header_value("x-amz-content-sha256") == "UNSIGNED-PAYLOAD";
    }
    void get(const httplib::Request& request, httplib::Response& response) const {
        const std::lock_guard lock(mutex_);
        const auto found = objects_.find(request.path);
        if (!is_signed(request)) {
            response.status = 403;
        } else if (found == objects_.end()) {
            response.status = 404;
        } else {
            const std::string tag = '"' + sha256_hex(found->second).substr(0, 32) + '"';
            response.set_header("ETag", tag);
            if (request.get_header_value("If-None-Match") == tag) {
                response.status = 304;
            } else {
                response.set_content(found->second, "application/octet-stream");
            }
        }
    }
    void put(const httplib::Request& request, httplib::Response& response) {
        if (request.path.ends_with("/index.json")) {
            before_index();
        }
        const std::string now = tag(request.path);
        const std::string quoted = bare_tags ? now : '"' + now + '"';
        const std::string match = request.get_header_value("If-Match");
        const bool fits = (match.empty() || match == quoted) &&
                          (request.get_header_value("If-None-Match") != "*" || now.empty());
        const std::lock_guard lock(mutex_);
        if (!is_signed(request)) {
            response.status = 403;
        } else if (!fits) {
            response.status = 412;
        } else {
            objects_[request.path] = request.body;
            puts_.push_back(request.path);
        }
    }

    mutable std::mutex mutex_;
    std::map<std::string, std::string> objects_;
    std::vector<std::string> puts_;
    httplib::Server server_;
    int port_ = 0;
    std::thread thread_;
};

class Bucket : public testing::Test {
protected:
    Bucket() {
        write_file_atomically(credentials_,
                              "[default]\naws_access_key_id = KEYID\naws_secret_access_key = s3cr3t\n");
    }
    TargetSetting setting() const {
        return {.kind = "s3",
                .places = {server_.url()},
                .options = {{"credentials", credentials_.string()}, {"region", "eu-test-1"}}};
    }
    std::unique_ptr<Target> target() {
        return open_target({.name = "cloud", .setting = setting()},
                           {.store = source_.store, .processes = processes_, .monitor = monitor_});
    }
    store::Generation publish(std::size_t changes) {
        const fs::path disk = work_ / ("disk" + std::to_string(changes));
        test::make_disk(processes_, disk,
                        {.seed = 1, .data_mib = 4, .virtual_mib = 8, .change_seed = 3, .changes = changes});
        store::Candidate candidate{.image = "debian12", .disk = disk};
        return source_.store.promote(
            "debian12", store::publish(source_.store, processes_, candidate, monitor_).generation.generation);
    }
    PullResult pull() {
        const PullSource from{.location = server_.url(), .key = {}, .setting = setting()};
        const auto reader = open_source(from);
        const PullServices services{.store = receiver_.store, .processes = processes_, .monitor = monitor_};
        const AcceptedIndex accepted = accept_index(from, *reader, services);
        return pull_generation(from, *reader, accepted, "debian12", std::nullopt, services);
    }

    TempDir work_{"imgforge-bucket", test::fast_folder()};
    fs::path credentials_ = work_ / "credentials";
    SystemProcessRunner processes_;
    RecordingMonitor monitor_;
    test::StoreHome source_;
    test::StoreHome receiver_;
    BucketServer server_;
};

TEST_F(Bucket, generations_go_through_it_and_only_what_changed_travels) {
    target()->push(publish(0));
    EXPECT_EQ(pull().generation.generation, 1);
    const std::size_t first = server_.puts("/windows/");
    target()->push(publish(1));
    EXPECT_EQ(server_.puts("/windows/"), first + 1);
    const PullResult second = pull();
    EXPECT_EQ(second.fetched, 1U);
    EXPECT_TRUE(processes_
                    .run({.program = "qemu-img",
                          .args = {"compare", source_.store.current("debian12")->disk().string(),
                                   receiver_.store.current("debian12")->disk().string()}})
                    .ok());
    target()->promote("debian12", 1);
    EXPECT_TRUE(target()->generations().at(0).current);
    EXPECT_EQ(pull().generation.generation, 1);
}

TEST_F(Bucket, a_changed_window_is_refused) {
    target()->push(publish(0));
    server_.change("/windows/");
    EXPECT_THROW(pull(), Error);
    EXPECT_TRUE(receiver_.store.generations("debian12").empty());
}

/// Another host writes the index between our read and our write: neither's change is lost.
TEST_F(Bucket, two_writers_do_not_lose_each_others_index) {
    target()->push(publish(0));
    for (const bool bare : {false, true}) {
        server_.bare_tags = bare;
        bool once = true;
        const std::string name = bare ? "second" : "first";
        server_.before_index = [&] {
            if (std::exchange(once, false)) {
                update_index(*open_s3_writer(s3_place(setting())), {}, 1000, [&](FolderIndex& index) {
                    index.images[name].generations.push_back(
                        {.generation = 7, .manifest = std::string(64, 'a'), .created = 1});
                    return true;
                });
            }
        };
        target()->push(publish(bare ? 2 : 1));
        const FolderIndex index = read_index(*open_s3_writer(s3_place(setting())), {});
        EXPECT_TRUE(index.images.contains(name));
        EXPECT_EQ(index.images.at("debian12").generations.size(), bare ? 3U : 2U);
    }
}

TEST_F(Bucket, wrong_keys_say_so) {
    write_file_atomically(credentials_, "aws_access_key_id=OTHER\naws_secret_access_key=x\n");
    try {
        target()->generations();
        FAIL();
    } catch (const Error& error) {
        EXPECT_THAT(error.message(), HasSubstr("answers 403"));
        EXPECT_THAT(error.describe(), testing::Not(HasSubstr("s3cr3t")));
    }
    write_file_atomically(credentials_, "nothing\n");
    EXPECT_THROW(target(), Error);
}

TEST(S3Credentials, are_those_of_the_profile) {
    const std::string text =
        "[other]\naws_access_key_id = B\n[default]\n# a comment\naws_access_key_id=A\n"
        "aws_secret_access_key = C=D\naws_session_token=T\n";
    EXPECT_EQ(parse_credentials(text, "default").id, "A");
    EXPECT_EQ(parse_credentials(text, "default").secret, "C=D");
    EXPECT_EQ(parse_credentials(text, "default").token, "T");
    EXPECT_EQ(parse_credentials(text, "other").id, "B");
    EXPECT_EQ(parse_credentials(text, "third").id, "");
}

TEST(S3Place, passwords_in_urls_are_refused) {
    EXPECT_THROW(s3_place({.kind = "s3", .places = {"https://a:b@host/bucket"}}), Error);
    EXPECT_THROW(s3_place({.kind = "s3", .places = {"https://host"}}), Error);
    EXPECT_EQ(s3_place({.kind = "s3", .places = {"https://host/bucket/"}}).url, "https://host/bucket");
}

}  // namespace
}  // namespace imgforge::targets
