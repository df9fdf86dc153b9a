// SPDX-License-Identifier: GPL-3.0-or-later
#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <functional>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/state_db.hpp"
#include "builder/base/state_file.hpp"
#include "builder/base/temp_dir.hpp"

namespace imgforge {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

unsigned mode_of(const fs::path& file) {
    struct stat found {};
    EXPECT_EQ(::stat(file.c_str(), &found), 0) << file;
    return found.st_mode & 0777U;
}

TEST(StateFile, only_its_owner_reads_it) {
    const TempDir folder("unit");
    StateDb database(folder / "state.db");
    database.migrate("unit", {"CREATE TABLE t(a)"});
    for (const char* name : {"state.db", "state.db-wal", "state.db-shm", "state.db.reserve"}) {
        EXPECT_EQ(mode_of(folder / name), 0600U) << name;
    }
}

/// A process of its own, forked before this one has the database open, which runs `body` when it is asked to.
class OtherProcess {
public:
    explicit OtherProcess(const std::function<int()>& body) {
        EXPECT_EQ(::pipe(pipe_.data()), 0);
        pid_ = ::fork();
        if (pid_ == 0) {
            char go = 0;
            const bool asked = ::read(pipe_[0], &go, 1) == 1;
            ::_exit(asked ? body() : 99);
        }
    }
    OtherProcess(const OtherProcess&) = delete;
    OtherProcess& operator=(const OtherProcess&) = delete;
    ~OtherProcess() {
        ::close(pipe_[0]);
        ::close(pipe_[1]);
    }

    /// What `body` returned, from 0 to 98.
    int run() {
        int status = 0;
        EXPECT_EQ(::write(pipe_[1], "x", 1), 1);
        EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

private:
    std::array<int, 2> pipe_{};
    pid_t pid_ = -1;
};

TEST(StateFile, a_second_connection_does_not_drop_the_locks_of_the_first) {
    const TempDir folder("unit");
    const fs::path file = folder / "state.db";
    StateDb(file).migrate("unit", {"CREATE TABLE t(a)"});
    OtherProcess closes([&] {
        StateDb(file).raw().exec("INSERT INTO t VALUES(1)");
        return 0;
    });
    OtherProcess counts([&] {
        StateDb database(file);
        SQLite::Statement query(database.raw(), "SELECT count(*) FROM t");
        return query.executeStep() ? query.getColumn(0).getInt() : 98;
    });

    StateDb first(file);
    first.raw().exec("INSERT INTO t VALUES(2)");
    { const StateDb second(file); }
    // Would take itself for the last one, and delete the log that `first` goes on with.
    EXPECT_EQ(closes.run(), 0);
    first.raw().exec("INSERT INTO t VALUES(3)");
    EXPECT_EQ(counts.run(), 3);
}

TEST(StateFile, one_of_an_earlier_version_loses_its_reading_rights) {
    const TempDir folder("unit");
    { const StateDb database(folder / "state.db"); }
    fs::permissions(folder / "state.db", fs::perms(0644));
    const StateDb again(folder / "state.db");
    EXPECT_EQ(mode_of(folder / "state.db"), 0600U);
}

TEST(StateFile, in_a_folder_of_a_group_the_group_may_write_it) {
    const TempDir folder("unit");
    ASSERT_EQ(::chmod(folder.path().c_str(), 02770), 0);
    const mode_t before = ::umask(077);
    StateDb database(folder / "state.db");
    database.migrate("unit", {"CREATE TABLE t(a)"});
    ::umask(before);
    for (const char* name : {"state.db", "state.db-wal", "state.db-shm"}) {
        EXPECT_EQ(mode_of(folder / name), 0660U) << name;
    }
}

TEST(StateFile, a_database_of_another_program_is_refused_and_stays_as_it_was) {
    const TempDir folder("unit");
    {
        SQLite::Database other((folder / "state.db").string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
        other.exec("CREATE TABLE bookmarks(url TEXT)");
    }
    const std::string before = read_file(folder / "state.db");
    try {
        const StateDb database(folder / "state.db");
        FAIL() << "accepted";
    } catch (const Error& error) {
        EXPECT_THAT(error.message(), HasSubstr("of another program"));
    }
    EXPECT_EQ(read_file(folder / "state.db"), before);
}

TEST(StateFile, a_private_copy_has_what_the_log_holds) {
    const TempDir folder("unit");
    StateDb database(folder / "state.db");
    database.migrate("unit", {"CREATE TABLE t(a)"});
    database.raw().exec("INSERT INTO t VALUES(7)");
    const auto copy = state_file::private_copy(folder / "state.db");
    StateDb other(copy->file);
    EXPECT_EQ(other.raw().execAndGet("SELECT a FROM t").getInt(), 7);
}

}  // namespace
}  // namespace imgforge
