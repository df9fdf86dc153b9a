// SPDX-License-Identifier: GPL-3.0-or-later
// A passphrase on its way from `secrets:` into an answer file of the user's own, and to those who open the
// disk.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>

#include "builder/base/file.hpp"
#include "builder/base/places.hpp"
#include "builder/base/temp_dir.hpp"
#include "pipelines/engine/recipe.hpp"
#include "pipelines/stages/disk_passphrase.hpp"
#include "pipelines/stages/install_answers.hpp"
#include "pipelines/stages/registry.hpp"
#include "pipelines/stages/secret_values.hpp"
#include "templates/distribution.hpp"

namespace imgforge::stages {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* passphrase = "testonly-correct horse";

engine::RecipeRules encrypted_rules() {
    return {.types = all_stage_types(),
            .known_os = templates::distribution_names(),
            .shipped = data_path("pipelines/recipes")};
}

class EncryptedRoot : public testing::Test {
protected:
    void SetUp() override {
        ::setenv("DISK_PASSPHRASE", passphrase, 1);
        loaded_ = engine::load_recipe(data_path("pipelines/recipes/examples/encrypted-root.recipe"),
                                      encrypted_rules());
        ASSERT_TRUE(loaded_.recipe) << loaded_.diagnostics.text();
    }
    void TearDown() override { ::unsetenv("DISK_PASSPHRASE"); }
    const engine::RecipeFacts& facts() const { return loaded_.recipe->facts; }
    const Json& install() const { return loaded_.recipe->stages.front().options; }

    const TempDir work_{"encrypted-root"};
    engine::LoadedRecipe loaded_;
};

std::string everything(const MadeAnswers& answers) {
    std::string text = answers.text;
    for (const auto& files : {answers.files.initrd, answers.files.iso}) {
        for (const seeds::AnswerFile& file : files) {
            text += file.bytes;
        }
    }
    return text;
}

TEST_F(EncryptedRoot, the_installer_is_handed_the_passphrase_and_nobody_before) {
    const templates::Distribution& row = templates::distribution(facts().os);
    MadeAnswers answers = make_answers(facts(), install(), row, facts_of_row(row, facts()));
    EXPECT_FALSE(answers.faults.has_errors()) << answers.faults.text();
    EXPECT_THAT(everything(answers), Not(HasSubstr(passphrase)));
    write_answers_to(facts(), install(), work_ / "answers");
    EXPECT_THAT(read_file(work_ / "answers" / "preseed.cfg"), HasSubstr("@passphrase@"));

    fill_values(answers, install(), secret_values(facts()));
    EXPECT_THAT(answers.text,
                HasSubstr(std::string("partman-crypto/passphrase-again password ") + passphrase));
    EXPECT_THAT(everything(answers), Not(HasSubstr("@passphrase@")));
}

TEST_F(EncryptedRoot, the_audit_knows_the_secret_and_the_plan_has_it_nowhere) {
    EXPECT_THAT(facts().used_secrets, testing::Contains("disk"));
    EXPECT_THAT(to_json(facts().machine).dump() + install().dump(), Not(HasSubstr(passphrase)));
}

TEST_F(EncryptedRoot, who_opens_the_disk_gets_a_file_that_others_cannot_read) {
    const std::filesystem::path file = write_passphrase(facts(), work_.path());
    EXPECT_EQ(read_file(file), std::string(passphrase) + "\n");
    struct ::stat status {};
    ASSERT_EQ(::stat(file.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    engine::RecipeFacts plain = facts();
    plain.machine.passphrase.clear();
    EXPECT_TRUE(write_passphrase(plain, work_.path()).empty());
}

TEST_F(EncryptedRoot, what_can_only_go_wrong_is_an_error) {
    const auto faults = [&](const std::string& text) {
        write_file_atomically(work_ / "my.cfg", "d-i partman-crypto/passphrase password @phrase@\n");
        write_file_atomically(work_ / "my.recipe", text);
        return engine::load_recipes(work_ / "my.recipe", encrypted_rules()).diagnostics.text();
    };
    const std::string head = "name: x\nos: debian13\ninstaller: {archive: trixie}\n";
    EXPECT_THAT(faults(head + "stages: [{install: {preseed: my.cfg, values: {phrases: a}}}]\n"),
                HasSubstr("my.cfg has no '@phrases@' that this could replace"));
    EXPECT_THAT(faults(head + "stages: [{install: {values: {phrase: a}}}]\n"),
                HasSubstr("'values' fills in a file of your own, and none is named"));
    EXPECT_THAT(faults(head + "machine: {passphrase: written-here}\nstages: [{install: {}}]\n"),
                HasSubstr("must be ${secrets.NAME}, the name of a secret"));
    EXPECT_THAT(faults(head + "machine: {passphrase: '${secrets.none}'}\nstages: [{install: {}}]\n"),
                HasSubstr("none"));
}

}  // namespace
}  // namespace imgforge::stages
