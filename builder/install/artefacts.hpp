// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace imgforge::install {

/// The directory of what a run leaves behind (runs/ID/install). Nothing in it holds a secret: texts are
/// masked.
class Artefacts {
public:
    explicit Artefacts(std::filesystem::path folder);

    /// Writes a text, masked (redact() and mask_answers()), mode 0600.
    void text(const std::string& name, const std::string& text) const;
    /// Decodes a serial log into a text of lines, masked.
    void decode(const std::filesystem::path& log, const std::string& name) const;
    /// Masks a raw file in place (redact_bytes()); nothing happens when it is missing or there is nothing to
    /// mask.
    void mask(const std::filesystem::path& file) const;
    /// Runs `body`; a failure is only noted in the log, because it must not hide the reason of the whole
    /// failure.
    void attempt(const std::string& name, const std::function<void()>& body) const;

    const std::filesystem::path& folder() const { return folder_; }

private:
    std::filesystem::path folder_;
};

/// Masks the values of password lines in preseed, kickstart, autoinstall and AutoYaST texts: everything that
/// redact() cannot recognise by its own form.
std::string mask_answers(const std::string& text);

/// From now on redact() masks the values mask_answers() hides in `text`, wherever they turn up: in the
/// installer's log, which quotes commands of the answers, and in error messages. Words such as "true" and
/// very short values are left alone.
void remember_answer_secrets(const std::string& text);

}  // namespace imgforge::install
