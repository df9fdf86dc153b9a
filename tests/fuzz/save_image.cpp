// SPDX-License-Identifier: GPL-3.0-or-later
// LIBS: imgforge_virt
// The head of a memory image, and the XML in it: errors must end in an Error. What is read must come out the
// same when written.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "builder/virt/domain_retarget.hpp"
#include "builder/virt/save_image.hpp"
#include "tests/fuzz/harness.hpp"

namespace {

void read_image(const std::string& bytes) {
    const auto head = imgforge::virt::read_save_image_head(bytes);
    const auto again = imgforge::virt::read_save_image_head(imgforge::virt::save_image_head_bytes(head));
    if (again.xml != head.xml || again.cookie != head.cookie || again.stream_offset != head.stream_offset) {
        std::abort();
    }
}

void retarget(const std::string& xml) {
    const std::string out = imgforge::virt::retarget_domain_xml(xml, {.name = "n",
                                                                      .uuid = "u",
                                                                      .generation_id = "g",
                                                                      .disks = {{"vda", "/d"}},
                                                                      .console_socket = "/s",
                                                                      .console_log = "/l"});
    static_cast<void>(imgforge::virt::retarget_domain_xml(out, {.name = "n", .disks = {{"vda", "/d"}}}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string bytes(data, data + size);
    imgforge::fuzz::may_fail([&] { read_image(bytes); });
    imgforge::fuzz::may_fail([&] { retarget(bytes); });
    return 0;
}
