// SPDX-License-Identifier: GPL-3.0-or-later
#include <gmock/gmock.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "pipelines/report/junit.hpp"
#include "pipelines/report/page_file.hpp"
#include "pipelines/report/run_folder.hpp"

namespace imgforge::report {
namespace {

using testing::HasSubstr;

RunReport checked_run() {
    RunReport run{
        .recipe = "web", .ok = false, .failure = "1 of 2 checks failed: run \"a\" <b>\nin stage 'verify'"};
    run.stages = {{.name = "install", .ran = false},
                  {.name = "publish", .ran = true, .seconds = 2.5},
                  {.name = "verify", .ran = true, .failed = true, .seconds = 90},
                  {.name = "export", .ran = true}};
    run.checks = {
        {.name = "service nginx is active", .ok = true, .seconds = 1, .output = "active"},
        {.name = "run \"a\" <b>", .ok = false, .seconds = 0.25, .output = "no\x1b[1m\nexit code 7"}};
    return run;
}

TEST(Junit, checks_fail_stages_err_and_the_rest_is_skipped) {
    const std::string xml = junit_xml({checked_run()});
    EXPECT_THAT(xml,
                HasSubstr(R"(<testsuite name="web.stages" tests="4" failures="0" errors="1" skipped="2")"));
    EXPECT_THAT(xml,
                HasSubstr(R"(<testsuite name="web.verify" tests="2" failures="1" errors="0" skipped="0")"));
    EXPECT_THAT(xml,
                HasSubstr(R"(<testsuites name="imgforge" tests="6" failures="1" errors="1" skipped="2")"));
    EXPECT_THAT(xml, HasSubstr(R"(name="run &quot;a&quot; &lt;b&gt;" time="0.250">)"));
    EXPECT_THAT(xml, HasSubstr(R"(<failure message="exit code 7">)"));
    EXPECT_THAT(xml, HasSubstr(R"(<skipped message="cached"/>)"));
    EXPECT_THAT(xml, HasSubstr(R"(<skipped message="not reached"/>)"));
    EXPECT_EQ(xml.find('\x1b'), std::string::npos);
}

TEST(Junit, a_build_that_failed_outside_of_its_stages_is_an_error_of_its_own) {
    RunReport run{.recipe = "web", .ok = false, .failure = "the store is full"};
    run.stages = {{.name = "install", .ran = true, .seconds = 1}};
    EXPECT_THAT(junit_xml({run}), HasSubstr(R"(name="build" time="0.000">)"));
}

TEST(Junit, its_own_file_is_written_again_and_no_other) {
    const TempDir folder;
    write_junit(folder / "r.xml", {checked_run()});
    write_junit(folder / "r.xml", {checked_run()});
    EXPECT_THAT(read_file(folder / "r.xml"), HasSubstr("web.verify"));
    write_file_atomically(folder / "other.xml", "<project/>");
    EXPECT_THROW(write_junit(folder / "other.xml", {checked_run()}), Error);
}

TEST(ReadRun, has_the_checks_of_a_verify_stage_that_failed_and_of_one_that_passed) {
    const TempDir folder;
    write_file_atomically(folder / "record.json",
                          R"json({"recipe": "w", "run": "20261121-084013-w-1", "state": "failed",
        "error": "1 of 1 checks failed\n  in stage 'verify' (w.recipe:3)",
        "stages": [{"name": "verify", "type": "verify", "verdict": "run", "seconds": 9.0}]})json");
    make_directories(folder / "verify");
    write_file_atomically(
        folder / "verify/checks.json",
        R"({"checks": [{"name": "port 80 is reachable", "ok": false, "seconds": 3, "output": "closed"}]})");
    const RunReport failed = read_run(folder.path());
    ASSERT_EQ(failed.checks.size(), 1U);
    EXPECT_THAT(html(failed), HasSubstr("port 80 is reachable"));
    write_file_atomically(folder / "record.json",
                          R"json({"recipe": "w", "run": "20261121-084013-w-1", "state": "done",
        "verify": {"checks": [{"name": "a", "ok": true, "seconds": 3, "output": ""}]}, "stages": []})json");
    EXPECT_TRUE(read_run(folder.path()).checks.at(0).ok);
}

}  // namespace
}  // namespace imgforge::report
