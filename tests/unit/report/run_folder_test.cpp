// SPDX-License-Identifier: GPL-3.0-or-later
#include <gmock/gmock.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "pipelines/report/run_folder.hpp"

namespace imgforge::report {
namespace {

using testing::HasSubstr;

constexpr const char* failed_record = R"json({
    "recipe": "d", "run": "20261121-084013-d-f362", "generation": null, "image": null, "state": "failed",
    "error": "no medium\n  in stage 'install' (d.recipe:3)",
    "stages": [
        {"name": "fetch", "type": "fetch", "verdict": "reuse", "reason": "nothing changed", "seconds": 0.0},
        {"name": "install", "type": "install", "verdict": "run", "reason": "never ran", "seconds": 61.5}
    ]
})json";

TEST(ReadRun, tells_the_stage_that_failed_with_screen_and_console) {
    const TempDir folder("run");
    write_file_atomically(folder / "record.json", failed_record);
    make_directories(folder / "install");
    write_file_atomically(folder / "install/screen.png", "\x89PNG");
    write_file_atomically(folder / "install/progress.json",
                          R"([{"second": 0.5, "percent": 0, "step": ""}, {"second": 40, "percent": 12.5,
            "step": "Partition disks"}, 7])");
    write_file_atomically(folder / "install/console.txt", std::string(20000, 'x') + "\nthe last line\n");

    const RunReport run = read_run(folder.path());

    EXPECT_FALSE(run.ok);
    EXPECT_EQ(run.started, "2026-11-21 08:40:13 UTC");
    ASSERT_EQ(run.stages.size(), 2U);
    EXPECT_FALSE(run.stages[0].ran);
    EXPECT_FALSE(run.stages[0].failed);
    EXPECT_TRUE(run.stages[1].failed);
    ASSERT_EQ(run.install.size(), 2U);
    EXPECT_EQ(run.install[1].percent, 12.5);
    EXPECT_EQ(run.install[1].step, "Partition disks");
    EXPECT_EQ(run.console_tail, "the last line\n");
    EXPECT_THAT(html(run), HasSubstr("data:image/png;base64,"));
}

TEST(ReadRun, takes_audit_and_packages_of_the_published_generation) {
    const TempDir home("run");
    for (const char* const generation : {"1", "2"}) {
        make_directories(home / "images/d" / generation);
    }
    write_file_atomically(home / "images/d/1/packages.json",
                          R"({"packages": [{"name": "a", "version": "1"}, {"name": "b", "version": "1"}]})");
    write_file_atomically(home / "images/d/2/packages.json",
                          R"({"packages": [{"name": "a", "version": "2"}, {"name": "c", "version": "1"}]})");
    write_file_atomically(home / "images/d/2/audit.json", R"({"clean": true, "findings": []})");
    write_file_atomically(
        home / "record.json",
        R"({"recipe": "d", "run": "20261121-084013-d-f362", "generation": 2, "state": "done", "stages": [],
        "image": {"path": ")" +
            (home / "images/d/2/disk.qcow2").string() + R"("}})");

    const RunReport run = read_run(home.path());

    EXPECT_TRUE(run.ok);
    EXPECT_EQ(run.audit["clean"], true);
    EXPECT_EQ(run.packages["added"][0], "c 1");
    EXPECT_EQ(run.packages["removed"][0], "b 1");
    EXPECT_EQ(run.packages["changed"][0], "a 1 → 2");
}

TEST(ReadRun, a_stage_behind_the_one_that_failed_was_not_run) {
    const TempDir folder("run");
    write_file_atomically(folder / "record.json", R"json({
        "recipe": "d", "run": "20261121-084013-d-f362", "error": "no\n  in stage 'install' (d.recipe:3)",
         "stages": [
            {"name": "fetch", "type": "fetch", "verdict": "reuse",
             "reason": "nothing changed", "seconds": 0.0},
            {"name": "install", "type": "install", "verdict": "run", "reason": "never ran", "seconds": 0.0},
            {"name": "spawn", "type": "spawn", "verdict": "run",
             "reason": "never ran", "seconds": 0.0}]})json");
    const RunReport run = read_run(folder.path());
    ASSERT_EQ(run.stages.size(), 3U);
    EXPECT_TRUE(run.stages[0].reached);
    EXPECT_TRUE(run.stages[1].reached);
    EXPECT_FALSE(run.stages[2].reached);
    EXPECT_THAT(html(run),
                HasSubstr("<td>spawn</td><td><span class=sub>not run</span></td><td class=n>–</td>"));
    EXPECT_THAT(summary(run), HasSubstr("<dt>proof</dt><dd class=sub>not run</dd>"));
}

TEST(ReadRun, compares_its_time_with_the_run_before_that_ended_well) {
    const TempDir runs("runs");
    const auto record = [&](const std::string& run, double seconds, const char* state) {
        make_directories(runs / run);
        write_file_atomically(
            runs / run / "record.json",
            Json{{"recipe", "d"},
                 {"run", run},
                 {"state", state},
                 {"stages", {{{"name", "a"}, {"type", "a"}, {"verdict", "run"}, {"seconds", seconds}}}}}
                .dump());
    };
    record("20261101-000000-d-0001", 50, "done");
    record("20261102-000000-d-0002", 30, "failed");
    record("20261103-000000-dd-0003", 7, "done");
    record("20261104-000000-d-0004", 80, "done");
    const RunReport run = read_run(runs / "20261104-000000-d-0004");
    EXPECT_EQ(run.last_seconds, 50);
    EXPECT_THAT(summary(run), HasSubstr("1m20s, 30s longer than the last time"));
    EXPECT_FALSE(read_run(runs / "20261101-000000-d-0001").last_seconds);
}

TEST(ReadRun, a_folder_without_record_is_an_error) {
    const TempDir folder("run");
    EXPECT_THROW(static_cast<void>(read_run(folder.path())), Error);
    EXPECT_THROW(static_cast<void>(newest_run(folder.path())), Error);
}

TEST(NewestRun, is_the_one_with_the_latest_name_and_a_record) {
    const TempDir runs("runs");
    for (const char* const name : {"20261120-1-a", "20261121-1-b", "20261122-killed"}) {
        make_directories(runs / name);
    }
    write_file_atomically(runs / "20261120-1-a/record.json", "{}");
    write_file_atomically(runs / "20261121-1-b/record.json", "{}");

    EXPECT_EQ(newest_run(runs.path()).filename(), "20261121-1-b");
}

}  // namespace
}  // namespace imgforge::report
