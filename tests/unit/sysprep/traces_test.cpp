// SPDX-License-Identifier: GPL-3.0-or-later
// Lists of traces, each on a guest of its own kind: sysprep cleans it, or the audit names it.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <random>
#include <regex>
#include <set>
#include <sstream>

#include "builder/base/file.hpp"
#include "sysprep/audit/content_scan.hpp"
#include "sysprep/audit/rules.hpp"
#include "sysprep/audit/secret_patterns.hpp"
#include "sysprep/registry.hpp"
#include "sysprep/runner.hpp"
#include "sysprep/selection.hpp"
#include "tests/support/memory_guest_fs.hpp"
#include "tests/support/require.hpp"
#include "tests/unit/sysprep/operation_runs.hpp"

namespace imgforge::sysprep {
namespace {

using guest::MemoryGuestFs;
using testing::IsEmpty;

struct Trace {
    std::string group;
    std::string path;
    std::string content;
};

/// As long as the placeholder says: <a20> letters and digits, <h20> hexadecimal, <d20> digits, <u20> base 32.
std::string drawn(char kind, std::size_t length, std::mt19937& random) {
    static const std::map<char, std::string> alphabets{
        {'a', "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"},
        {'h', "0123456789abcdef"},
        {'d', "0123456789"},
        {'u', "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"}};
    const std::string& alphabet = alphabets.at(kind);
    std::string out;
    while (out.size() < length) {
        out += alphabet[random() % alphabet.size()];
    }
    return out;
}

/// Placeholders drawn, "\n" as line ends, PEM as a private key. No token stands in the list: scanners of
/// repositories would take it for a real one.
std::string written_out(std::string text) {
    static std::mt19937 random(16);
    static const std::regex placeholder("<([ahdu])([0-9]+)>");
    for (std::smatch match; std::regex_search(text, match, placeholder);) {
        text = match.prefix().str() + drawn(match[1].str()[0], std::stoul(match[2]), random) +
               match.suffix().str();
    }
    for (std::size_t at = 0; (at = text.find("\\n", at)) != std::string::npos;) {
        text.replace(at, 2, "\n");
    }
    if (const std::size_t at = text.find("PEM"); at != std::string::npos) {
        text.replace(at, 3,
                     std::string("-----BEGIN ") + "PRIVATE KEY-----\n" + drawn('a', 64, random) + "\n" +
                         drawn('a', 40, random) + "\n-----END PRIVATE KEY-----\n");
    }
    return text;
}

std::vector<Trace> read_traces(const std::filesystem::path& file) {
    constexpr std::uintmax_t limit = 1U << 20U;
    std::istringstream lines(read_file(file, limit));
    std::vector<Trace> out;
    std::string line;
    std::getline(lines, line);  // names of the columns
    while (std::getline(lines, line)) {
        const std::size_t first = line.find('\t');
        const std::size_t second = line.find('\t', first + 1);
        out.push_back({line.substr(0, first), line.substr(first + 1, second - first - 1),
                       written_out(line.substr(second + 1))});
    }
    return out;
}

MemoryGuestFs guest_with(const std::vector<Trace>& traces) {
    MemoryGuestFs fs({{"/etc/passwd",
                       "root:x:0:0::/root:/bin/sh\nghrunner:x:1001:1001::/home/ghrunner:/bin/sh\n"
                       "gitlab-runner:x:998:998::/var/lib/gitlab-runner:/bin/sh\n"
                       "nagios:x:997:997::/var/lib/nagios:/bin/sh\n"},
                      {"/etc/hostname", "golden-build-01\n"}});
    for (const Trace& trace : traces) {
        fs.add(trace.path, trace.content, 0600);
    }
    return fs;
}

void search_tree(MemoryGuestFs& fs, const std::string& folder, audit::GuestTree& tree,
                 audit::ContentScan& scan) {
    for (const guest::DirEntry& entry : fs.list(folder)) {
        const std::string path = guest::join_path(folder, entry.name);
        audit::TreeEntry node{.stat = entry.stat};
        if (entry.stat.type == guest::FileType::regular) {
            node.content = fs.read(path);
            scan.file(path, *node.content);
        }
        tree.add(path, node);
        if (entry.stat.type == guest::FileType::directory) {
            search_tree(fs, path, tree, scan);
        }
    }
}

std::set<std::string> audited(MemoryGuestFs& fs) {
    static const audit::Matcher matcher(audit::generic_patterns());
    audit::ContentScan scan(matcher);
    audit::GuestTree tree;
    search_tree(fs, "/", tree, scan);
    const guest::Inspection os = test::debian("golden-build-01");
    const audit::Expectations expect;
    auto findings = audit::check_guest({.tree = tree, .os = os, .expect = expect, .initramfs_identity = {}});
    for (audit::Finding& finding : scan.take_findings()) {
        findings.push_back(std::move(finding));
    }
    std::set<std::string> paths;
    for (const audit::Finding& finding : findings) {
        paths.insert(finding.path);
    }
    return paths;
}

/// "group: path" of each trace that neither sysprep changes nor the audit names.
std::vector<std::string> missed(const std::vector<Trace>& traces) {
    MemoryGuestFs fs = guest_with(traces);
    for (const Operation& operation : select_operations("", all_operations())) {
        perform(operation, fs, test::debian("golden-build-01"), {});
    }
    const std::set<std::string> found = audited(fs);
    std::vector<std::string> out;
    for (const Trace& trace : traces) {
        const bool cleaned = !fs.is_file(trace.path) || fs.read(trace.path) != trace.content;
        if (!cleaned && !found.contains(trace.path)) {
            out.push_back(trace.group + ": " + trace.path);
        }
    }
    return out;
}

TEST(Traces, of_the_list_are_cleaned_or_found) {
    const auto traces =
        read_traces(std::filesystem::path(IMGFORGE_SOURCE_DIR) / "tests/data/sysprep/traces.tsv");
    ASSERT_GT(traces.size(), 150U);
    EXPECT_THAT(missed(traces), IsEmpty());
}

TEST(Traces, of_the_shared_list_are_cleaned_or_found) {
    const std::filesystem::path file =
        std::filesystem::path(IMGFORGE_SOURCE_DIR) / "../shared/cases/sysprep/traces.tsv";
    if (!std::filesystem::exists(file)) {
        IMGFORGE_SKIP("shared", "../shared/cases/sysprep is missing");
    }
    const auto traces = read_traces(file);
    ASSERT_GT(traces.size(), 100U);
    EXPECT_THAT(missed(traces), IsEmpty());
}

}  // namespace
}  // namespace imgforge::sysprep
