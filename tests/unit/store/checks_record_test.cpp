// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/store/checks_record.hpp"

#include <gmock/gmock.h>

#include "builder/base/error.hpp"
#include "builder/image/overlay.hpp"
#include "pipelines/store/seal.hpp"
#include "pipelines/store/verify.hpp"
#include "tests/support/store_fixture.hpp"

namespace fs = std::filesystem;

namespace imgforge::store {
namespace {

/// A store with one real (empty) qcow2 disk as a candidate.
struct CheckedHome : test::StoreHome {
    CheckedHome() {
        image::create_empty_qcow2(folder / "blank.qcow2", ByteSize::mib(1));
        test::add_generation(store, "web", read_file(folder / "blank.qcow2"));
    }
    Json manifest() const { return store.find("web", 1)->manifest(); }
    NullMonitor monitor;
};

const Json& one_check() {
    static const Json checks = Json::parse(
        R"({"checks": [{"name": "port 22 is reachable", "ok": true, "seconds": 0.5, "output": ""}]})");
    return checks;
}

TEST(ChecksRecord, a_candidates_manifest_gets_them_and_the_store_stays_sound) {
    CheckedHome home;
    EXPECT_TRUE(record_checks(home.store, "web", 1, one_check(), {}));
    EXPECT_EQ(home.manifest()["verify"], one_check());
    EXPECT_TRUE(record_checks(home.store, "web", 1, one_check(), {}));  // resumed
    EXPECT_TRUE(verify(home.store, {}, home.monitor).empty());
    EXPECT_TRUE(is_read_only(home.store.find("web", 1)->manifest_path()));
    home.store.promote("web", 1);
    EXPECT_TRUE(verify(home.store, {}, home.monitor).empty());
}

TEST(ChecksRecord, a_generation_in_service_does_not_change) {
    CheckedHome home;
    home.store.promote("web", 1);
    EXPECT_FALSE(record_checks(home.store, "web", 1, one_check(), {}));
    EXPECT_FALSE(home.manifest().contains("verify"));
    EXPECT_FALSE(record_checks(home.store, "web", 7, one_check(), {}));
}

TEST(ChecksRecord, a_manifest_that_somebody_changed_is_not_made_good) {
    CheckedHome home;
    const fs::path manifest = home.store.find("web", 1)->manifest_path();
    unseal(manifest.parent_path());
    fs::permissions(manifest.parent_path(), fs::perms::owner_all, fs::perm_options::add);
    write_file_atomically(manifest, read_file(manifest) + " ");
    EXPECT_THROW(record_checks(home.store, "web", 1, one_check(), {}), Error);
}

}  // namespace
}  // namespace imgforge::store
