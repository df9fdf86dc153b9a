// SPDX-License-Identifier: GPL-3.0-or-later
// Against a real glance-api (tests/support/engines/glance.sh), started once for all tests of this file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "builder/base/error.hpp"
#include "pipelines/store/publish.hpp"
#include "pipelines/targets/glance_push.hpp"
#include "tests/support/disk_maker.hpp"
#include "tests/support/require.hpp"
#include "tests/support/store_fixture.hpp"

namespace fs = std::filesystem;

using testing::HasSubstr;
using testing::SizeIs;

namespace imgforge::targets {
namespace {

class GlanceTest : public testing::Test {
protected:
    static void SetUpTestSuite() {
        if (!find_program("glance-api")) {
            return;
        }
        cloud_ = new TempDir("glance-test", test::fast_folder());
        SystemProcessRunner runner;
        const ProcessResult started = runner.run(script("start", std::chrono::minutes(5)));
        if (!started.ok()) {
            ADD_FAILURE() << "Glance did not start: " << started.err;
        }
    }
    static void TearDownTestSuite() {
        if (cloud_ != nullptr) {
            SystemProcessRunner runner;
            EXPECT_TRUE(runner.run(script("stop", std::chrono::minutes(1))).ok());
            delete cloud_;
            cloud_ = nullptr;
        }
    }
    void SetUp() override {
        if (cloud_ == nullptr) {
            IMGFORGE_SKIP("engines", "no Glance on this host: apt install glance-api");
        }
        service_.emplace(read_cloud("lab", clouds()));
    }
    static ProcessSpec script(const std::string& verb, std::chrono::milliseconds timeout) {
        return {.program = IMGFORGE_SOURCE_DIR "/tests/support/engines/glance.sh",
                .args = {verb, cloud_->path().string()},
                .timeout = timeout};
    }
    static fs::path clouds() { return cloud_->path() / "clouds.yaml"; }
    store::Generation publish(const std::string& image) {
        const fs::path disk = work_ / ("disk" + std::to_string(++disks_) + ".qcow2");
        test::make_disk(processes_, disk,
                        {.seed = static_cast<std::uint32_t>(disks_), .data_mib = 2, .virtual_mib = 100});
        store::Candidate candidate{.image = image, .disk = disk};
        candidate.recipe = {{"name", image}, {"os", "ubuntu2404"}, {"machine", {{"firmware", "uefi"}}}};
        const auto published = store::publish(home_.store, processes_, candidate, monitor_);
        return home_.store.promote(image, published.generation.generation);
    }
    GlancePush push(const store::Generation& generation, const GlanceOptions& options = {}) {
        return push_to_glance(home_.store, processes_, monitor_, generation, *service_, options);
    }
    std::vector<int> visible(const std::string& image) {
        std::vector<int> numbers;
        for (const ServiceImage& item : service_->images(image)) {
            if (!item.hidden) {
                numbers.push_back(item.generation);
            }
        }
        return numbers;
    }

    static TempDir* cloud_;
    TempDir work_{"glance-work", test::fast_folder()};
    test::StoreHome home_;
    SystemProcessRunner processes_;
    RecordingMonitor monitor_;
    std::optional<ImageService> service_;
    int disks_ = 0;
};

TempDir* GlanceTest::cloud_ = nullptr;

TEST_F(GlanceTest, promotion_shows_the_new_one_hides_the_old_and_keeps_some) {
    const store::Generation first = publish("ubuntu2404");
    const GlancePush pushed = push(first);
    EXPECT_TRUE(pushed.current);
    EXPECT_EQ(pushed.bytes, fs::file_size(first.disk()));
    EXPECT_EQ(visible("ubuntu2404"), std::vector<int>{1});
    push(publish("ubuntu2404"), {.keep = 2});
    EXPECT_EQ(visible("ubuntu2404"), std::vector<int>{2});
    EXPECT_THAT(service_->images("ubuntu2404"), SizeIs(2));
    // Back, and nothing is copied.
    EXPECT_TRUE(promote_in_glance(*service_, monitor_, "ubuntu2404", 1, 0));
    EXPECT_EQ(visible("ubuntu2404"), std::vector<int>{1});
    EXPECT_FALSE(promote_in_glance(*service_, monitor_, "ubuntu2404", 9, 0));
    push(publish("ubuntu2404"), {.keep = 1});
    const auto left = service_->images("ubuntu2404");
    ASSERT_THAT(left, SizeIs(2));
    EXPECT_EQ(left[0].generation, 2);
    EXPECT_TRUE(left[0].hidden);
    EXPECT_EQ(visible("ubuntu2404"), std::vector<int>{3});
    EXPECT_THROW(remove_from_glance(*service_, "ubuntu2404", 3), Error);
    remove_from_glance(*service_, "ubuntu2404", 2);
    remove_from_glance(*service_, "ubuntu2404", 2);
    EXPECT_THAT(service_->images("ubuntu2404"), SizeIs(1));
}

TEST_F(GlanceTest, a_push_again_sends_nothing_and_what_a_killed_one_left_goes) {
    const store::Generation generation = publish("again");
    const ServiceImage half = service_->create(glance_record(generation, Json::object(), {}));
    EXPECT_EQ(half.status, "queued");
    EXPECT_TRUE(half.hidden);
    const GlancePush first = push(generation, {.format = "raw"});
    EXPECT_EQ(first.bytes, generation.virtual_size.in_bytes());
    const GlancePush second = push(generation);
    EXPECT_TRUE(second.existed);
    EXPECT_EQ(second.id, first.id);
    EXPECT_EQ(second.sha512, first.sha512);
    EXPECT_THAT(service_->images("again"), SizeIs(1));
}

TEST_F(GlanceTest, a_changed_byte_is_refused_and_leaves_no_image) {
    const store::Generation generation = publish("damaged");
    CloudAccess access = read_cloud("lab", clouds());
    access.credential_id = "damager";
    ImageService damaging(access);
    try {
        push_to_glance(home_.store, processes_, monitor_, generation, damaging, {});
        FAIL() << "it was accepted";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), Failure::integrity);
        EXPECT_THAT(error.message(), HasSubstr("other data than was sent"));
    }
    EXPECT_THAT(service_->images("damaged"), SizeIs(0));
}

TEST_F(GlanceTest, a_refused_credential_is_named) {
    CloudAccess access = read_cloud("lab", clouds());
    access.credential_secret = "wrong";
    try {
        ImageService(access).images("x");
        FAIL() << "it was accepted";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), Failure::host);
        EXPECT_THAT(error.message(), HasSubstr("answers 401"));
    }
    EXPECT_THROW(read_cloud("lob", clouds()), Error);
}

}  // namespace
}  // namespace imgforge::targets
