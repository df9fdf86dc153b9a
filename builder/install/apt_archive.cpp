// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/apt_archive.hpp"

#include <algorithm>
#include <ctime>

#include <fmt/format.h>
#include <unistd.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/install/apt_output.hpp"

namespace imgforge::install {

namespace {

std::vector<std::string> split(const std::string& line, char separator) {
    std::vector<std::string> parts;
    for (std::size_t at = 0; at <= line.size();) {
        const std::size_t end = std::min(line.find(separator, at), line.size());
        parts.push_back(line.substr(at, end - at));
        at = end + 1;
    }
    return parts;
}

/// An index that is not the one the Release file names. apt's words for it (apt-pkg/acquire-item.cc), which
/// have no code to go by.
bool stale_index(const std::string& errors) {
    return errors.find("unexpected size") != std::string::npos ||
           errors.find("Hash Sum mismatch") != std::string::npos ||
           errors.find("Mirror sync in progress") != std::string::npos;
}

/// "'http://…/pool/x_1.deb' x_1_amd64.deb 1234 SHA256:…" -> the URI.
std::string uri_of_line(const std::string& line) {
    const std::size_t end = line.find('\'', 1);
    return line.empty() || line.front() != '\'' || end == std::string::npos ? std::string{}
                                                                            : line.substr(1, end - 1);
}

}  // namespace

std::string unescape_uri(std::string_view text) {
    const auto digit = [](char c) {
        return c >= '0' && c <= '9'                     ? c - '0'
               : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                        : -1;
    };
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
            out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

std::string host_mirror(ProcessRunner& runner) {
    const ProcessResult result =
        runner.run({.program = "apt-get",
                    .args = {"indextargets", "--format", "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)",
                             "Created-By: Packages"}});
    if (!result.ok())
        return {};
    for (const std::string& line : output_lines(result.out)) {
        const std::vector<std::string> fields = split(line, '|');
        // ORIGIN is only known once the host has run apt-get update; "-security" and "-updates" are not whole
        // suites.
        const bool known_other =
            fields.size() == 4 && !fields[3].empty() && fields[3] != "Debian" && fields[3].front() != '$';
        if (fields.size() != 4 || fields[2] != "main" || known_other ||
            fields[1].find('-') != std::string::npos)
            continue;
        if (fields[0].compare(0, 4, "http") != 0 && fields[0].compare(0, 5, "file:") != 0)
            continue;
        return fields[0].back() == '/' ? fields[0].substr(0, fields[0].size() - 1) : fields[0];
    }
    return {};
}

AptArchive::AptArchive(ProcessRunner& runner, std::filesystem::path folder, AptSource source)
    : runner_(runner),
      folder_(std::move(folder)),
      configuration_(folder_ / "apt.conf"),
      source_(std::move(source)) {}

void AptArchive::write_configuration(const std::string& suite) const {
    for (const char* sub : {"lists/partial", "cache/archives/partial", "empty.d", "log"})
        make_directories(folder_ / sub);
    write_file_atomically(folder_ / "status", "");
    write_file_atomically(folder_ / "sources.list",
                          fmt::format("deb [arch=amd64 signed-by={}] {} {} {}\n", source_.keyring.string(),
                                      source_.uri, suite, source_.component));
    const std::string folder = folder_.string();
    // Read by -c after the host's own files, so that it wins over them; hooks of the host have nothing to do
    // here.
    std::string text =
        "#clear APT::Update::Pre-Invoke;\n#clear APT::Update::Post-Invoke;\n#clear "
        "APT::Update::Post-Invoke-Success;\n"
        "#clear DPkg::Pre-Invoke;\n#clear DPkg::Post-Invoke;\n#clear DPkg::Pre-Install-Pkgs;\n#clear "
        "APT::Architectures;\n"
        "#clear APT::NeverAutoRemove;\n#clear Acquire::IndexTargets::deb::DEP-11;\n";
    const auto set = [&](std::string_view key, const std::string& value) {
        text += fmt::format("{} \"{}\";\n", key, value);
    };
    set("Dir::State", folder);
    set("Dir::State::lists", folder + "/lists");
    set("Dir::State::status", folder + "/status");
    set("Dir::State::extended_states", folder + "/extended_states");
    set("Dir::Cache", folder + "/cache");
    set("Dir::Cache::pkgcache", folder + "/cache/pkgcache.bin");
    set("Dir::Cache::srcpkgcache", "");
    set("Dir::Etc::sourcelist", folder + "/sources.list");
    set("Dir::Etc::sourceparts", folder + "/empty.d");
    set("Dir::Etc::preferences", "/dev/null");
    set("Dir::Etc::preferencesparts", folder + "/empty.d");
    set("Dir::Etc::trusted", "/dev/null");
    set("Dir::Etc::trustedparts", folder + "/empty.d");
    set("Dir::Log", folder + "/log");
    set("APT::Architecture", "amd64");
    text += "APT::Architectures { \"amd64\"; };\n";
    set("APT::Default-Release", "");
    set("APT::Install-Recommends", "false");
    set("APT::Install-Suggests", "false");
    set("APT::Get::Assume-Yes", "true");
    set("APT::Get::AllowUnauthenticated", "false");
    set("Acquire::AllowInsecureRepositories", "false");
    set("Acquire::Languages", "none");
    set("Acquire::PDiffs", "false");
    // As root, apt would download as the user _apt, who cannot write into a private directory.
    if (::geteuid() == 0)
        set("APT::Sandbox::User", "root");
    write_file_atomically(configuration_, text);
}

ProcessSpec AptArchive::apt(std::vector<std::string> args) const {
    args.insert(args.begin(), {"-c", configuration_.string()});
    return {.program = "apt-get", .args = std::move(args), .timeout = std::chrono::minutes(15)};
}

std::string AptArchive::update_as(const std::string& suite) {
    write_configuration(suite);
    const ProcessSpec spec = apt({"update", "-qq", "--error-on=any"});
    const ProcessResult result = runner_.run(spec);
    if (!result.ok()) {
        const std::string errors = apt_errors(result);
        if (errors.empty())
            throw process_error(spec, result);
        return errors;
    }
    read_release();
    return {};
}

void AptArchive::update() {
    if (!std::filesystem::exists(source_.keyring))
        throw Error(Failure::host,
                    fmt::format("the keys of the Debian archive are missing: {}", source_.keyring.string()),
                    "apt-get install debian-archive-keyring");
    const std::string errors = update_as(source_.suite);
    if (errors.empty())
        return;
    if (stale_index(errors)) {
        for (const char* alias : {"stable", "oldstable", "oldoldstable", "testing"}) {
            remove_tree(folder_ / "lists");  // a Release file of another name would be read in its place
            if (update_as(alias).empty() && release_.codename == source_.suite) {
                alias_ = alias;
                return;
            }
        }
    }
    throw Error(Failure::tool,
                fmt::format("apt cannot read {} {} from {}: {}", source_.suite, source_.component,
                            source_.uri, errors),
                "check the network and the mirror; name another with --mirror");
}

void AptArchive::load() {
    const ProcessResult targets =
        run_checked(runner_, apt({"indextargets", "--format", "$(FILENAME)", "Created-By: Packages"}));
    const std::vector<std::string> files = output_lines(targets.out);
    if (files.empty())
        throw Error(Failure::tool, fmt::format("apt has no index of {} {} from {}", source_.suite,
                                               source_.component, source_.uri));
    // The file may be stored compressed; apt knows how.
    ProcessSpec cat{.program = apt_helper, .args = {"cat-file", files.front()}};
    cat.output_limit = 512U << 20U;
    index_ = PackageIndex(run_checked(runner_, cat).out);
}

void AptArchive::read_release() {
    release_ = {};
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "lists")) {
        const std::string name = entry.path().filename().string();
        if (!name.ends_with("InRelease") && !name.ends_with("_Release"))
            continue;
        const std::string text = read_file(entry.path());
        const std::size_t begin = text.find("\n\n");
        const Stanza release(text.compare(0, 5, "-----") == 0 && begin != std::string::npos
                                 ? std::string_view(text).substr(begin + 2)
                                 : std::string_view(text));
        release_ = {.version = release.field("Version"),
                    .codename = release.field("Codename"),
                    .date = release.field("Date"),
                    .sha256 = sha256_hex(text)};
        std::tm when{};
        if (::strptime(release_.date.c_str(), "%a, %d %b %Y %H:%M:%S", &when) != nullptr)
            release_.seconds = ::timegm(&when);
    }
    if (release_.codename.empty())
        throw Error(Failure::tool, fmt::format("the Release file of {} from {} has no code name",
                                               source_.suite, source_.uri));
}

std::vector<IndexedPackage> AptArchive::resolve(const std::vector<std::string>& wanted) {
    std::vector<std::string> args = {"--print-uris", "-qq", "install", "--"};
    args.insert(args.end(), wanted.begin(), wanted.end());
    const ProcessSpec spec = apt(args);
    const ProcessResult result = runner_.run(spec);
    if (!result.ok()) {
        const std::string errors = apt_errors(result);
        if (errors.empty())
            throw process_error(spec, result);
        throw Error(Failure::recipe,
                    fmt::format("the packages for the installer ISO are not available from {}: {}",
                                source_.suite, errors),
                    "correct the names in the recipe's packages");
    }
    std::vector<IndexedPackage> packages;
    const std::string base = source_.uri + "/";
    for (const std::string& line : output_lines(result.out)) {
        const std::string uri = uri_of_line(line);
        if (uri.compare(0, base.size(), base) == 0)
            packages.push_back(index_.by_path(unescape_uri(uri.substr(base.size()))));
    }
    std::sort(packages.begin(), packages.end(),
              [](const IndexedPackage& a, const IndexedPackage& b) { return a.path < b.path; });
    return packages;
}

}  // namespace imgforge::install
