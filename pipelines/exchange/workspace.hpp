// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include "builder/base/interrupt.hpp"
#include "builder/base/log.hpp"
#include "pipelines/store/store.hpp"

namespace imgforge::exchange {

/// The directory of unfinished work beside an image's generations. Gone when the object goes; the next
/// command removes it when this process is killed, with the references that its holder() has.
class Workspace {
public:
    Workspace(store::Store& store, std::string image)
        : store_(store), image_(std::move(image)), scratch_(store.make_scratch(image_)) {}
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;
    ~Workspace() {
        const interrupt::Shield shield;
        try {
            store_.drop_scratch(image_, scratch_);
        } catch (const std::exception& fault) {
            log::warn("removing " + scratch_.folder.string() + ": " + fault.what());
        }
    }

    const std::filesystem::path& folder() const { return scratch_.folder; }
    std::filesystem::path operator/(const char* name) const { return scratch_.folder / name; }
    /// In whose name a generation is kept while it is read.
    store::Holder holder() const { return {store::Holder::Kind::build, scratch_.name}; }

private:
    store::Store& store_;
    std::string image_;
    store::Store::Scratch scratch_;
};

}  // namespace imgforge::exchange
