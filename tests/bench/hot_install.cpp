// SPDX-License-Identifier: GPL-3.0-or-later
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/install/console_text.hpp"
#include "builder/install/initrd_pack.hpp"

namespace imgforge::install {
namespace {

void inject_into_initrd(benchmark::State& state) {
    const TempDir folder;
    // An uncompressed cpio trailer behind 32 MiB of NULs stands for a large initrd: what counts is the copy.
    std::string initrd(32U << 20U, '\0');
    const std::string trailer =
        "070701" + std::string(8 * 11, '0') + "0000000b" + "00000000" + std::string("TRAILER!!!\0\0\0\0", 14);
    initrd.replace(0, trailer.size(), trailer);
    write_file_atomically(folder / "initrd", initrd);
    const std::vector<InitrdMember> members = {{.path = "/preseed.cfg", .bytes = std::string(4000, 'p')}};
    for (auto _ : state) {
        pack_initrd(folder / "initrd", members, folder / "packed");
    }
}
BENCHMARK(inject_into_initrd)->Unit(benchmark::kMillisecond);

/// What a serial port gives while an installer draws its progress bar, in reads of the given size.
void decode_console(benchmark::State& state) {
    std::string stream;
    while (stream.size() < (1U << 20U)) {
        stream += "\x1b[12;4H\x1b[0;37;44m Unpacking libc6:amd64 (2.41-12) ...\x1b[K\r\n";
        stream += "[   12.345678] EXT4-fs (vda1): mounted filesystem with ordered data mode\r\n";
        stream += "\r  45%\r  46%\r  47%\x08\x08";
    }
    const auto piece = static_cast<std::size_t>(state.range(0));
    for (auto _ : state) {
        ConsoleText text;
        for (std::size_t at = 0; at < stream.size(); at += piece) {
            benchmark::DoNotOptimize(text.feed(std::string_view(stream).substr(at, piece)));
        }
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(stream.size()));
}
BENCHMARK(decode_console)->Arg(64)->Arg(4096)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace imgforge::install
