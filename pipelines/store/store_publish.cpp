// SPDX-License-Identifier: GPL-3.0-or-later
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/log.hpp"
#include "builder/base/random.hpp"
#include "pipelines/store/folder_names.hpp"
#include "pipelines/store/index_file.hpp"
#include "pipelines/store/rows.hpp"
#include "pipelines/store/seal.hpp"
#include "pipelines/store/store.hpp"

namespace fs = std::filesystem;

namespace imgforge::store {
namespace {

/// Highest number among the generation directories: a number is not used twice even when the database was
/// lost.
int highest_folder(const fs::path& folder) {
    int highest = 0;
    for (const std::string& name : entries(folder)) {
        int number = 0;
        const auto [end, fault] = std::from_chars(name.data(), name.data() + name.size(), number);
        if (fault == std::errc() && end == name.data() + name.size()) {
            highest = std::max(highest, number);
        }
    }
    return highest;
}

}  // namespace

Store::Scratch Store::make_scratch(std::string_view image) {
    const FileLock held = lock(image, "prepare a publication");
    const fs::path folder = image_folder(image);
    if (index_is_ahead(folder, Rows(database_, places_.images()).image(image))) {
        // Going on would write an index without the generations that only the old one knows.
        throw Error(Failure::integrity,
                    fmt::format("the database does not know all generations in {}", folder.string()),
                    "it was lost or is an old copy: run `imgforge images verify --repair` first");
    }
    make_directories(folder);
    const std::string name = std::string(scratch_prefix) + random_hex(8);
    auto alive = FileLock::try_acquire(alive_file(folder, name), "publication");
    if (!alive) {
        throw Error(Failure::tool,
                    fmt::format("cannot lock the new file {}", alive_file(folder, name).string()));
    }
    make_directories(folder / name, 0700);
    return {.folder = folder / name, .name = name, .alive = std::move(*alive)};
}

void Store::drop_scratch(std::string_view image, const Scratch& scratch) {
    const FileLock held = lock(image, "drop a publication");
    remove_tree(scratch.folder);
    database_.transaction([&] {
        Rows(database_, places_.images()).drop_references({Holder::Kind::build, scratch.name});
    });
    ::unlink(alive_file(image_folder(image), scratch.name).c_str());
    forget_empty_image(image);
}

Generation Store::adopt(std::string_view image, const Scratch& scratch,
                        const std::function<Generation(int)>& finish) {
    const interrupt::Shield shield;
    const FileLock held = lock(image, "publish");
    const fs::path folder = image_folder(image);
    const std::string name(image);
    int number = 0;
    database_.transaction([&] {
        Rows rows(database_, places_.images());
        ImageRow row = rows.image(image).value_or(ImageRow{.name = name});
        number = row.next_generation = std::max(row.next_generation, highest_folder(folder) + 1);
        rows.put_image(row);
        rows.begin_journal("publish", image, number, clock_.wall_seconds());
    });
    const fs::path final_folder = folder / std::to_string(number);
    try {
        const Generation record = finish(number);
        make_read_only(scratch.folder);
        sync_directory(scratch.folder);
        rename_durably(scratch.folder, final_folder,
                       "the store is as it was: run the command again when the cause is gone");
        database_.transaction([&] {
            Rows rows(database_, places_.images());
            ImageRow row = *rows.image(image);
            row.next_generation = number + 1;
            row.serial += 1;
            rows.put_image(row);
            rows.put_generation(record);
            rows.drop_references({Holder::Kind::build, scratch.name});
        });
    } catch (...) {
        // Not recorded, so it must not lie there as a complete generation either. What fails here (a disk
        // that is full to the last byte) is done by the next command from the journal.
        try {
            remove_tree(final_folder);
            database_.transaction([&] { Rows(database_, places_.images()).end_journal(image, number); });
        } catch (const Error& error) {
            log::warn("undoing a publication: " + error.describe());
        }
        throw;
    }
    seal(final_folder);
    write_index(image);
    ::unlink(alive_file(folder, scratch.name).c_str());
    database_.transaction([&] { Rows(database_, places_.images()).end_journal(image, number); });
    return *find(image, number);
}

}  // namespace imgforge::store
