// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "builder/base/clock.hpp"
#include "builder/base/lock.hpp"
#include "builder/base/places.hpp"
#include "builder/base/state_db.hpp"
#include "pipelines/store/generation.hpp"

namespace imgforge::store {

struct OverlayUse;

/// The golden images of one $IMGFORGE_HOME. The database is the commit point of every change;
/// images/NAME/index.json repeats it so that it can be rebuilt, and the directories hold the data. Each
/// change is journalled: whatever a killed process left behind is finished or undone by the next Store that
/// is opened. One object per thread.
class Store {
public:
    /// Brings the tables up to date and clears leftovers of processes that died (see recover()). The
    /// references stay borrowed.
    Store(Places places, StateDb& database, Clock& clock);

    const Places& places() const { return places_; }

    /// From now on find(), current(), resolve(), holders and references know the images of these stores too
    /// (homes, in order), where this store has none of that name. They are only read; who uses them is kept
    /// here, and their owners do not know it.
    void look_in(std::vector<std::filesystem::path> homes);
    /// The images of those stores that this one does not have, each of the first store that has it.
    std::map<std::string, std::vector<Generation>> images_elsewhere() const;
    /// The generation whose disk is the backing file of this one's; nothing for a standalone one.
    std::optional<Generation> parent_of(const Generation& generation) const;

    // -- looking
    // ---------------------------------------------------------------------------------------------------

    /// Names of all images, sorted.
    std::vector<std::string> images() const;
    /// All generations of an image, oldest first; empty for an unknown image.
    std::vector<Generation> generations(std::string_view image) const;
    std::optional<Generation> find(std::string_view image, int generation) const;
    /// The generation that new machines get.
    std::optional<Generation> current(std::string_view image) const;
    /// "NAME" -> current generation, "NAME@GEN" -> that one. Throws Failure::usage with "did you mean" for an
    /// unknown name, and says so when an image has no current generation yet.
    Generation resolve(std::string_view spec) const;
    /// resolve() and add_reference() in one step: what comes back cannot vanish any more. Quarantined
    /// generations are refused, and those known to be damaged.
    Generation acquire(std::string_view spec, const Holder& holder);

    // -- references
    // ------------------------------------------------------------------------------------------------

    /// From now on the generation cannot be deleted. Adding twice is once. Throws Failure::domain when the
    /// generation is gone.
    void add_reference(std::string_view image, int generation, const Holder& holder);
    /// Missing is fine.
    void remove_reference(std::string_view image, int generation, const Holder& holder);
    /// Everything this holder holds (an instance that was consolidated, respawned or destroyed).
    void remove_references(const Holder& holder);
    /// Who needs this generation: recorded holders, child generations, and instances whose overlay names its
    /// disk even though no reference was recorded (a database restored from an old copy).
    std::vector<Holder> holders(std::string_view image, int generation) const;
    /// The same for every generation that has holders, by {image, generation}: one look at the database and
    /// at the machines' disks, for lists and collections. `image` empty: all images.
    std::map<std::pair<std::string, int>, std::vector<Holder>> all_holders(std::string_view image = {}) const;

    // -- changes
    // -----------------------------------------------------------------------------------------------------

    /// Makes a candidate (or a retired generation) the current one; the one before is retired. Quarantined:
    /// Failure::integrity.
    Generation promote(std::string_view image, int generation);
    /// What verify found wrong with the generation, of this store or of another; empty: nothing.
    std::string damage(const Generation& generation) const;
    /// Neither quarantined nor known to be damaged: machines, exports and later generations may stand on it.
    bool is_usable(const Generation& generation) const;
    /// Throws Failure::integrity, saying why, when it is not usable.
    void require_usable(const Generation& generation) const;
    /// Throws Failure::integrity when verify found the generation damaged.
    void require_sound(const Generation& generation) const;
    /// What verify found, by generation of `image`; generations in `checked` without a problem are sound
    /// again.
    void record_damage(std::string_view image, const std::vector<int>& checked,
                       const std::map<int, std::string>& problems);
    /// Takes a candidate out of service; `report` is kept beside the generation in
    /// images/NAME/quarantine-GEN.txt.
    void quarantine(std::string_view image, int generation, std::string_view reason,
                    std::string_view report = {});
    /// What rollback() would make current. Throws when there is none.
    Generation rollback_goal(std::string_view image) const;
    /// Back to the newest retired generation older than the current one. Throws when there is none.
    Generation rollback(std::string_view image);
    /// Throws Failure::domain naming every holder while there is one. The current generation goes only when
    /// it is the last one of its image, or with `even_current`. An image without generations is forgotten.
    void remove(std::string_view image, int generation, bool even_current = false);
    /// Several at once, in the order given (differences before what they stand on), under one lock and in one
    /// transaction. What cannot go stays; returned is why, by generation.
    std::map<int, std::string> remove_all(std::string_view image, const std::vector<int>& generations);
    /// All generations or, when somebody needs one of them, none: then Failure::domain naming who.
    void remove_image(std::string_view image);

    // -- for publish, verify and repair
    // --------------------------------------------------------------------------------

    /// images/NAME, created when missing.
    std::filesystem::path image_folder(std::string_view image) const;
    /// Serialises changes of one image between processes and threads; waits with the holder's name in the
    /// timeout error.
    FileLock lock(std::string_view image, std::string_view purpose) const;
    /// A private directory images/NAME/.new-… that is removed by the next command when this process dies.
    struct Scratch {
        std::filesystem::path folder;
        std::string name;  ///< also the Holder{build} name for what the publication reads
        FileLock alive;
    };
    Scratch make_scratch(std::string_view image);
    void drop_scratch(std::string_view image, const Scratch& scratch);
    /// Gives the filled scratch directory the next number, seals it and records it as candidate.
    /// `finish(number)` writes what needs the number (the manifest) into the scratch directory and returns
    /// the record. Complete or absent, whatever happens.
    Generation adopt(std::string_view image, const Scratch& scratch,
                     const std::function<Generation(int number)>& finish);

    /// Finishes or undoes what dead processes left, for all images that nobody works on now. Returns one line
    /// per fixed thing.
    std::vector<std::string> recover();
    std::vector<std::string> recover(std::string_view image);

    StateDb& database() const { return database_; }
    Clock& clock() const { return clock_; }

private:
    std::vector<std::string> recover_locked(std::string_view image);
    void write_index(std::string_view image) const;
    void drop_row(std::string_view image, int generation, bool even_current,
                  const std::vector<OverlayUse>& overlays);
    void remove_rows(std::string_view image, const std::vector<int>& generations, bool even_current,
                     std::map<int, std::string>* refused);
    void finish_removal(std::string_view image, int generation) const;
    void finish_removals(std::string_view image, const std::vector<int>& generations);
    void finish_publication(std::string_view image, int generation, std::vector<std::string>& fixed);
    void sweep_scratch(std::string_view image, std::vector<std::string>& fixed);
    void forget_empty_image(std::string_view image);
    bool has_leftovers(std::string_view image) const;

    /// All generations of an image of other stores; empty when this store has it, or nobody.
    std::vector<Generation> elsewhere(std::string_view image) const;

    Places places_;
    StateDb& database_;
    Clock& clock_;
    std::vector<std::filesystem::path> others_{};
};

}  // namespace imgforge::store
