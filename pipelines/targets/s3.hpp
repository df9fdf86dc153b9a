// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>

#include "builder/base/settings.hpp"
#include "pipelines/fetch/http_client.hpp"
#include "pipelines/targets/folder_reader.hpp"
#include "pipelines/targets/folder_writer.hpp"

namespace imgforge::targets {

/// A bucket, or a directory in it, of an S3 service, with path-style URLs.
struct S3Place {
    std::string url;        ///< https://HOST/BUCKET[/FOLDER], without a slash at the end
    fetch::AwsKeys keys{};  ///< without them requests are not signed: a bucket that everybody may read
};

/// The place of a setting: keys come from its `credentials` file, else from AWS_ACCESS_KEY_ID,
/// AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, else from ~/.aws/credentials (profile AWS_PROFILE or
/// default). Throws Failure::usage for a URL with a password in it, Failure::host for a file without keys.
S3Place s3_place(const TargetSetting& setting);

/// The keys of one profile of a credentials file (INI); lines before any [profile] count as its own. Empty
/// ones when the profile is not there.
fetch::AwsKeys parse_credentials(const std::string& text, const std::string& profile);

std::unique_ptr<FolderReader> open_s3_reader(const S3Place& place);
/// Replaces the index by a conditional PUT (If-Match, If-None-Match), which is the lock between writers.
std::unique_ptr<FolderWriter> open_s3_writer(const S3Place& place);

}  // namespace imgforge::targets
