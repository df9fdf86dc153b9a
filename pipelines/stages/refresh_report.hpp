// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "builder/base/monitor.hpp"
#include "builder/base/process.hpp"
#include "pipelines/stages/refresh.hpp"

namespace imgforge::stages {

/// The `refresh` record: {images:[{name, action, reason, outcome, before, after, seconds, error, changes}],
/// published, unchanged, failed}.
Json refresh_record(const std::vector<RefreshResult>& results);
/// One line per image, then the totals.
std::string refresh_text(const std::vector<RefreshResult>& results);
/// What `refresh --list` says of planned results, images without work left out: {images:[{name, action,
/// cost:{memory, cpus, disk}, why}]}, sizes in bytes.
Json refresh_list_record(const std::vector<RefreshResult>& results);
std::string refresh_list_text(const std::vector<RefreshResult>& results);
/// For a mail: a subject line, the lines above, what changed, errors with their run directories. Redacted.
std::string refresh_mail(const std::vector<RefreshResult>& results, const std::string& host);
/// Prometheus text format for node_exporter's textfile collector.
std::string refresh_metrics(const std::vector<RefreshResult>& results, std::int64_t now);

/// Runs the `notify:` command of the settings ({command: [PROGRAM, ARG…], on: [failure, change, always]})
/// with the mail on its stdin when the results call for it; its failure is a warning. True when it was run. A
/// recipe cannot name a command.
bool notify(const NotifySetting& setting, const std::vector<RefreshResult>& results, const std::string& host,
            ProcessRunner& processes, Monitor& monitor);

}  // namespace imgforge::stages
