// SPDX-License-Identifier: GPL-3.0-or-later
// Kernel line, initrd members, answer ISO and answers of every family for one block of answers, against
// recorded texts in tests/data/install/golden. A wanted change: IMGFORGE_UPDATE_GOLDEN=1 rewrites them; read
// the diff.
#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>

#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/image/iso_reader.hpp"
#include "builder/install/cpio.hpp"
#include "builder/install/initrd_pack.hpp"
#include "builder/install/install_plan.hpp"
#include "seeds/answers.hpp"
#include "seeds/seed.hpp"
#include "templates/distribution.hpp"

namespace imgforge::install {
namespace {

constexpr const char* key =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f ann@example.org";
constexpr const char* hash =
    "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/";

seeds::Answers answers() {
    Diagnostics faults;
    seeds::Answers parsed = seeds::parse_answers({{"locale", "de_DE.UTF-8"},
                                                  {"keyboard", "de"},
                                                  {"timezone", "Europe/Berlin"},
                                                  {"hostname", "golden"},
                                                  {"disk", {{"layout", "lvm"}, {"swap", 512}}},
                                                  {"packages", {"openssh-server", "cloud-init"}},
                                                  {"users",
                                                   {{{"name", "ann"},
                                                     {"full-name", "Ann O'Neil"},
                                                     {"sudo", true},
                                                     {"ssh-keys", {key}},
                                                     {"password-hash", hash}}}},
                                                  {"post", {"systemctl enable fstrim.timer"}}},
                                                 faults);
    EXPECT_TRUE(faults.empty()) << faults.text();
    return parsed;
}

/// Texts as they are; an Alpine overlay as its members.
std::string shown(const std::string& path, const std::string& bytes) {
    if (!path.ends_with(".tar.gz")) {
        return bytes + (bytes.empty() || bytes.back() == '\n' ? "" : "\n");
    }
    std::string text;
    archive* reader = archive_read_new();
    archive_read_support_filter_gzip(reader);
    archive_read_support_format_tar(reader);
    EXPECT_EQ(archive_read_open_memory(reader, bytes.data(), bytes.size()), ARCHIVE_OK);
    archive_entry* entry = nullptr;
    while (archive_read_next_header(reader, &entry) == ARCHIVE_OK) {
        const char* const link = archive_entry_symlink(entry);
        text += fmt::format("-- {} {:o}{}\n", archive_entry_pathname(entry), archive_entry_perm(entry),
                            link != nullptr ? fmt::format(" -> {}", link) : "");
        std::string content(static_cast<std::size_t>(archive_entry_size(entry)), '\0');
        if (!content.empty()) {
            EXPECT_EQ(archive_read_data(reader, content.data(), content.size()),
                      static_cast<la_ssize_t>(content.size()));
            text += content;
        }
    }
    archive_read_free(reader);
    return text;
}

/// The answers' members as they come out of a packed initrd again.
std::string initrd_text(const seeds::AnswerFiles& files, const TempDir& dir) {
    std::vector<InitrdMember> members;
    for (const seeds::AnswerFile& file : files.initrd) {
        members.push_back({.path = "/" + file.path, .bytes = file.bytes, .mode = file.mode});
    }
    if (members.empty()) {
        return {};
    }
    write_file_atomically(dir / "initrd",
                          write_cpio({{.path = "init", .mode = 0755, .bytes = "#!/bin/sh\n"}}));
    pack_initrd(dir / "initrd", members, dir / "packed");
    std::string text;
    read_initrd(read_file(dir / "packed"), true, [&](CpioEntry&& entry) {
        if (entry.path != "init" && entry.kind == CpioEntry::Kind::file) {
            text +=
                fmt::format("== initrd /{} {:o}\n{}", entry.path, entry.mode, shown(entry.path, entry.bytes));
        }
    });
    return text;
}

/// The answer ISO, written and read back.
std::string iso_text(const seeds::AnswerFiles& files, const TempDir& dir) {
    if (files.iso_label.empty()) {
        return {};
    }
    seeds::SeedFiles contents;
    for (const seeds::AnswerFile& file : files.iso) {
        contents[file.path] = file.bytes;
    }
    seeds::write_seed_iso(contents, files.iso_label, dir / "answers.iso");
    const image::IsoReader iso(dir / "answers.iso");
    std::string text = fmt::format("== ISO with volume id {}\n", iso.volume().label);
    for (const image::IsoEntry& entry : iso.walk()) {
        if (entry.kind == image::IsoEntry::Kind::file) {
            text += fmt::format("== ISO /{}\n{}", entry.path, shown(entry.path, iso.read(entry.path)));
        }
    }
    return text;
}

std::string handed_over(const templates::Distribution& row) {
    std::map<std::string, std::string> medium{{"label", "Some Label 1"},
                                              {"iso_uuid", "2026-01-02-03-04-05-00"}};
    for (const templates::MediumFact& fact : row.facts) {
        medium.try_emplace(fact.name, fact.fallback);
    }
    const seeds::AnswerFacts facts{.nonce = "n0nce",
                                   .uefi = true,
                                   .version = row.version,
                                   .suite = row.codename,
                                   .product = row.product,
                                   .medium_has_eatmydata = row.family == "debian"};
    const seeds::AnswerFiles files =
        seeds::generate(seeds::parse_answer_format(row.answers), answers(), facts);
    const TempDir dir;
    return fmt::format("kernel line: {}\nmain file: {}\n",
                       with_arguments(templates::render_kernel_line(row, medium), files.kernel_arguments),
                       files.main_file) +
           initrd_text(files, dir) + iso_text(files, dir);
}

class Golden : public testing::TestWithParam<const char*> {};

TEST_P(Golden, what_the_installer_is_given_is_what_was_recorded) {
    const std::string got = handed_over(templates::distribution(GetParam()));
    const std::filesystem::path file =
        std::filesystem::path(IMGFORGE_GOLDEN) / (std::string(GetParam()) + ".txt");
    if (std::getenv("IMGFORGE_UPDATE_GOLDEN") != nullptr) {
        std::ofstream(file, std::ios::binary) << got;
    }
    ASSERT_TRUE(std::filesystem::exists(file)) << "record it with IMGFORGE_UPDATE_GOLDEN=1";
    EXPECT_EQ(got, read_file(file));
}

INSTANTIATE_TEST_SUITE_P(Families, Golden,
                         testing::Values("debian12", "debian13", "ubuntu2004", "ubuntu2404", "rocky9",
                                         "fedora", "opensuse", "opensuse16", "alpine"),
                         [](const auto& family) { return std::string(family.param); });

}  // namespace
}  // namespace imgforge::install
