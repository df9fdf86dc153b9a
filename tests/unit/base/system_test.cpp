// SPDX-License-Identifier: GPL-3.0-or-later
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <thread>

#include "builder/base/directory_size.hpp"
#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/file.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/lock.hpp"
#include "builder/base/monitor.hpp"
#include "builder/base/places.hpp"
#include "builder/base/process.hpp"
#include "builder/base/state_db.hpp"
#include "builder/base/temp_dir.hpp"

namespace imgforge {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::ThrowsMessage;
using Outcome = ProcessResult::Outcome;

TEST(RenameDurably, replaces_the_destination_and_names_both_when_it_cannot) {
    const TempDir folder("imgforge-rename");
    write_file_atomically(folder / "old", "one");
    write_file_atomically(folder / "new", "two");
    rename_durably(folder / "old", folder / "new");
    EXPECT_EQ(read_file(folder / "new"), "one");
    try {
        rename_durably(folder / "old", folder / "other", "do this");
        ADD_FAILURE() << "renamed what is not there";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), Failure::host);
        EXPECT_NE(error.message().find((folder / "old").string()), std::string::npos);
        EXPECT_NE(error.message().find((folder / "other").string()), std::string::npos);
        EXPECT_EQ(error.hint(), "do this");
    }
}

TEST(Process, keeps_streams_apart_and_tells_exit_from_signal) {
    SystemProcessRunner runner;

    const ProcessResult both =
        runner.run({.program = "sh", .args = {"-c", "echo out; echo err >&2; exit 7"}});
    const ProcessResult killed = runner.run({.program = "sh", .args = {"-c", "kill -9 $$"}});
    const ProcessResult missing = runner.run({.program = "no-such-program-here"});

    EXPECT_EQ(both.out, "out\n");
    EXPECT_EQ(both.err, "err\n");
    EXPECT_EQ(both.code, 7);
    EXPECT_EQ(killed.outcome, Outcome::signalled);
    EXPECT_EQ(killed.code, SIGKILL);
    EXPECT_EQ(missing.outcome, Outcome::not_found);
}

TEST(Process, a_deadline_ends_the_whole_group) {
    SystemProcessRunner runner;
    const TempDir folder;
    const auto begun = std::chrono::steady_clock::now();

    const ProcessResult result =
        runner.run({.program = "sh",
                    .args = {"-c", "sleep 60 & echo $! > " + (folder / "pid").string() + "; wait"},
                    .timeout = std::chrono::milliseconds(300)});

    EXPECT_EQ(result.outcome, Outcome::timed_out);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
    const int pid = std::stoi(read_file(folder / "pid"));
    for (int i = 0; i < 50 && ::kill(pid, 0) == 0; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    const std::string state =
        ::kill(pid, 0) == 0 ? read_file("/proc/" + std::to_string(pid) + "/stat") : "gone";
    EXPECT_TRUE(state == "gone" || state.find(") Z") != std::string::npos) << state;
}

TEST(Process, feeds_large_input_and_reads_large_output_at_once) {
    SystemProcessRunner runner;
    const std::string big(3U << 20U, 'x');
    EXPECT_EQ(runner.run({.program = "cat", .stdin_text = big}).out.size(), big.size());
}

TEST(Process, a_daemon_left_behind_does_not_hang_us) {
    SystemProcessRunner runner;
    const auto begun = std::chrono::steady_clock::now();
    const ProcessResult result =
        runner.run({.program = "sh", .args = {"-c", "(trap '' TERM; sleep 8) & echo started"}});
    EXPECT_EQ(result.out, "started\n");
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
}

TEST(Process, errors_can_be_pasted_and_hide_secrets) {
    SystemProcessRunner runner;
    const ProcessSpec spec{
        .program = "sh", .args = {"-c", "echo token hunter22 >&2; exit 3"}, .redact = {"hunter22"}};
    try {
        run_checked(runner, spec);
        FAIL();
    } catch (const Error& error) {
        EXPECT_THAT(error.describe(), AllOf(HasSubstr("exit code 3"), HasSubstr("sh -c 'echo token ***"),
                                            Not(HasSubstr("hunter22"))));
    }
}

TEST(Process, a_missing_program_names_its_package) {
    EXPECT_THAT(process_error({.program = "qemu-img"}, {.outcome = Outcome::not_found}).hint(),
                "apt-get install qemu-utils");
}

TEST(Process, hands_out_lines_as_they_come) {
    SystemProcessRunner runner;
    std::vector<std::string> lines;
    runner.run({.program = "printf", .args = {"a\\nb\\rc"}},
               [&](std::string_view line, bool) { lines.emplace_back(line); });
    EXPECT_THAT(lines, ElementsAre("a", "b", "c"));
}

TEST(Interrupt, wakes_a_sleep_and_is_held_off_by_a_shield) {
    interrupt::set_requested(true);
    EXPECT_THROW(interrupt::sleep(std::chrono::seconds(10)), Interrupted);
    {
        const interrupt::Shield shield;
        EXPECT_NO_THROW(interrupt::check());
    }
    EXPECT_THROW(interrupt::check(), Interrupted);
    interrupt::set_requested(false);
    EXPECT_NO_THROW(interrupt::check());
}

TEST(AtomicFile, appears_whole_or_not_at_all) {
    const TempDir folder;
    write_file_atomically(folder / "a", "one");
    {
        AtomicFile abandoned(folder / "a");
        abandoned.write("half");
    }
    EXPECT_EQ(read_file(folder / "a"), "one");
    write_file_atomically(folder / "a", "two", 0600);
    EXPECT_EQ(read_file(folder / "a"), "two");
    struct stat info {};
    ASSERT_EQ(::stat((folder / "a").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777U, 0600U);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()),
                            std::filesystem::directory_iterator()),
              1);
}

TEST(AtomicFile, names_the_folder_that_cannot_be_written) {
    EXPECT_THAT([] { write_file_atomically("/nowhere/at/all/x", "y"); },
                ThrowsMessage<Error>(HasSubstr("/nowhere/at/all/")));
}

TEST(ReadFile, does_not_hang_on_a_pipe_without_a_writer_and_reads_one_with) {
    const TempDir folder;
    const std::filesystem::path pipe = folder / "pipe";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    EXPECT_EQ(read_file(pipe), "");

    const Fd held(
        ::open(pipe.c_str(), O_RDWR));  // so that the writer below can open it before the reader does
    std::thread writer([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        const Fd end(::open(pipe.c_str(), O_WRONLY));
        write_all(end.get(), "slow", "pipe");
    });
    std::string limited;
    try {
        limited = read_file(pipe, 3);
    } catch (const Error& error) {
        limited = error.message();
    }
    writer.join();
    EXPECT_THAT(limited, HasSubstr("larger than 3 bytes"));
}

TEST(CopyFile, keeps_holes_and_content) {
    const TempDir folder;
    {
        std::ofstream file(folder / "sparse", std::ios::binary);
        file << "head";
        file.seekp(50 << 20);
        file << "tail";
    }
    copy_file_fast(folder / "sparse", folder / "copy", 0640);
    EXPECT_EQ(std::filesystem::file_size(folder / "copy"), std::filesystem::file_size(folder / "sparse"));
    EXPECT_LT(allocated_size(folder / "copy"), 1U << 20U);
    EXPECT_EQ(read_file(folder / "copy").substr(50U << 20U), "tail");
    EXPECT_THROW(copy_file_fast(folder / "sparse", folder / "copy"), Error);
}

TEST(AllocatedIn, counts_what_lies_on_the_disk_and_no_holes) {
    const TempDir folder;
    EXPECT_EQ(allocated_in(folder / "missing"), 0U);
    EXPECT_EQ(allocated_in(folder.path()), 0U);
    std::ofstream(folder / "holes", std::ios::binary).seekp(50 << 20) << "tail";
    std::ofstream(folder / "whole", std::ios::binary) << std::string(64U << 10U, 'x');
    EXPECT_GE(allocated_in(folder.path()), 64U << 10U);
    EXPECT_LT(allocated_in(folder.path()), 1U << 20U);
}

TEST(RemoveTree, takes_read_only_folders_and_never_follows_links) {
    const TempDir folder;
    make_directories(folder / "tree" / "sub");
    write_file_atomically(folder / "keep", "me");
    std::filesystem::create_symlink(folder / "keep", folder / "tree" / "sub" / "link");
    std::filesystem::permissions(folder / "tree" / "sub",
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
    remove_tree(folder / "tree");
    EXPECT_FALSE(std::filesystem::exists(folder / "tree"));
    EXPECT_EQ(read_file(folder / "keep"), "me");
    EXPECT_NO_THROW(remove_tree(folder / "never-there"));
}

TEST(FileLock, excludes_and_names_the_holder) {
    const TempDir folder;
    const auto held = FileLock::try_acquire(folder / "lock", "building debian13");
    ASSERT_TRUE(held);
    EXPECT_FALSE(FileLock::try_acquire(folder / "lock", "second"));
    EXPECT_THAT([&] { FileLock::acquire(folder / "lock", "second", std::chrono::milliseconds(100)); },
                ThrowsMessage<Error>(AllOf(HasSubstr("building debian13"), HasSubstr("process "))));
}

TEST(FileLock, needs_no_room_on_the_disk) {
    const TempDir folder;
    write_file_atomically(folder / "lock", "");
    // No file may grow: what a full disk is to write(2).
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &none), 0);
    std::optional<FileLock> held;
    std::string fault;
    try {
        held = FileLock::try_acquire(folder / "lock", "building debian13");
    } catch (const std::exception& error) {
        fault = error.what();
    }
    setrlimit(RLIMIT_FSIZE, &before);
    static_cast<void>(std::signal(SIGXFSZ, handler));
    EXPECT_EQ(fault, "");
    ASSERT_TRUE(held);
    EXPECT_EQ(FileLock::holder(folder / "lock"), "");
    EXPECT_FALSE(FileLock::try_acquire(folder / "lock", "second"));
}

TEST(StateDb, migrates_each_area_once_and_refuses_a_newer_one) {
    const TempDir folder;
    {
        StateDb db(folder / "state.db");
        db.migrate("a", {"CREATE TABLE a1(x)", "CREATE TABLE a2(x)"});
        db.migrate("b", {"CREATE TABLE b1(x)"});
        db.migrate("a", {"CREATE TABLE a1(x)", "CREATE TABLE a2(x)"});
    }
    StateDb again(folder / "state.db");
    EXPECT_THAT([&] { again.migrate("a", {"CREATE TABLE a1(x)"}); },
                ThrowsMessage<Error>(HasSubstr("newer imgforge")));
}

TEST(StateDb, names_a_damaged_file_and_the_repair) {
    const TempDir folder;
    write_file_atomically(folder / "state.db", std::string(8192, 'x'));
    try {
        const StateDb db(folder / "state.db");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), Failure::integrity);
        EXPECT_THAT(error.hint(), HasSubstr("images verify --repair"));
    }
}

TEST(Activity, reports_start_progress_and_how_it_ended) {
    RecordingMonitor monitor;
    try {
        Activity activity(monitor, "install");
        activity.progress(5, 10);
        throw Error(Failure::guest, "x");
    } catch (const Error&) {
    }
    const std::vector<MonitorEvent> events = monitor.events();
    ASSERT_EQ(events.size(), 3U);
    EXPECT_EQ(events[0].kind, MonitorEvent::Kind::activity_started);
    EXPECT_EQ(events[1].done, 5);
    EXPECT_TRUE(events[2].failed);
}

TEST(PlainMonitor, tells_the_steps_of_what_takes_its_time_only) {
    const TempDir folder;
    const Fd file = open_fd(folder / "log", O_WRONLY | O_CREAT, 0644);
    const auto monitor = make_monitor(MonitorStyle::plain, file.get());
    using Kind = MonitorEvent::Kind;
    const auto step = [&](Kind kind, double done, double seconds) {
        monitor->event({.kind = kind,
                        .activity = 1,
                        .name = "copy",
                        .done = done,
                        .total = 100,
                        .unit = "%",
                        .seconds = seconds});
    };
    step(Kind::activity_started, 0, 0);
    step(Kind::activity_progress, 20, 1);
    step(Kind::activity_progress, 40, 6);
    step(Kind::activity_progress, 44, 7);
    step(Kind::activity_finished, 100, 9);
    EXPECT_EQ(read_file(folder / "log"), "copy: started\ncopy: 40%\ncopy: done after 9.0s\n");
}

TEST(Places, follow_the_environment) {
    ::setenv("IMGFORGE_HOME", "/srv/forge/../forge", 1);
    EXPECT_EQ(Places::from_environment().state_db(), "/srv/forge/state.db");
    ::unsetenv("IMGFORGE_HOME");
}

}  // namespace
}  // namespace imgforge
