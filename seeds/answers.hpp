// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/base/diagnostics.hpp"
#include "builder/base/json.hpp"

namespace imgforge::seeds {

/// The languages installers are answered in. The words of a recipe: "preseed", "autoinstall", "kickstart",
/// "autoyast", "agama", "alpine".
enum class AnswerFormat { preseed, autoinstall, kickstart, autoyast, agama, alpine };

/// Throws Failure::usage for another word.
AnswerFormat parse_answer_format(std::string_view word);
std::string_view to_string(AnswerFormat format);

struct AnswerUser {
    std::string name;
    std::string full_name{};
    std::string password_hash{};  ///< crypt(3); empty: locked
    std::vector<std::string> ssh_keys{};
    std::vector<std::string> groups{};
    bool sudo = false;  ///< any command without a password
};

/// How the one disk is laid out. Sizes in MiB.
struct AnswerDisk {
    enum class Layout {
        plain,
        lvm,
        separate
    };                     ///< one root partition | volume group with a root volume | /, /home and /var apart
    std::string device{};  ///< empty: the disk of the install machine
    Layout layout = Layout::plain;
    std::string filesystem = "ext4";
    unsigned swap = 0;
};

/// The neutral `answers:` block of the install stage.
struct Answers {
    std::string locale = "en_US.UTF-8";
    std::string keyboard = "us";
    std::string keyboard_variant{};
    std::string timezone = "UTC";
    std::string hostname{};  ///< empty: "localhost"; a golden image has no name of its own
    std::string domain{};
    std::string root_password_hash{};  ///< empty: root is locked
    std::vector<std::string> root_ssh_keys{};
    std::vector<AnswerUser> users{};
    AnswerDisk disk{};
    std::vector<std::string> packages{};
    std::string mirror{};         ///< URL; empty with network: the distribution's own
    std::optional<bool> offline;  ///< unset: as the medium allows
    bool security_updates = false;
    std::string kernel{};  ///< package; empty: the distribution's choice (Debian: the cloud kernel)
    bool recommends = false;
    bool eatmydata = true;
    std::vector<std::string> post{};  ///< shell lines run in the target as root, at the end
};

/// What the install stage knows and the answers depend on.
struct AnswerFacts {
    std::string nonce;              ///< of the completion marker; letters and digits
    std::string disk = "/dev/vda";  ///< the install machine's disk
    bool uefi = false;
    bool offline = true;    ///< the medium alone must do
    std::string version{};  ///< "13", "24.04", "9", "3.21"
    std::string suite{};    ///< Debian, Ubuntu: codename
    /// Lines for the sources.list of a system that the disc alone made; empty: it gets none.
    std::string package_sources{};
    std::string product{};  ///< "Debian", "Rocky Linux": for differences inside a family
    std::string arch = "amd64";
    std::string console = "ttyS0";  ///< marker goes to /dev/<console>; also the installed system's console
    std::string log_console = "ttyS1";  ///< second serial port for the installer's own log; empty: none
    bool medium_has_eatmydata = false;
    std::string kernel{};  ///< the medium's kernel package, where it lacks the one taken otherwise
};

struct AnswerFile {
    std::string path;  ///< without leading slash
    std::string bytes;
    unsigned mode = 0600;
};

/// How answers reach the installer: members of the initrd, a second ISO, words on the kernel line.
struct AnswerFiles {
    std::vector<AnswerFile> initrd{};
    std::string iso_label{};  ///< empty: no answer ISO
    std::vector<AnswerFile> iso{};
    std::vector<std::string> kernel_arguments{};  ///< before "---" or at the end for families without it
    std::string main_file{};  ///< name of the answer file proper among them, "preseed.cfg"
};

/// JSON Schema (draft-07) of the `answers:` block, for the install stage's schema.
const Json& answers_schema();

/// The block as a value. Errors beyond the schema (control characters, private keys, plain text where a hash
/// belongs) are added with JSON pointers below `pointer`; the caller adds file and line.
Answers parse_answers(const Json& block, Diagnostics& diagnostics, const std::string& pointer = {});

/// The answer file as text. Throws Failure::recipe when the format cannot say what is asked for.
std::string answer_text(AnswerFormat format, const Answers& answers, const AnswerFacts& facts);

/// A user's own file with the completion marker added as its last act where the format allows that by adding
/// lines. Returns the text unchanged when it already has the nonce.
std::string with_marker(AnswerFormat format, const std::string& text, const AnswerFacts& facts);

/// Where `text` must go so that the installer finds it.
AnswerFiles deliver(AnswerFormat format, const std::string& text, const AnswerFacts& facts);

/// answer_text, then deliver.
AnswerFiles generate(AnswerFormat format, const Answers& answers, const AnswerFacts& facts);

/// Checks an answer file before any machine is started: every error with its line. Errors are what would stop
/// or break the install, warnings what probably is not meant.
/// `facts`: of the release that reads it; without, what any release takes is taken.
Diagnostics check(AnswerFormat format, std::string_view text, const std::string& file,
                  const AnswerFacts& facts = {});

/// Names of the packages an answer file asks for beside the base system, versions and suites cut off. Preseed
/// only; empty for the others.
std::vector<std::string> asked_packages(AnswerFormat format, const std::string& text);

/// The answers want packages from a network, whatever the medium holds.
bool wants_network(AnswerFormat format, const Answers& answers, const AnswerFacts& facts);
/// The same for a user's own file: it names a mirror or repository (preseed, kickstart), or the medium cannot
/// do without one.
bool wants_network(AnswerFormat format, const std::string& text, const AnswerFacts& facts);
/// Packages of the answers that the medium of the format's installer is known not to hold: Alpine, Ubuntu.
std::vector<std::string> beyond_medium(AnswerFormat format, const Answers& answers);

/// "IMGFORGE-RESULT: success <nonce>": the line that stands on the console and in result_file of the
/// installed system.
std::string marker_line(std::string_view nonce);
inline constexpr std::string_view result_file = "/var/lib/imgforge-result";

}  // namespace imgforge::seeds
