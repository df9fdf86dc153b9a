// SPDX-License-Identifier: GPL-3.0-or-later
// attestation.json of a published generation, held against a reader that has nothing of ours.
#include "pipelines/store/attestation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/base64.hpp"
#include "builder/base/error.hpp"
#include "pipelines/store/publish.hpp"
#include "tests/support/disk_maker.hpp"
#include "tests/support/require.hpp"
#include "tests/support/store_fixture.hpp"

namespace fs = std::filesystem;

namespace imgforge::store {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Attestation : public testing::Test {
protected:
    void SetUp() override {
        if (!find_program("qemu-img") || !find_program("python3")) {
            IMGFORGE_SKIP("tools", "qemu-img or python3 is not installed");
        }
        if (processes_.run({.program = "python3", .args = {"-c", "import cryptography"}}).code != 0) {
            IMGFORGE_SKIP("tools", "python3-cryptography is not installed");
        }
        Candidate candidate;
        candidate.image = "debian13";
        candidate.disk = work_ / "disk.qcow2";
        test::make_disk(processes_, candidate.disk, {.data_mib = 1, .virtual_mib = 2});
        candidate.recipe = {{"name", "debian13"}, {"os", "debian13"}, {"sha256", sha256_hex("recipe")}};
        candidate.inputs = Json::array(
            {{{"name", "medium"}, {"source", "https://host/x.iso"}, {"sha256", sha256_hex("medium")}}});
        candidate.contents.package_format = "deb";
        candidate.contents.distribution = "debian";
        candidate.contents.packages = {{.name = "curl", .version = "8.0-1", .architecture = "amd64"}};
        candidate.signing_key = work_ / "signing.pem";
        const PublishResult made = publish(home_.store, processes_, candidate, monitor_);
        // A copy: what was published is read-only.
        fs::copy(made.generation.folder, folder_, fs::copy_options::recursive);
        for (const auto& entry : fs::directory_iterator(folder_)) {
            fs::permissions(entry.path(), fs::perms::owner_write, fs::perm_options::add);
        }
        fs::permissions(folder_, fs::perms::owner_all, fs::perm_options::add);
    }

    /// Empty when the independent reader accepts it, else its words.
    std::string independent() {
        const fs::path script = fs::path(IMGFORGE_TEST_FOLDER) / "check_attestation.py";
        const ProcessResult result = processes_.run(
            {.program = "python3",
             .args = {script.string(), folder_.string(), (work_ / "signing.pem.pub").string()}});
        return result.code == 0 ? "" : result.out + result.err + "failed";
    }
    std::vector<std::string> ours() {
        return check_attestation(folder_, folder_ / "disk.qcow2", SigningKey::load(work_ / "signing.pem.pub"))
            .problems;
    }
    void change(const std::string& name, const std::function<void(std::string&)>& how) {
        std::string bytes = read_file(folder_ / name);
        how(bytes);
        write_file_atomically(folder_ / name, bytes);
    }

    SystemProcessRunner processes_;
    NullMonitor monitor_;
    TempDir work_{"attestation"};
    test::StoreHome home_;
    fs::path folder_ = work_ / "generation";
};

TEST_F(Attestation, holds_for_us_and_for_others) {
    EXPECT_EQ(independent(), "");
    EXPECT_THAT(ours(), IsEmpty());
    EXPECT_EQ(fs::status(work_ / "signing.pem").permissions(), fs::perms(0600));
}

TEST_F(Attestation, one_changed_byte_in_disk_or_manifest_is_found) {
    for (const std::string name : {"disk.qcow2", "manifest.json"}) {
        change(name, [](std::string& bytes) { bytes[bytes.size() / 2] ^= 1; });
        EXPECT_THAT(independent(), HasSubstr(name + " was changed"));
        ASSERT_EQ(ours().size(), 1U) << name;
        EXPECT_THAT(ours().front(), HasSubstr("was changed"));
        change(name, [](std::string& bytes) { bytes[bytes.size() / 2] ^= 1; });
    }
}

TEST_F(Attestation, one_changed_byte_in_the_statement_spoils_the_signature) {
    change("attestation.json", [](std::string& bytes) {
        Json envelope = parse_json(bytes, "test");
        std::string payload = *base64_decode(envelope["payload"].get<std::string>());
        payload[payload.find("debian13")] = 'D';
        envelope["payload"] = base64_encode(payload);
        bytes = pretty(envelope);
    });
    EXPECT_THAT(independent(), HasSubstr("no signature by this key"));
    ASSERT_EQ(ours().size(), 1U);
    EXPECT_THAT(ours().front(), HasSubstr("has no signature by the key"));
}

TEST_F(Attestation, another_key_did_not_sign_it) {
    const SigningKey other = SigningKey::generate();
    EXPECT_THAT(check_attestation(folder_, folder_ / "disk.qcow2", other).problems.front(),
                HasSubstr("has no signature by the key " + other.id()));
}

TEST_F(Attestation, a_key_that_everybody_can_read_is_refused) {
    fs::permissions(work_ / "signing.pem", fs::perms(0644));
    EXPECT_THROW(SigningKey::load(work_ / "signing.pem"), Error);
    write_file_atomically(work_ / "no.pem", "hello");
    EXPECT_THROW(SigningKey::load(work_ / "no.pem"), Error);
}

}  // namespace
}  // namespace imgforge::store
