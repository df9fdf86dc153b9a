// SPDX-License-Identifier: GPL-3.0-or-later
// LIBS: imgforge_seeds
// A foreign seed: as an ISO image, and as the files on it. Errors must end in an Error or in problems, never
// in anything else.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>

#include "builder/base/fd.hpp"
#include "seeds/answers.hpp"
#include "seeds/seed_reader.hpp"
#include "tests/fuzz/harness.hpp"

namespace {

void read_image(const std::string& bytes) {
    const imgforge::Fd file(::memfd_create("seed", MFD_CLOEXEC));
    imgforge::write_all(file.get(), bytes, "seed");
    static_cast<void>(imgforge::seeds::read_seed("/proc/self/fd/" + std::to_string(file.get())));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string bytes(data, data + size);
    imgforge::fuzz::may_fail([&] { read_image(bytes); });
    if (size > 16384) {
        return 0;  // an ISO image as text only costs time
    }
    static_cast<void>(imgforge::seeds::judge_seed(
        {{"user-data", bytes}, {"meta-data", bytes}, {"network-config", bytes}}, "cidata"));
    static_cast<void>(imgforge::seeds::judge_seed(
        {{"openstack/latest/meta_data.json", bytes}, {"openstack/latest/user_data", bytes}}, "config-2"));
    using imgforge::seeds::AnswerFormat;
    for (const AnswerFormat format :
         {AnswerFormat::preseed, AnswerFormat::autoinstall, AnswerFormat::kickstart, AnswerFormat::autoyast,
          AnswerFormat::agama, AnswerFormat::alpine}) {
        static_cast<void>(imgforge::seeds::check(format, bytes, "fuzz"));
    }
    return 0;
}
