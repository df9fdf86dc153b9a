// SPDX-License-Identifier: GPL-3.0-or-later
#include "templates/distribution.hpp"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <mutex>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/error.hpp"
#include "builder/base/places.hpp"
#include "builder/base/suggestion.hpp"
#include "templates/row_reader.hpp"

namespace imgforge::templates {

namespace {

Detection read_detection(RowReader& row) {
    Detection rule;
    row.pattern("label", rule.label);
    row.texts("files", rule.files);
    row.texts("absent", rule.absent);
    row.text("file", rule.file);
    row.pattern("match", rule.match);
    row.text_map("captures", rule.captures);
    row.text("reason", rule.reason);
    if (rule.match.empty() != rule.file.empty())
        row.fault("file", "'file' and 'match' belong together");
    if (rule.label.empty() && rule.files.empty() && rule.file.empty())
        row.fault("label", "a detection rule needs 'label', 'files' or 'file'");
    return rule;
}

StageWeight read_stage(RowReader& row) {
    StageWeight stage;
    row.text("name", stage.name);
    row.text("title", stage.title);
    row.pattern("pattern", stage.pattern);
    row.pattern("log", stage.log_pattern);
    row.pattern("progress", stage.progress);
    row.number("weight", stage.weight);
    if (stage.pattern.empty() && stage.log_pattern.empty())
        row.fault("pattern", "a stage needs 'pattern' or 'log'");
    return stage;
}

QuestionRule read_question(RowReader& row) {
    QuestionRule rule;
    row.pattern("pattern", rule.pattern);
    row.text("step", rule.step);
    row.text("during", rule.during);
    row.text("meaning", rule.meaning);
    row.text("remedy", rule.remedy);
    row.text("answer", rule.answer);
    if (rule.pattern.empty() || rule.meaning.empty() || rule.remedy.empty())
        row.fault("pattern", "a question needs 'pattern', 'meaning' and 'remedy'");
    return rule;
}

FailureRule read_failure(RowReader& row) {
    FailureRule rule;
    std::string where = "console";
    row.pattern("pattern", rule.pattern);
    row.text("meaning", rule.meaning);
    row.text("remedy", rule.remedy);
    row.text("answer", rule.answer);
    row.text("in", where);
    row.pattern("unless", rule.unless);
    row.seconds("grace", rule.grace);
    row.flag("explains", rule.explains);
    row.flag("transient", rule.transient);
    if (where != "console" && where != "log" && where != "both")
        row.fault("in", fmt::format("'in' is console, log or both, not '{}'", where));
    rule.on_console = where != "log";
    rule.on_log = where != "console";
    if (rule.pattern.empty() || rule.meaning.empty())
        row.fault("pattern", "a failure needs 'pattern' and 'meaning'");
    return rule;
}

OfficialMedium read_medium(RowReader& row) {
    OfficialMedium medium;
    row.text("arch", medium.arch);
    row.text("url", medium.url);
    row.text("checksums", medium.checksums);
    row.text("signature", medium.signature);
    row.text("keyring", medium.keyring);
    row.text("keyring-package", medium.keyring_package);
    return medium;
}

LogChannel read_channel(RowReader& row) {
    LogChannel channel;
    std::string kind;
    row.text("kind", kind);
    row.text("name", channel.name);
    if (kind != "serial" && kind != "virtio")
        row.fault("kind", fmt::format("'kind' is serial or virtio, not '{}'", kind));
    channel.kind = kind == "virtio" ? LogChannel::Kind::virtio : LogChannel::Kind::serial;
    return channel;
}

void read_delivery(RowReader& row, Delivery& delivery) {
    std::string method;
    row.text("method", method);
    row.text("path", delivery.path);
    row.text("label", delivery.label);
    if (method == "initrd")
        delivery.method = Delivery::Method::initrd;
    else if (method == "iso")
        delivery.method = Delivery::Method::iso;
    else if (method == "none")
        delivery.method = Delivery::Method::none;
    else
        row.fault("method", fmt::format("'method' is initrd, iso or none, not '{}'", method));
}

void read_boot(RowReader& row, std::vector<BootFiles>& boot) {
    boot.clear();
    std::vector<std::string> archs = {"amd64", "x86_64",  "arm64",   "aarch64",
                                      "i386",  "ppc64el", "ppc64le", "s390x"};
    for (const std::string& arch : archs) {
        row.mappings(arch, [&](RowReader& files) {
            BootFiles candidate{.arch = arch, .kernel = {}, .initrd = {}};
            files.text("kernel", candidate.kernel);
            files.text("initrd", candidate.initrd);
            boot.push_back(std::move(candidate));
        });
    }
}

void read_processor(RowReader& row, ProcessorLevel& level) {
    std::string text;
    row.text("processor", text);
    if (text.empty())
        return;
    if (const auto known = parse_processor_level(text))
        level = *known;
    else
        row.fault("processor",
                  fmt::format("'processor' is x86-64-v1, x86-64-v2 or x86-64-v3, not '{}'", text));
}

MediumFact read_fact(RowReader& row) {
    MediumFact fact;
    row.text("name", fact.name);
    row.text("file", fact.file);
    row.pattern("match", fact.match);
    row.text("fallback", fact.fallback);
    if (fact.name.empty() || fact.file.empty() || fact.match.empty())
        row.fault("name", "a fact needs 'name', 'file' and 'match'");
    return fact;
}

void read_timeouts(RowReader& row, Timeouts& timeouts) {
    row.seconds("first-byte", timeouts.first_byte);
    row.seconds("question", timeouts.question);
    row.seconds("silence", timeouts.silence);
    row.seconds("total", timeouts.total);
    row.seconds("power-off", timeouts.power_off);
}

/// A list of records that replaces what the family gave.
template <class Record, class Read>
void replace_list(RowReader& row, std::string_view key, std::vector<Record>& list, Read read) {
    if (row.has(key))
        list.clear();
    row.mappings(key, [&](RowReader& inner) { list.push_back(read(inner)); });
}

/// A list of records that goes before what the family gave: the special case is tried first.
template <class Record, class Read>
void prepend_list(RowReader& row, std::string_view key, std::vector<Record>& list, Read read) {
    std::vector<Record> own;
    row.mappings(key, [&](RowReader& inner) { own.push_back(read(inner)); });
    list.insert(list.begin(), std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()));
}

void read_row(RowReader& row, Distribution& out) {
    std::string ignored;
    row.text("extends", ignored);
    row.text("name", out.name);
    row.text("family", out.family);
    row.text("product", out.product);
    row.text("version", out.version);
    row.text("codename", out.codename);
    row.text("installer", out.installer);
    row.text("answers", out.answers);
    row.flag("proven", out.proven);
    replace_list(row, "detect", out.detect, read_detection);
    prepend_list(row, "reject", out.reject, read_detection);
    row.mapping("boot", [&](RowReader& inner) { read_boot(inner, out.boot); });
    row.texts("offline-files", out.offline_files);
    row.text("kernel-line", out.kernel_line);
    replace_list(row, "facts", out.facts, read_fact);
    read_processor(row, out.processor);
    row.mapping("memory", [&](RowReader& inner) {
        inner.size("minimum", out.memory_minimum);
        inner.size("recommended", out.memory_recommended);
    });
    row.size("disk-minimum", out.disk_minimum);
    row.mapping("delivery", [&](RowReader& inner) { read_delivery(inner, out.delivery); });
    replace_list(row, "channels", out.channels, read_channel);
    replace_list(row, "stages", out.stages, read_stage);
    row.pattern("progress", out.progress);
    row.patterns("prompts", out.prompts);
    row.pattern("question-start", out.question_start);
    prepend_list(row, "questions", out.questions, read_question);
    prepend_list(row, "failures", out.failures, read_failure);
    row.patterns("finished", out.finished);
    row.texts("installer-logs", out.installer_logs);
    row.mapping("timeouts", [&](RowReader& inner) { read_timeouts(inner, out.timeouts); });
    row.text("login-user", out.login_user);
    replace_list(row, "media", out.media, read_medium);
    row.text("archive", out.archive);
    row.finish();
}

void check_complete(const YamlDocument& document, const Distribution& row, Diagnostics& faults) {
    const auto want = [&](bool present, std::string_view key) {
        if (!present)
            faults.add(document.at("", fmt::format("'{}' is missing here and in the family", key)));
    };
    want(!row.name.empty(), "name");
    want(!row.family.empty(), "family");
    want(!row.product.empty(), "product");
    want(!row.installer.empty(), "installer");
    want(!row.answers.empty(), "answers");
    want(!row.detect.empty(), "detect");
    want(!row.boot.empty(), "boot");
    want(!row.kernel_line.empty(), "kernel-line");
    want(row.memory_minimum > ByteSize{}, "memory/minimum");
    want(row.memory_recommended >= row.memory_minimum, "memory/recommended (not below the minimum)");
    want(row.disk_minimum > ByteSize{}, "disk-minimum");
    want(!row.stages.empty(), "stages");
    want(!row.login_user.empty(), "login-user");
}

/// Loads rows from one folder; families are read once however many rows they have.
class Loader {
public:
    Loader(std::filesystem::path folder, bool check_patterns)
        : folder_(std::move(folder)), check_patterns_(check_patterns) {}

    Distribution load(const std::filesystem::path& file) {
        const YamlDocument document = load_yaml(file.string());
        Distribution row;
        if (const auto family = document.root.find("extends");
            family != document.root.end() && family->is_string())
            row = family_row(family->get<std::string>());
        RowReader reader(document, document.root, "", faults_, check_patterns_);
        read_row(reader, row);
        const Distribution& generic = family_row("generic");
        row.failures.insert(row.failures.end(), generic.failures.begin(), generic.failures.end());
        check_complete(document, row, faults_);
        if (row.name != file.stem().string())
            faults_.add(document.at("/name", fmt::format("the row is called '{}' but its file '{}'", row.name,
                                                         file.filename().string())));
        return row;
    }

    std::vector<std::filesystem::path> files() const {
        std::vector<std::filesystem::path> found;
        std::error_code failed;
        for (const auto& entry : std::filesystem::directory_iterator(folder_ / "distributions", failed)) {
            if (entry.path().extension() == ".yaml")
                found.push_back(entry.path());
        }
        if (failed)
            throw Error(Failure::host,
                        fmt::format("cannot read the distribution templates in {}: {}", folder_.string(),
                                    failed.message()),
                        "reinstall imgforge, or set IMGFORGE_DATA to its data folder");
        std::sort(found.begin(), found.end());
        return found;
    }

    void throw_faults() {
        faults_.sort();
        faults_.throw_if_errors();
    }

private:
    const Distribution& family_row(const std::string& name) {
        const auto known = families_.find(name);
        if (known != families_.end())
            return known->second;
        const YamlDocument document = load_yaml((folder_ / "families" / (name + ".yaml")).string());
        Distribution row;
        RowReader reader(document, document.root, "", faults_, check_patterns_);
        read_row(reader, row);
        return families_.emplace(name, std::move(row)).first->second;
    }

    std::filesystem::path folder_;
    bool check_patterns_;
    Diagnostics faults_;
    std::map<std::string, Distribution> families_;
};

std::vector<Distribution> load_all(const std::filesystem::path& folder, bool check_patterns) {
    Loader loader(folder, check_patterns);
    std::vector<Distribution> rows;
    for (const std::filesystem::path& file : loader.files())
        rows.push_back(loader.load(file));
    loader.throw_faults();
    return rows;
}

}  // namespace

std::vector<Distribution> load_distributions(const std::string& folder) {
    return load_all(folder, true);
}

const std::vector<Distribution>& distributions() {
    static const std::vector<Distribution> rows = load_all(data_path("templates"), false);
    return rows;
}

const Distribution& distribution(std::string_view name) {
    static std::mutex mutex;
    static std::map<std::string, Distribution, std::less<>> loaded;
    const std::lock_guard lock(mutex);
    if (const auto known = loaded.find(name); known != loaded.end())
        return known->second;
    // One row is wanted, so only its file is read.
    Loader loader(data_path("templates"), false);
    std::vector<std::string> names;
    for (const std::filesystem::path& file : loader.files()) {
        names.push_back(file.stem().string());
        if (names.back() != name)
            continue;
        Distribution row = loader.load(file);
        loader.throw_faults();
        return loaded.emplace(names.back(), std::move(row)).first->second;
    }
    throw Error(Failure::recipe,
                fmt::format("no distribution '{}' is known{}", name, did_you_mean(name, names)),
                fmt::format("known: {}", fmt::join(names, ", ")));
}

std::vector<std::string> distribution_names() {
    std::vector<std::string> names;
    for (const std::filesystem::path& file : Loader(data_path("templates"), false).files())
        names.push_back(file.stem().string());
    return names;
}

std::string render_kernel_line(const Distribution& row, const std::map<std::string, std::string>& facts) {
    std::string line;
    std::size_t from = 0;
    for (std::size_t open = row.kernel_line.find('{'); open != std::string::npos;
         open = row.kernel_line.find('{', from)) {
        const std::size_t close = row.kernel_line.find('}', open);
        if (close == std::string::npos)
            break;
        line.append(row.kernel_line, from, open - from);
        const std::string key = row.kernel_line.substr(open + 1, close - open - 1);
        const auto fact = facts.find(key);
        if (fact == facts.end())
            throw Error(Failure::recipe,
                        fmt::format("the kernel line of {} needs '{}', which this medium does not tell",
                                    row.name, key));
        for (const char c : fact->second) {
            // dracut splits the command line at blanks; udev's encoding of a label is what hd:LABEL= compares
            // with.
            if (key == "label" && c == ' ')
                line += "\\x20";
            else
                line += c;
        }
        from = close + 1;
    }
    line.append(row.kernel_line, from);
    while (!line.empty() && line.back() == ' ')
        line.pop_back();
    return line;
}

}  // namespace imgforge::templates
