// SPDX-License-Identifier: GPL-3.0-or-later
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/base64.hpp"
#include "builder/base/dsse.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/process.hpp"
#include "builder/base/temp_dir.hpp"
#include "pipelines/targets/folder_format.hpp"
#include "pipelines/targets/seen.hpp"
#include "pipelines/targets/windows.hpp"
#include "tests/support/require.hpp"

using testing::HasSubstr;

namespace imgforge::targets {
namespace {

const std::string digest_a(64, 'a');
const std::string digest_b(64, 'b');

DiskManifest small_manifest() {
    return {.image = "debian12",
            .generation = 3,
            .virtual_size = ByteSize::mib(4),
            .windows = {{0, digest_a, 10}, {3, digest_b, 20}},
            .records = {{"recipe", {{"os", "debian12"}}}}};
}

/// The text with one piece replaced.
std::string with(std::string text, const std::string& old, const std::string& now) {
    const std::size_t at = text.find(old);
    EXPECT_NE(at, std::string::npos) << old;
    return text.replace(at, old.size(), now);
}

TEST(FolderFormat, a_manifest_comes_back_as_it_was) {
    const DiskManifest read = parse_manifest(to_text(small_manifest()), "test");
    EXPECT_EQ(read.image, "debian12");
    EXPECT_EQ(read.generation, 3);
    EXPECT_EQ(read.virtual_size, ByteSize::mib(4));
    EXPECT_EQ(read.windows, small_manifest().windows);
    EXPECT_EQ(read.records["recipe"]["os"], "debian12");
}

TEST(FolderFormat, impossible_manifests_are_refused) {
    const std::string good = to_text(small_manifest());
    EXPECT_THROW(parse_manifest(with(good, "\"debian12\"", "\"../x\""), "test"), Error);
    EXPECT_THROW(parse_manifest(with(good, "4194304", "2097152"), "test"), Error) << "window 3 is outside";
    EXPECT_THROW(parse_manifest(with(good, "4194304", "\"4194304\""), "test"), Error);
    EXPECT_THROW(parse_manifest(with(good, digest_a, "../../etc/shadow"), "test"), Error);
    EXPECT_THROW(parse_manifest(with(good, digest_a, std::string(64, 'A')), "test"), Error);
    EXPECT_THROW(parse_manifest("[]", "test"), Error);
    EXPECT_THROW(parse_manifest("{", "test"), Error);
    DiskManifest twice = small_manifest();
    twice.windows[1].number = 0;
    EXPECT_THROW(parse_manifest(to_text(twice), "test"), Error);
}

TEST(FolderFormat, an_index_comes_back_and_names_are_checked) {
    FolderIndex index{.serial = 7, .expires = 99};
    index.images["debian12"] = {.current = 2, .generations = {{1, digest_a, 5}, {2, digest_b, 6}}};
    index.images["new"] = {.current = std::nullopt, .generations = {{1, digest_a, 5}}};
    const std::string text = to_text(index);
    const FolderIndex read = parse_index(text, "test");
    EXPECT_EQ(read.serial, 7);
    EXPECT_EQ(read.expires, 99);
    EXPECT_EQ(read.images.at("debian12").current, 2);
    EXPECT_EQ(read.images.at("debian12").generations[1].manifest, digest_b);
    EXPECT_FALSE(read.images.at("new").current);
    EXPECT_THROW(parse_index(with(text, digest_b, "x"), "test"), Error);
    EXPECT_THROW(parse_index(with(text, "\"new\"", "\"a/b\""), "test"), Error);
    EXPECT_THROW(parse_index(with(text, "\"serial\": 7", "\"serial\": {}"), "test"), Error);
}

TEST(Windows, compression_comes_back_and_damage_is_noticed) {
    const std::string bytes(window_size, 'x');
    const std::string packed = compressed(bytes);
    EXPECT_LT(packed.size(), bytes.size() / 100);
    EXPECT_EQ(uncompressed(packed, "w"), bytes);
    EXPECT_THROW(uncompressed(packed.substr(0, packed.size() / 2), "w"), Error);
    EXPECT_THROW(uncompressed(compressed(bytes + "y"), "w"), Error) << "larger than a window";
}

TEST(Windows, the_first_exception_of_any_thread_is_thrown) {
    EXPECT_THROW(in_parallel(4, 100,
                             [](std::size_t, std::size_t i) {
                                 if (i == 50) {
                                     throw Error(Failure::tool, "fifty");
                                 }
                             }),
                 Error);
}

class Envelope : public testing::Test {
protected:
    void SetUp() override {
        if (!find_program("openssl")) {
            IMGFORGE_SKIP("unit", "openssl is not installed");
        }
        for (const char* name : {"one", "two"}) {
            run({"genpkey", "-algorithm", "ed25519", "-out", file(name)});
            run({"pkey", "-in", file(name), "-pubout", "-out", file(std::string(name) + ".pub")});
        }
    }
    void run(std::vector<std::string> args) {
        run_checked(processes_, {.program = "openssl", .args = std::move(args)});
    }
    std::string file(const std::string& name) const { return (folder_ / name).string(); }

    TempDir folder_{"envelope-test"};
    SystemProcessRunner processes_;
};

TEST_F(Envelope, only_the_key_that_signed_opens_it) {
    const Json envelope = seal_envelope("payload", "type", file("one"));
    EXPECT_EQ(open_envelope(envelope, "type", file("one.pub"), "x"), "payload");
    EXPECT_EQ(open_envelope(envelope, "type", file("one"), "x"), "payload");
    EXPECT_THROW(open_envelope(envelope, "type", file("two.pub"), "x"), Error);
    EXPECT_THROW(open_envelope(envelope, "other", file("one.pub"), "x"), Error);
}

TEST_F(Envelope, a_changed_byte_is_noticed) {
    const Json envelope = seal_envelope("payload", "type", file("one"));
    Json changed = envelope;
    changed["payload"] = seal_envelope("Payload", "type", file("two"))["payload"];
    EXPECT_THROW(open_envelope(changed, "type", file("one.pub"), "x"), Error);
    changed = envelope;
    changed["signatures"] = Json::array();
    EXPECT_THROW(open_envelope(changed, "type", file("one.pub"), "x"), Error);
    EXPECT_THROW(open_envelope(Json{{"serial", 1}}, "type", file("one.pub"), "x"), Error)
        << "not signed at all";
}

/// The encoding is that of the standard: OpenSSL's own program verifies it.
TEST_F(Envelope, openssl_verifies_the_signature) {
    const Json envelope = seal_envelope("payload", "type", file("one"));
    write_file_atomically(file("message"), "DSSEv1 4 type 7 payload");
    write_file_atomically(file("sig"), *base64_decode(envelope["signatures"][0]["sig"].get<std::string>()));
    run({"pkeyutl", "-verify", "-pubin", "-inkey", file("one.pub"), "-rawin", "-in", file("message"),
         "-sigfile", file("sig")});
}

TEST(SeenIndexes, older_and_changed_ones_are_refused) {
    const TempDir folder("seen-test");
    StateDb database(folder / "state.db");
    SeenIndexes seen(database);
    seen.require_not_older("here", 1, "a");
    seen.put("here", {.serial = 5, .digest = "a", .entity_tag = "\"t\""});
    EXPECT_NO_THROW(seen.require_not_older("here", 5, "a"));
    EXPECT_NO_THROW(seen.require_not_older("here", 6, "b"));
    EXPECT_THROW(seen.require_not_older("here", 5, "b"), Error);
    EXPECT_THROW(seen.require_not_older("here", 4, "a"), Error);
    EXPECT_NO_THROW(seen.require_not_older("there", 1, "z"));
    EXPECT_EQ(SeenIndexes(database).find("here").entity_tag, "\"t\"");
}

}  // namespace
}  // namespace imgforge::targets
