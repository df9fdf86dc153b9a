// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/fetch/signature.hpp"

#include <algorithm>
#include <cctype>
#include <sstream>
#include <vector>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"

namespace fs = std::filesystem;

namespace imgforge::fetch {
namespace {

std::string upper(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text;
}

/// gpgv 2.2 reads binary keyrings only and says nothing better than "no valid OpenPGP data" to an armoured
/// one.
void check_keyring(const fs::path& keyring) {
    std::error_code code;
    if (!fs::exists(keyring, code)) {
        throw Error(Failure::host, fmt::format("no keyring {}", keyring.string()),
                    "install the package that has it, or name another with keyring:");
    }
    if (read_file(keyring).starts_with("-----BEGIN")) {
        throw Error(
            Failure::recipe,
            fmt::format("the keyring {} is armoured text, gpgv needs the binary form", keyring.string()),
            fmt::format("gpg --dearmor < {} > keyring.gpg", keyring.string()));
    }
}

}  // namespace

ProcessSpec gpgv(const fs::path& keyring, const fs::path& data, const std::optional<fs::path>& signature,
                 const fs::path& covered) {
    ProcessSpec spec{.program = "gpgv",
                     .args = {"--status-fd", "1", "--keyring", fs::absolute(keyring).string()}};
    if (!covered.empty()) {
        spec.args.insert(spec.args.end(), {"--output", covered.string()});
    }
    if (signature) {
        spec.args.push_back(signature->string());
    }
    spec.args.push_back(data.string());
    spec.timeout = std::chrono::minutes(1);
    return spec;
}

std::optional<std::string> good_signer(std::string_view status, const std::string& pinned) {
    std::istringstream lines{std::string(status)};
    std::optional<std::string> signer;
    bool good = false;
    for (std::string line; std::getline(lines, line);) {
        std::istringstream stream(line);
        std::vector<std::string> words;
        for (std::string word; stream >> word;) {
            words.push_back(word);
        }
        if (words.size() < 3 || words[0] != "[GNUPG:]") {
            continue;
        }
        if (words[1] == "BADSIG") {
            return std::nullopt;
        }
        if (words[1] == "NEWSIG" || words[1] == "ERRSIG" || words[1] == "EXPSIG" || words[1] == "EXPKEYSIG" ||
            words[1] == "REVKEYSIG") {
            good = false;
        } else if (words[1] == "GOODSIG") {
            good = true;
        } else if (words[1] == "VALIDSIG" && good) {
            const std::string primary = words.size() > 11 ? words[11] : words[2];
            if (pinned.empty() || upper(pinned) == upper(words[2]) || upper(pinned) == upper(primary)) {
                signer = primary;
            }
            good = false;
        }
    }
    return signer;
}

bool is_clear_signed(std::string_view text) {
    return text.find("-----BEGIN PGP SIGNED MESSAGE-----") != std::string_view::npos;
}

std::string verify_signature(ProcessRunner& runner, const fs::path& keyring, const fs::path& data,
                             const std::optional<fs::path>& signature, const std::string& pinned,
                             const fs::path& covered) {
    check_keyring(keyring);
    const ProcessSpec spec = gpgv(keyring, data, signature, covered);
    const ProcessResult result = runner.run(spec);
    if (result.outcome != ProcessResult::Outcome::exited) {
        throw process_error(spec, result);
    }
    // Not the exit code: Debian signs with several keys, and gpgv fails when one of them is not in the
    // keyring.
    if (const auto signer = good_signer(result.out, pinned)) {
        return *signer;
    }
    throw Error(Failure::integrity,
                fmt::format("the signature of {} is not good{}: {}", data.filename().string(),
                            pinned.empty() ? std::string() : fmt::format(" for key {}", pinned), result.err),
                fmt::format("only keys of {} count", keyring.string()));
}

}  // namespace imgforge::fetch
