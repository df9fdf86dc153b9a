// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "builder/base/state_db.hpp"
#include "pipelines/store/generation.hpp"

namespace imgforge::store {

/// One row of `store_images`.
struct ImageRow {
    std::string name;
    std::int64_t serial = 0;  ///< raised by every change; index.json repeats it
    int next_generation = 1;
};

/// One row of `store_journal`: a change that has touched the directories and is not finished.
struct JournalRow {
    std::int64_t id = 0;
    std::string operation;  ///< "publish" or "delete"
    int generation = 0;
};

struct ReferenceRow {
    std::string image;
    int generation = 0;
    Holder holder;
};

/// The store's tables in state.db: SQL and nothing else. Changing functions belong inside
/// StateDb::transaction(). SQLite's errors come out as Error.
class Rows {
public:
    /// `images` is the directory generations lie in (Places::images()).
    Rows(StateDb& database, std::filesystem::path images);

    static void migrate(StateDb& database);

    std::vector<ImageRow> images() const;
    /// Names, sorted.
    std::vector<std::string> images_with_generations() const;
    std::optional<ImageRow> image(std::string_view name) const;
    int count_generations(std::string_view image) const;
    std::vector<Generation> generations(std::string_view image) const;
    std::optional<Generation> generation(std::string_view image, int number) const;
    std::optional<Generation> current(std::string_view image) const;
    std::vector<int> children(std::string_view image, int number) const;
    std::vector<ReferenceRow> references(std::string_view image) const;
    std::vector<Holder> references(std::string_view image, int number) const;
    std::vector<JournalRow> journal(std::string_view image) const;
    /// What verify found wrong with the generation; empty: nothing that is known.
    std::string damage(std::string_view image, int number) const;

    void put_image(const ImageRow& row);
    void drop_image(std::string_view name);
    /// Everything about the image except its journal, for a rebuild.
    void clear_image(std::string_view name);
    /// Raises the image's serial.
    void touch(std::string_view image);
    void put_generation(const Generation& generation);
    /// Empty `problem`: it is sound again.
    void set_damage(std::string_view image, int number, std::string_view problem, std::int64_t now);
    void drop_generation(std::string_view image, int number);
    void set_state(std::string_view image, int number, GenerationState state, std::string_view reason = {});
    void put_reference(std::string_view image, int number, const Holder& holder, std::int64_t since);
    void drop_reference(std::string_view image, int number, const Holder& holder);
    void drop_references(const Holder& holder);
    /// A machine of this store on a generation of another one, which has no row here.
    void put_other_reference(std::string_view image, int number, const Holder& holder, std::int64_t since);
    void begin_journal(std::string_view operation, std::string_view image, int number, std::int64_t now);
    void end_journal(std::string_view image, int number);

private:
    StateDb& database_;
    std::filesystem::path images_;
};

/// First line of PRAGMA quick_check: "ok", or what is damaged.
std::string quick_check(StateDb& database);
std::string database_file(StateDb& database);

/// Runs `body`, turning SQLite's exceptions into Error: reads outside StateDb::transaction() go through it.
void in_database(StateDb& database, const std::function<void()>& body);

}  // namespace imgforge::store
