// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "builder/base/clock.hpp"
#include "builder/base/digest.hpp"
#include "builder/base/file.hpp"
#include "builder/base/places.hpp"
#include "builder/base/state_db.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/image/qcow2_header.hpp"
#include "pipelines/store/index_file.hpp"
#include "pipelines/store/store.hpp"

namespace imgforge::test {

/// Puts a generation of a few bytes into the store by the same way publish() goes, without any disk tool.
inline store::Generation add_generation(store::Store& store, const std::string& image,
                                        const std::string& bytes = "disk") {
    const store::Store::Scratch scratch = store.make_scratch(image);
    write_file_atomically(scratch.folder / "disk.qcow2", bytes);
    return store.adopt(image, scratch, [&](int number) {
        store::Generation record;
        record.image = image;
        record.generation = number;
        record.folder = store.image_folder(image) / std::to_string(number);
        record.sha256 = sha256_hex(bytes);
        record.content = record.sha256;
        record.created = store.clock().wall_seconds();
        record.virtual_size = bytes.rfind("QFI", 0) == 0
                                  ? image::read_qcow2_header(scratch.folder / "disk.qcow2").virtual_size
                                  : ByteSize::bytes(bytes.size());
        record.allocated_size = ByteSize::bytes(bytes.size());
        Json own = store::to_json(record);
        own.erase("manifest_sha256");
        own["image"] = image;
        const std::string text = pretty(Json{{"store", own}});
        write_file_atomically(scratch.folder / "manifest.json", text);
        record.manifest_sha256 = sha256_hex(text);
        return record;
    });
}

/// Memory where there is some, for tests that are about processes and not about disks.
inline std::filesystem::path fast_folder() {
    return std::filesystem::is_directory("/dev/shm") ? "/dev/shm" : "";
}

/// A store in a directory of its own; `parent` as for TempDir.
struct StoreHome {
    explicit StoreHome(const std::filesystem::path& parent = fast_folder())
        : folder("imgforge-store-test", parent) {}
    TempDir folder;
    Places places{folder.path()};
    SystemClock clock;
    StateDb database{places.state_db()};
    store::Store store{places, database, clock};
};

}  // namespace imgforge::test
