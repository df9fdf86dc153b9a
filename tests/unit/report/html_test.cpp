// SPDX-License-Identifier: GPL-3.0-or-later
#include <gmock/gmock.h>

#include "pipelines/report/report.hpp"

namespace imgforge::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

RunReport sample() {
    return {
        .recipe = "debian13",
        .run = "20261121-1",
        .started = "2026-11-21T06:29:21Z",
        .ok = true,
        .stages = {{.name = "install", .type = "install", .ran = true, .reason = "never ran", .seconds = 800},
                   {.name = "sysprep", .type = "sysprep", .reason = "nothing changed", .begin = 800}},
        .install = {{.second = 0, .percent = 0, .step = "boot"},
                    {.second = 400, .percent = 55, .step = "base <system>"}},
        .screenshot_png = std::string("\x89PNG", 4),
        .image = {{"path", "/x/disk.qcow2"}, {"virtual_size", 10737418240U}},
        .packages = {{"added", {"vim 9.0"}}, {"removed", Json::array()}},
        .audit = {{"clean", false},
                  {"findings",
                   {{{"rule", "host-keys"},
                     {"path", "/etc/ssh/x"},
                     {"layer", "files"},
                     {"waived", false},
                     {"reason", nullptr}}}}}};
}

TEST(HtmlReport, shows_stages_image_packages_and_audit) {
    const std::string page = html(sample());

    EXPECT_THAT(page, HasSubstr("never ran"));
    EXPECT_THAT(page, HasSubstr("13m20s"));
    EXPECT_THAT(page, HasSubstr("cached"));
    EXPECT_THAT(page, HasSubstr("10 GiB"));
    EXPECT_THAT(page, HasSubstr("vim 9.0"));
    EXPECT_THAT(page, HasSubstr("host-keys"));
    EXPECT_THAT(page, HasSubstr("data:image/png;base64,iVBORw=="));
}

TEST(HtmlReport, begins_with_what_a_busy_reader_wants_to_know) {
    RunReport report = sample();
    report.image = {{"name", "debian13"},
                    {"generation", 4},
                    {"virtual_size", 10737418240U},
                    {"allocated_size", 205520896U}};
    report.checks = {{.name = "a", .ok = true}, {.name = "b", .ok = false}};
    const std::string text = summary(report);
    EXPECT_THAT(text, HasSubstr("<dt>image</dt><dd>debian13@4 · 196 MiB stored of 10 GiB</dd>"));
    EXPECT_THAT(text, HasSubstr("<dt>changed</dt><dd>packages: 1 added</dd>"));
    EXPECT_THAT(text, HasSubstr("<dt>audit</dt><dd class=bad>leftovers: 1</dd>"));
    EXPECT_THAT(text, HasSubstr("<dt>checks</dt><dd class=bad>1 of 2 passed</dd>"));
    EXPECT_THAT(html(report), HasSubstr(text));
    EXPECT_EQ(summary(RunReport{}), "");
}

TEST(HtmlReport, a_finding_in_many_places_is_one_row) {
    RunReport report = sample();
    for (const char* const layer : {"disk", "files", "disk"}) {
        Json again = report.audit["findings"][0];
        again["layer"] = layer;
        report.audit["findings"].push_back(again);
    }
    EXPECT_THAT(
        html(report),
        HasSubstr("<tr><td>host-keys</td><td>/etc/ssh/x</td><td>disk (2), files (2)</td><td>no</td></tr>"));
}

TEST(HtmlReport, escapes_what_a_guest_may_have_written) {
    RunReport report = sample();
    report.failure = "<script>alert(1)</script>";
    report.console_tail = "a & b <b>";

    const std::string page = html(report);

    EXPECT_THAT(page, Not(HasSubstr("<script>")));
    EXPECT_THAT(page, HasSubstr("a &amp; b &lt;b&gt;"));
    EXPECT_THAT(page, HasSubstr("base &lt;system&gt;"));
}

TEST(HtmlReport, is_one_file_that_fetches_nothing) {
    const std::string page = html(sample());
    EXPECT_THAT(page, Not(HasSubstr("http://")));
    EXPECT_THAT(page, Not(HasSubstr("https://")));
    EXPECT_THAT(page, Not(HasSubstr("<link")));
}

TEST(HtmlReport, an_empty_run_is_still_a_page) {
    EXPECT_THAT(html({.recipe = "x"}), HasSubstr("failed"));
}

}  // namespace
}  // namespace imgforge::report
