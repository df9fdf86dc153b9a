// SPDX-License-Identifier: GPL-3.0-or-later
// LIBS: imgforge_templates
// FILES: builder/install/console_text.cpp builder/install/install_progress.cpp builder/install/watcher.cpp
// FILES: builder/install/watch_text.cpp builder/install/watcher_verdicts.cpp
// FILES: pipelines/lifecycle/console_log.cpp
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "builder/install/console_text.hpp"
#include "builder/install/watcher.hpp"
#include "pipelines/lifecycle/console_log.hpp"

namespace {

using namespace imgforge;

/// The serial stream in pieces of `step` bytes, a second apart.
void watch(std::string_view bytes, std::size_t step) {
    install::Watcher::Instant now{};
    install::Watcher watcher(templates::distribution("debian13"), {.marker = "IMGFORGE-RESULT: success 0123"},
                             now);
    double before = 0;
    for (std::size_t at = 0; at < bytes.size() && !watcher.outcome(); at += step) {
        now += std::chrono::seconds(1);
        (at % 3 == 0) ? watcher.log(bytes.substr(at, step), now)
                      : watcher.console(bytes.substr(at, step), now);
        watcher.tick(now);
        if (watcher.progress().fraction() < before || watcher.progress().fraction() > 1) {
            std::abort();  // progress never goes back
        }
        before = watcher.progress().fraction();
    }
    watcher.ended(true, "", now);
    if (!watcher.outcome()) {
        std::abort();  // a guest that stopped has an outcome
    }
    static_cast<void>(watcher.tail(20));
}

}  // namespace

/// Whatever a guest writes to its serial ports: the same lines however it is cut, an outcome, and nothing for
/// the terminal but text.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) {
        return 0;
    }
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::size_t step = 1U + data[0];
    install::ConsoleText whole;
    install::ConsoleText cut;
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        for (std::string& line : cut.feed(bytes.substr(at, step))) {
            lines.push_back(std::move(line));
        }
    }
    if (whole.feed(bytes) != lines || whole.partial() != cut.partial()) {
        std::abort();
    }
    for (const char c : lifecycle::clean_console(bytes)) {
        if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') {
            std::abort();
        }
    }
    watch(bytes, step);
    return 0;
}
