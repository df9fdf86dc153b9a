// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/report/page_file.hpp"

#include <fstream>

#include "builder/base/output_file.hpp"

namespace fs = std::filesystem;

namespace imgforge::report {

namespace {

bool is_ours_or_empty(const fs::path& file) {
    std::error_code code;
    if (!fs::is_regular_file(file, code)) {
        return false;
    }
    std::ifstream stream(file);
    std::string start(page_start.size(), '\0');
    stream.read(start.data(), static_cast<std::streamsize>(start.size()));
    return stream.gcount() == 0 || start == page_start;
}

}  // namespace

void write_page(const fs::path& file, const RunReport& run) {
    OutputFile page(file,
                    is_ours_or_empty(file) ? OutputFile::Existing::replace : OutputFile::Existing::refuse,
                    0644, "it is not a report of imgforge: name another file");
    page.write(html(run));
    page.commit();
}

}  // namespace imgforge::report
