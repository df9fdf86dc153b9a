// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/report/page_file.hpp"

#include <fstream>
#include <optional>
#include <string>

#include "builder/base/output_file.hpp"

namespace fs = std::filesystem;

namespace imgforge::report {

namespace {

/// The start of a file, as long as page_start at most; nothing when it is not a regular file.
std::optional<std::string> start_of(const fs::path& file) {
    std::error_code code;
    if (!fs::is_regular_file(file, code)) {
        return std::nullopt;
    }
    std::ifstream stream(file);
    std::string start(page_start.size(), '\0');
    stream.read(start.data(), static_cast<std::streamsize>(start.size()));
    start.resize(static_cast<std::size_t>(stream.gcount()));
    return start;
}

}  // namespace

bool is_own_page(const fs::path& file) {
    return start_of(file) == std::string(page_start);
}

void write_page(const fs::path& file, const RunReport& run) {
    OutputFile page(file,
                    is_own_page(file) || start_of(file) == "" ? OutputFile::Existing::replace
                                                              : OutputFile::Existing::refuse,
                    0644, "it is not a report of imgforge: name another file");
    page.write(html(run));
    page.commit();
}

}  // namespace imgforge::report
