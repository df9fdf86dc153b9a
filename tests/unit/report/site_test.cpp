// SPDX-License-Identifier: GPL-3.0-or-later
#include <gmock/gmock.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "pipelines/report/report.hpp"
#include "pipelines/report/site.hpp"

namespace fs = std::filesystem;

namespace imgforge::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

SiteImage two_generations() {
    return {.name = "debian13",
            .generations = {{.number = 1,
                             .state = "retired",
                             .created = "2026-11-01T00:00:00Z",
                             .sha256 = "aa",
                             .stored_bytes = 100U << 20U,
                             .virtual_bytes = 10ULL << 30U,
                             .packages = 250,
                             .build_seconds = 1800},
                            {.number = 2,
                             .state = "current",
                             .created = "2026-11-02T00:00:00Z",
                             .sha256 = "bb",
                             .stored_bytes = 200U << 20U,
                             .virtual_bytes = 10ULL << 30U,
                             .packages = 251,
                             .machines = {"web-1", "web-2"},
                             .changed = {"openssl 3.0.15 → 3.0.16"},
                             .documents = {"debian13-2-sbom.spdx.json"}}}};
}

TEST(Site, index_names_the_current_generation_and_counts_machines) {
    const std::string page = site_index({two_generations()}, "2026-11-03T00:00:00Z");

    EXPECT_THAT(page, HasSubstr("<a href=\"debian13.html\">debian13</a></td><td>@2</td>"));
    EXPECT_THAT(page, HasSubstr("<td class=n>251</td><td class=n>2</td><td class=n>2</td>"));
}

TEST(Site, an_image_without_a_current_generation_says_so) {
    SiteImage image = two_generations();
    image.generations.pop_back();
    EXPECT_THAT(site_index({image}, "now"), HasSubstr("<td>none</td>"));
}

TEST(Site, page_shows_plots_changes_machines_and_documents) {
    const std::string page = site_page(two_generations());

    EXPECT_THAT(page, HasSubstr("aria-label=\"Stored size\""));
    EXPECT_THAT(page, HasSubstr("@1: 30m00s"));
    EXPECT_THAT(page, HasSubstr("openssl 3.0.15 → 3.0.16"));
    EXPECT_THAT(page, HasSubstr("web-2"));
    EXPECT_THAT(page, HasSubstr("href=\"files/debian13-2-sbom.spdx.json\""));
    EXPECT_LT(page.find("id=\"g2\""), page.find("id=\"g1\"")) << "newest first";
    EXPECT_THAT(page, Not(HasSubstr("<script")));
    EXPECT_THAT(page, Not(HasSubstr("http"))) << "nothing is fetched";
}

TEST(Site, escapes_what_a_guest_may_have_written) {
    SiteImage image = two_generations();
    image.generations[1].changed = {"<img src=x onerror=alert(1)>"};
    EXPECT_THAT(site_page(image), Not(HasSubstr("<img src=x")));
}

class SiteFolder : public testing::Test {
protected:
    std::string page(const char* text) { return std::string(page_start) + text; }
    TempDir temp_{"site"};
    const fs::path directory_ = temp_ / "site";
};

TEST_F(SiteFolder, a_second_site_replaces_the_first_and_removes_what_it_no_longer_has) {
    write_site(directory_,
               {{"index.html", page("1")}, {"old.html", page("o")}, {"files/old-1-sbom.spdx.json", "{}"}});
    write_site(directory_, {{"index.html", page("2")}});

    EXPECT_EQ(read_file(directory_ / "index.html"), page("2"));
    EXPECT_FALSE(fs::exists(directory_ / "old.html"));
    EXPECT_FALSE(fs::exists(directory_ / "files/old-1-sbom.spdx.json"));
}

TEST_F(SiteFolder, a_foreign_page_beside_ours_stays) {
    write_site(directory_, {{"index.html", page("1")}});
    write_file_atomically(directory_ / "mine.html", "<p>mine");
    write_site(directory_, {{"index.html", page("2")}});

    EXPECT_EQ(read_file(directory_ / "mine.html"), "<p>mine");
}

TEST_F(SiteFolder, a_directory_with_other_files_is_refused_and_stays_as_it_is) {
    make_directories(directory_);
    write_file_atomically(directory_ / "index.html", "<p>mine");

    EXPECT_THROW(write_site(directory_, {{"index.html", page("1")}}), Error);
    EXPECT_EQ(read_file(directory_ / "index.html"), "<p>mine");
    EXPECT_FALSE(fs::exists(directory_ / "files"));
}

}  // namespace
}  // namespace imgforge::report
