// SPDX-License-Identifier: GPL-3.0-or-later
#include "templates/row_records.hpp"

#include <fmt/format.h>

namespace imgforge::templates {

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

namespace {

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
    row.flag("vague", rule.vague);
    row.pattern("then", rule.then);
    if (where != "console" && where != "log" && where != "both")
        row.fault("in", fmt::format("'in' is console, log or both, not '{}'", where));
    rule.on_console = where != "log";
    rule.on_log = where != "console";
    if (rule.pattern.empty() || rule.meaning.empty())
        row.fault("pattern", "a failure needs 'pattern' and 'meaning'");
    return rule;
}

StallRule read_stall(RowReader& row) {
    StallRule rule;
    row.pattern("pattern", rule.pattern);
    row.seconds("after", rule.after);
    row.text("step", rule.step);
    row.text("meaning", rule.meaning);
    row.text("remedy", rule.remedy);
    row.text("answer", rule.answer);
    if (rule.pattern.empty() || rule.meaning.empty() || rule.remedy.empty())
        row.fault("pattern", "a stall needs 'pattern', 'meaning' and 'remedy'");
    return rule;
}

void read_proof(RowReader& row, Proof& proof) {
    std::string text;
    row.text("proven", text);
    if (text.starts_with("installed ")) {
        proof = {.kind = Proof::Kind::installed, .date = text.substr(10)};
    } else if (text == "stand-in") {
        proof = {.kind = Proof::Kind::stand_in};
    } else if (!text.empty() && text != "schema") {
        row.fault("proven", fmt::format("'proven' is schema, stand-in or installed DATE, not '{}'", text));
    }
}

OfficialMedium read_medium(RowReader& row) {
    OfficialMedium medium;
    row.text("arch", medium.arch);
    row.text("url", medium.url);
    row.text("checksums", medium.checksums);
    row.pattern("newest", medium.newest);
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

}  // namespace

void read_row(RowReader& row, Distribution& out) {
    std::string ignored;
    row.text("extends", ignored);
    row.text("name", out.name);
    row.text("family", out.family);
    row.text("product", out.product);
    row.text("version", out.version);
    row.text("codename", out.codename);
    row.text("package-sources", out.package_sources);
    row.text("installer", out.installer);
    row.text("answers", out.answers);
    read_proof(row, out.proven);
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
    prepend_list(row, "stalls", out.stalls, read_stall);
    row.pattern("idle-lines", out.idle_lines);
    row.patterns("finished", out.finished);
    row.texts("installer-logs", out.installer_logs);
    row.mapping("timeouts", [&](RowReader& inner) { read_timeouts(inner, out.timeouts); });
    row.text("login-user", out.login_user);
    replace_list(row, "media", out.media, read_medium);
    row.text("archive", out.archive);
    row.finish();
}

}  // namespace imgforge::templates
