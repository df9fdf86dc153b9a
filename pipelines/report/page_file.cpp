// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/report/page_file.hpp"

#include <fstream>
#include <optional>
#include <string>

#include "builder/base/output_file.hpp"
#include "pipelines/report/junit.hpp"

namespace fs = std::filesystem;

namespace imgforge::report {

namespace {

/// The start of a file, as long as `mark` at most; nothing when it is not a regular file.
std::optional<std::string> start_of(const fs::path& file, std::string_view mark) {
    std::error_code code;
    if (!fs::is_regular_file(file, code)) {
        return std::nullopt;
    }
    std::ifstream stream(file);
    std::string start(mark.size(), '\0');
    stream.read(start.data(), static_cast<std::streamsize>(start.size()));
    start.resize(static_cast<std::size_t>(stream.gcount()));
    return start;
}

/// One of ours and an empty file may be replaced.
OutputFile::Existing may_replace(const fs::path& file, std::string_view mark) {
    const std::optional<std::string> start = start_of(file, mark);
    return start && (start->empty() || *start == mark) ? OutputFile::Existing::replace
                                                       : OutputFile::Existing::refuse;
}

}  // namespace

bool is_own_page(const fs::path& file) {
    return start_of(file, page_start) == std::string(page_start);
}

void write_page(const fs::path& file, const RunReport& run) {
    OutputFile page(file, may_replace(file, page_start), 0644,
                    "it is not a report of imgforge: name another file");
    page.write(html(run));
    page.commit();
}

void write_junit(const fs::path& file, const std::vector<RunReport>& runs) {
    OutputFile results(file, may_replace(file, junit_start), 0644,
                       "it is not a JUnit file of imgforge: name another file");
    results.write(junit_xml(runs));
    results.commit();
}

}  // namespace imgforge::report
