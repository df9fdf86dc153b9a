// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>
#include <vector>

namespace imgforge::sysprep::audit {

/// When a file that a row names is a finding.
enum class SiteState {
    filled,      ///< a regular file with content, or one below a directory of that name
    has_lines,   ///< a line that is neither empty nor a comment: programs bring commented templates
    private_key  ///< as `filled`, but not a certificate, a public key or a text for people
};

/// Files that sysprep leaves, since an administrator may have put them there on purpose.
struct SiteRow {
    const char* kind;   ///< the rule is "site:" and this
    const char* what;   ///< what it is, for the report
    const char* paths;  ///< patterns as words, notation of Operation::paths ("~/" and braces)
    SiteState state = SiteState::filled;
};

const std::vector<SiteRow>& site_rows();

/// Whether a file of settings holds something: more than comments, names of sections and includes.
bool has_lines(std::string_view text);

}  // namespace imgforge::sysprep::audit
