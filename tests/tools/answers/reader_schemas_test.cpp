// SPDX-License-Identifier: GPL-3.0-or-later
// What imgforge writes for every row and every kind of answers, against the schemas of the programs that read
// it, which lie in ../shared/oracles where they are at hand. IMGFORGE_KEEP_ANSWERS=DIR keeps the files, for a
// check by hand with programs that Debian does not have (ksvalidator).
#include <gtest/gtest.h>

#include <cstdlib>

#include <fmt/format.h>

#include "builder/base/file.hpp"
#include "builder/base/process.hpp"
#include "builder/base/temp_dir.hpp"
#include "seeds/answer_limits.hpp"
#include "seeds/answers.hpp"
#include "templates/distribution.hpp"
#include "tests/support/require.hpp"

namespace imgforge::seeds {
namespace {

namespace fs = std::filesystem;

constexpr const char* key =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f ann@example.org";
constexpr const char* hash =
    "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/";
const fs::path oracles = fs::path(IMGFORGE_SOURCE_DIR) / "../shared/oracles";

struct Variant {
    const char* name;
    Json answers;
    bool uefi;
};

const std::vector<Variant>& variants() {
    static const Json rich{{"keyboard", "de"},
                           {"timezone", "Europe/Berlin"},
                           {"hostname", "golden"},
                           {"domain", "example.org"},
                           {"root", {{"password-hash", hash}, {"ssh-keys", {key}}}},
                           {"users",
                            {{{"name", "ann"},
                              {"full-name", "Ann O'Neil"},
                              {"sudo", true},
                              {"groups", {"adm"}},
                              {"ssh-keys", {key}},
                              {"password-hash", hash}}}},
                           {"disk", {{"filesystem", "xfs"}, {"swap", 512}}},
                           {"packages", {"openssh-server", "cloud-init"}},
                           {"recommends", true},
                           {"post", {"printf 'a\\n' > /etc/motd", "systemctl enable fstrim.timer"}}};
    static const std::vector<Variant> list{
        {"plain", Json::object(), false},
        {"rich", rich, false},
        {"lvm", {{"disk", {{"layout", "lvm"}, {"swap", 1024}}}}, false},
        {"lvm-xfs", {{"disk", {{"layout", "lvm"}, {"filesystem", "xfs"}}}}, true},
        {"separate", {{"disk", {{"layout", "separate"}}}}, false},
        {"uefi", {{"packages", {"vim"}}}, true},
        {"mirror", {{"mirror", "http://mirror.example/repo"}}, false},
    };
    return list;
}

struct Written {
    std::string name;  ///< "rocky9-lvm"
    AnswerFormat format;
    fs::path file;
};

AnswerFacts facts_of(const templates::Distribution& row, bool uefi) {
    return {.nonce = "n0nce",
            .uefi = uefi,
            .version = row.version,
            .suite = row.codename,
            .product = row.product,
            .arch = row.boot.front().arch};
}

/// Every combination that a row can say, written below `folder`.
std::vector<Written> write_all(const fs::path& folder) {
    std::vector<Written> all;
    for (const templates::Distribution& row : templates::distributions()) {
        for (const Variant& variant : variants()) {
            if (row.answers == "none") {
                continue;
            }
            const AnswerFormat format = parse_answer_format(row.answers);
            Diagnostics faults;
            const Answers answers = parse_answers(variant.answers, faults);
            const AnswerFacts facts = facts_of(row, variant.uefi);
            check_limits(format, answers, facts, faults, {});
            if (faults.has_errors()) {
                continue;
            }
            const std::string text = answer_text(format, answers, facts);
            EXPECT_EQ(check(format, text, row.name + "-" + variant.name, facts).text(), "");
            const Written one{.name = fmt::format("{}-{}", row.name, variant.name),
                              .format = format,
                              .file = folder / fmt::format("{}-{}.{}", row.name, variant.name, row.answers)};
            write_file_atomically(one.file, text);
            all.push_back(one);
        }
    }
    return all;
}

class ReaderSchemas : public ::testing::Test {
protected:
    static void SetUpTestSuite() {
        dir_ = std::make_unique<TempDir>("answers");
        const char* const kept = std::getenv("IMGFORGE_KEEP_ANSWERS");
        const fs::path folder = kept != nullptr ? fs::path(kept) : dir_->path();
        make_directories(folder);
        written_ = write_all(folder);
    }
    static void TearDownTestSuite() { dir_.reset(); }

    static std::vector<std::string> files_of(AnswerFormat format) {
        std::vector<std::string> files;
        for (const Written& one : written_) {
            if (one.format == format) {
                files.push_back(one.file.string());
            }
        }
        EXPECT_GE(files.size(), 3U);
        return files;
    }

    /// Runs `script` on the schema's path and all files of the format; it prints a line per error.
    static void python(const char* script, const fs::path& schema, AnswerFormat format) {
        std::vector<std::string> args{"-c", script, schema.string()};
        for (const std::string& file : files_of(format)) {
            args.push_back(file);
        }
        const ProcessResult result = SystemProcessRunner().run({.program = "python3", .args = args});
        EXPECT_EQ(result.code, 0) << result.err;
        EXPECT_EQ(result.out, "");
    }

    static std::unique_ptr<TempDir> dir_;
    static std::vector<Written> written_;
};

std::unique_ptr<TempDir> ReaderSchemas::dir_;
std::vector<Written> ReaderSchemas::written_;

TEST_F(ReaderSchemas, subiquity_takes_every_autoinstall_file) {
    if (!fs::exists(oracles / "autoinstall")) {
        IMGFORGE_SKIP("oracles", "the schemas of the readers are not at ../shared/oracles");
    }
    python(R"(
import sys, json, yaml, jsonschema
schema = json.load(open(sys.argv[1]))
checker = jsonschema.validators.validator_for(schema)(schema)
for name in sys.argv[2:]:
    body = yaml.safe_load(open(name))['autoinstall']
    for fault in checker.iter_errors(body):
        print(name, list(fault.path), fault.message)
    for key in body:
        if key not in schema['properties']:
            print(name, 'unknown key', key)
)",
           oracles / "autoinstall/autoinstall-schema.json", AnswerFormat::autoinstall);
}

TEST_F(ReaderSchemas, agama_takes_every_profile) {
    if (!fs::exists(oracles / "agama")) {
        IMGFORGE_SKIP("oracles", "the schemas of the readers are not at ../shared/oracles");
    }
    python(R"(
import sys, json, os, warnings
warnings.simplefilter('ignore')
import jsonschema
schema = json.load(open(sys.argv[1]))
schema.pop('$id', None)
folder = os.path.dirname(sys.argv[1])
store = {}
for name in os.listdir(folder):
    part = json.load(open(os.path.join(folder, name)))
    part.pop('$id', None)
    store['file://' + os.path.abspath(os.path.join(folder, name))] = part
resolver = jsonschema.RefResolver('file://' + os.path.abspath(sys.argv[1]), schema, store=store)
checker = jsonschema.validators.validator_for(schema)(schema, resolver=resolver)
for name in sys.argv[2:]:
    for fault in checker.iter_errors(json.load(open(name))):
        print(name, list(fault.path), fault.message[:300])
)",
           oracles / "agama/profile.schema.json", AnswerFormat::agama);
}

TEST_F(ReaderSchemas, autoyasts_grammar_takes_every_profile) {
    if (!fs::exists(oracles / "autoyast")) {
        IMGFORGE_SKIP("oracles", "the schemas of the readers are not at ../shared/oracles");
    }
    if (!find_program("jing")) {
        IMGFORGE_SKIP("tools", "jing is not installed");
    }
    std::vector<std::string> args{"-c", (oracles / "autoyast/profile.rnc").string()};
    for (const std::string& file : files_of(AnswerFormat::autoyast)) {
        args.push_back(file);
    }
    const ProcessResult result = SystemProcessRunner().run({.program = "jing", .args = args});
    EXPECT_EQ(result.code, 0) << result.out;
}

TEST_F(ReaderSchemas, a_shell_reads_every_answer_file_of_alpine) {
    for (const std::string& file : files_of(AnswerFormat::alpine)) {
        const ProcessResult result = SystemProcessRunner().run({.program = "sh", .args = {"-n", file}});
        EXPECT_EQ(result.code, 0) << file << ": " << result.err;
    }
}

TEST_F(ReaderSchemas, debconf_reads_every_preseed_file) {
    if (!find_program("debconf-set-selections")) {
        IMGFORGE_SKIP("tools", "debconf is not installed");
    }
    for (const std::string& file : files_of(AnswerFormat::preseed)) {
        const ProcessResult result =
            SystemProcessRunner().run({.program = "debconf-set-selections", .args = {"-c", file}});
        EXPECT_EQ(result.code, 0) << file << ": " << result.err;
        EXPECT_EQ(result.err, "");
    }
}

}  // namespace
}  // namespace imgforge::seeds
