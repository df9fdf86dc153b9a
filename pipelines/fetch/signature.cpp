// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/fetch/signature.hpp"

#include <algorithm>
#include <cctype>
#include <sstream>
#include <vector>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "pipelines/fetch/keyrings.hpp"

namespace fs = std::filesystem;

namespace imgforge::fetch {
namespace {

std::string upper(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text;
}

void require_keyring(const fs::path& keyring, const std::string& package) {
    std::error_code code;
    if (!fs::exists(keyring, code)) {
        throw Error(Failure::host, fmt::format("keyring {} does not exist", keyring.string()),
                    package.empty() ? "install the package that has it, or name another with keyring:"
                                    : fmt::format("apt install {}", package));
    }
}

/// `pinned`: fingerprints, separated by blanks.
bool is_pinned(const std::string& pinned, const std::string& fingerprint) {
    std::istringstream stream(upper(pinned));
    for (std::string word; stream >> word;) {
        if (word == upper(fingerprint)) {
            return true;
        }
    }
    return false;
}

/// The words of a status line (GnuPG doc/DETAILS), without the prefix; empty for other lines.
std::vector<std::string> status_words(const std::string& line) {
    std::istringstream stream(line);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) {
        words.push_back(word);
    }
    if (words.size() < 3 || words[0] != "[GNUPG:]") {
        return {};
    }
    words.erase(words.begin());
    return words;
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
    spec.timeout = std::chrono::minutes(30);  // a signature may be of a whole medium
    return spec;
}

std::optional<std::string> good_signer(std::string_view status, const std::string& pinned) {
    std::istringstream lines{std::string(status)};
    std::optional<std::string> signer;
    bool good = false;
    for (std::string line; std::getline(lines, line);) {
        const std::vector<std::string> words = status_words(line);
        if (words.empty()) {
            continue;
        }
        if (words[0] == "BADSIG") {
            return std::nullopt;
        }
        if (words[0] == "NEWSIG" || words[0] == "ERRSIG" || words[0] == "EXPSIG" || words[0] == "EXPKEYSIG" ||
            words[0] == "REVKEYSIG") {
            good = false;
        } else if (words[0] == "GOODSIG") {
            good = true;
        } else if (words[0] == "VALIDSIG" && good) {
            const std::string primary = words.size() > 10 ? words[10] : words[1];
            if (pinned.empty() || is_pinned(pinned, words[1]) || is_pinned(pinned, primary)) {
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

std::string why_not_good(std::string_view status, const std::string& pinned) {
    std::istringstream lines{std::string(status)};
    std::string reason;
    std::string other;
    for (std::string line; std::getline(lines, line);) {
        const std::vector<std::string> words = status_words(line);
        if (words.empty()) {
            continue;
        }
        if (words[0] == "BADSIG") {
            return fmt::format("it does not match: the data was changed after key {} signed it", words[1]);
        }
        if (words[0] == "EXPKEYSIG") {
            reason = fmt::format("key {} that made it has expired", words[1]);
        } else if (words[0] == "REVKEYSIG") {
            reason = fmt::format("key {} that made it was revoked", words[1]);
        } else if (words[0] == "EXPSIG") {
            reason = fmt::format("the signature by key {} has expired", words[1]);
        } else if (words[0] == "NO_PUBKEY" && reason.empty()) {
            reason = fmt::format("key {} that made it is not in the keyring", words[1]);
        } else if (words[0] == "GOODSIG") {
            other = words[1];
        }
    }
    if (reason.empty() && !other.empty() && !pinned.empty()) {
        return fmt::format("it is by key {}, not by {}", other, pinned);
    }
    return reason.empty() ? "it is not an OpenPGP signature that can be read" : reason;
}

std::string verify_signature(ProcessRunner& runner, const fs::path& keyring, const fs::path& data,
                             const std::optional<fs::path>& signature, const std::string& pinned,
                             const fs::path& covered, const std::string& package) {
    require_keyring(keyring, package);
    // gpgv 2.2 reads binary keyrings only, and says nothing better than "no valid OpenPGP data" to others.
    const TempDir work("imgforge-keyring");
    const fs::path binary = work / "keyring.gpg";
    write_file_atomically(binary, binary_keyring(read_file(keyring), keyring), 0600);
    const ProcessSpec spec = gpgv(binary, data, signature, covered);
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
                fmt::format("the signature of {} is not good: {}", data.filename().string(),
                            why_not_good(result.out, pinned)),
                fmt::format("nothing was used; only keys in {} are accepted", keyring.string()));
}

}  // namespace imgforge::fetch
