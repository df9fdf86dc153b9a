// SPDX-License-Identifier: GPL-3.0-or-later
// What bench.py needs in addition to the product's own commands: stores of any size, and the injection of an
// install as one command.
#include <charconv>
#include <cstring>
#include <iostream>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "builder/base/clock.hpp"
#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/state_db.hpp"
#include "builder/image/overlay.hpp"
#include "builder/install/initrd_pack.hpp"
#include "pipelines/store/manifest.hpp"
#include "pipelines/store/store.hpp"

namespace imgforge {
namespace {

/// A guest of a few hundred packages, so that the records have the size they have in life.
store::GuestContents contents_of(int variant) {
    store::GuestContents contents{.package_format = "deb", .distribution = "debian", .release = "debian-13"};
    constexpr int packages = 300;
    for (int i = 0; i < packages; ++i) {
        contents.packages.push_back({.name = fmt::format("package-{}", i),
                                     .version = fmt::format("1.{}-{}", i, variant),
                                     .architecture = "amd64"});
    }
    return contents;
}

/// One generation the way publish() makes it, with an empty disk and without QEMU's tools.
store::Generation add_generation(store::Store& store, const std::string& image, int variant) {
    store::Candidate candidate{
        .image = image, .recipe = {{"name", image}, {"os", "debian13"}}, .contents = contents_of(variant)};
    const store::Store::Scratch scratch = store.make_scratch(image);
    const std::filesystem::path disk = scratch.folder / "disk.qcow2";
    image::create_empty_qcow2(disk, ByteSize::gib(2));
    return store.adopt(image, scratch, [&](int number) {
        store::Generation record;
        record.image = image;
        record.generation = number;
        record.folder = store.image_folder(image) / std::to_string(number);
        record.created = store.clock().wall_seconds();
        record.virtual_size = ByteSize::gib(2);
        record.allocated_size = ByteSize::bytes(allocated_size(disk));
        record.sha256 = sha256_file(disk);
        record.content = store::content_digest(candidate.contents, record.virtual_size);
        return write_records(scratch.folder, candidate, std::move(record));
    });
}

int number_of(const char* text) {
    int number = 0;
    const char* const end = text + std::strlen(text);
    if (const auto read = std::from_chars(text, end, number);
        read.ec != std::errc() || read.ptr != end || number < 0) {
        throw Error(Failure::usage, fmt::format("invalid number '{}'", text));
    }
    return number;
}

int make_store(const std::vector<const char*>& words) {
    const Places places{std::filesystem::absolute(words.at(1))};
    places.create();
    StateDb database(places.state_db());
    SystemClock clock;
    store::Store store(places, database, clock);
    const std::string image = words.at(2);
    for (int i = number_of(words.at(3)); i > 0; --i) {
        const store::Generation made = add_generation(store, image, i);
        store.promote(image, made.generation);
    }
    return 0;
}

int inject(const std::vector<const char*>& words) {
    install::pack_initrd(words.at(1), {{.path = "/preseed.cfg", .bytes = read_file(words.at(2))}},
                         words.at(3));
    return 0;
}

int run(const std::vector<const char*>& words) {
    const std::string_view command = words.empty() ? "" : words.front();
    if (command == "store" && words.size() == 4) {
        return make_store(words);
    }
    if (command == "inject" && words.size() == 4) {
        return inject(words);
    }
    std::cerr
        << "bench_tool store HOME IMAGE COUNT      so many more generations, each promoted in its turn\n"
           "bench_tool inject INITRD FILE OUTPUT   FILE as /preseed.cfg into the initrd\n";
    return 2;
}

}  // namespace
}  // namespace imgforge

int main(int count, char** words) {
    try {
        return imgforge::run({words + 1, words + count});
    } catch (const std::exception& error) {
        std::cerr << "bench_tool: " << error.what() << "\n";
        return 1;
    }
}
