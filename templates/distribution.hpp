// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "builder/base/byte_size.hpp"
#include "builder/base/diagnostics.hpp"
#include "builder/base/processor_level.hpp"

namespace imgforge::templates {

/// All patterns of a distribution are ECMAScript regular expressions (std::regex), case-sensitive, searched,
/// not matched whole. A test compiles those that are shipped. `$1`…`$9` in texts stand for the groups of the
/// pattern.

/// One way to recognise a medium: everything given must hold.
struct Detection {
    std::string label{};                ///< pattern for the volume id
    std::vector<std::string> files{};   ///< paths that must exist on the medium
    std::vector<std::string> absent{};  ///< paths that must not
    std::string file{};                 ///< a small text file on the medium …
    std::string match{};                ///< … and the pattern its content must hold ("[^]" spans lines)
    std::map<std::string, std::string>
        captures{};        ///< "version", "arch", "product", "label_version" -> "$1" or fixed text
    std::string reason{};  ///< for rejections: why this medium cannot be used, and what to take instead
};

/// Kernel and initrd on the medium; of several candidates the first whose two files exist is taken.
struct BootFiles {
    std::string arch;    ///< as the medium calls it: "amd64", "x86_64"
    std::string kernel;  ///< path on the medium without leading slash
    std::string initrd;
};

/// A value of the kernel line that stands in a text file of the medium (its own boot menu).
struct MediumFact {
    std::string name;      ///< the placeholder: "live_options"
    std::string file;      ///< path on the medium
    std::string match;     ///< pattern; $1 is the value
    std::string fallback;  ///< taken when the file or the pattern is missing
};

/// How the answers reach the installer.
struct Delivery {
    enum class Method {
        initrd,  ///< one file in an appended member of the initrd
        iso,     ///< files on a second ISO with a volume label the installer looks for
        none,    ///< no unattended mode over a serial console
    };
    Method method = Method::none;
    std::string path{};   ///< initrd: absolute path of the answers inside; iso: name of the main file
    std::string label{};  ///< iso: volume id, "cidata" or "OEMDRV"
};

/// One stage of the installer, in order; a medium's progress is the weights before it plus its share done.
struct StageWeight {
    std::string name;           ///< "bootstrap-base"
    std::string title;          ///< for people: "Installing the base system"
    std::string pattern{};      ///< begins when this shows up on the console; empty: only by `log_pattern`
    std::string log_pattern{};  ///< … or this on a log channel
    std::string progress{};  ///< pattern with the percentage in $1, or done in $1 and total in $2; empty: the
                             ///< distribution's
    double weight = 1;       ///< share of the whole; any scale
};

/// A question that stops an unattended installation.
struct QuestionRule {
    std::string pattern;   ///< searched in the text of the question: the lines since the last stage title, up
                           ///< to the prompt
    std::string step{};    ///< installer step that asks, when the stage on screen says too little
    std::string during{};  ///< the rule holds in this stage only; empty: in all
    std::string meaning;   ///< one sentence: what is asked and why
    std::string remedy;    ///< what to do, one sentence
    std::string answer{};  ///< the line to add to the answers file; empty when no line helps
};

/// A phrase that means the installation has failed.
struct FailureRule {
    std::string pattern;
    std::string meaning;
    std::string remedy{};
    std::string
        answer{};  ///< the line to add or change; "$asked": the answers' packages without $1, see `explains`
    bool on_console = true;          ///< searched in the console's lines
    bool on_log = false;             ///< searched in the log channels' lines
    std::string unless{};            ///< lines that match this too do not count
    std::chrono::seconds grace{20};  ///< how long more output is waited for before the verdict
    /// No verdict by itself: says why when the installer then asks or ends; later phrases replace it. When $1
    /// is a package the answers name, it is the verdict, within seconds.
    bool explains = false;
    /// Says that it failed, but little of why: a later phrase that is not vague replaces it within the grace.
    bool vague = false;
    /// Pattern of the line below that says why (blank lines may stand between); its $1 stands for "$then" in
    /// `meaning`, and the verdict comes as soon as it is there.
    std::string then{};
    bool transient = false;  ///< a mirror or network error that a second try from scratch may not meet
};

/// A last line of the console behind which nothing comes any more: said before the general silence timeout.
struct StallRule {
    std::string pattern;             ///< searched in the last line that is not blank
    std::chrono::seconds after{60};  ///< idle for so long: no byte, no disk write, no CPU
    std::string step{};              ///< installer step, when the stage on screen says too little
    std::string meaning;             ///< one sentence, as a QuestionRule's
    std::string remedy;
    std::string answer{};
};

/// What is behind a row: what `validate` and `build --plan` say of it.
struct Proof {
    enum class Kind {
        schema,    ///< marker media, golden texts and the readers' schemas only
        stand_in,  ///< run against a stand-in of the installer
        installed  ///< installed for real
    };
    Kind kind = Kind::schema;
    std::string date{};  ///< of the last real installation, "2026-11-21"
    /// "installed for real (2026-11-21)", "stand-in only", "schema only".
    std::string text() const;
};

/// A further channel from the installer to us, beside the console.
struct LogChannel {
    enum class Kind { serial, virtio };
    Kind kind = Kind::serial;
    std::string name{};  ///< virtio port name
};

/// Where an official medium comes from, for recipes and messages.
struct OfficialMedium {
    std::string arch;
    std::string url;
    std::string checksums;  ///< URL of the SHA256SUMS file (or alike)
    /// Pattern of the file's name in `checksums`, with the version in $1: the newest one listed is taken in
    /// place of `url`'s, because publishers remove a point release when the next one comes. Empty: `url`
    /// stays.
    std::string newest{};
    std::string
        signature{};  ///< URL of its detached signature; empty: `checksums` is signed inline, or TLS only
    std::string keyring{};          ///< path of a packaged keyring on the host; empty: none is packaged
    std::string keyring_package{};  ///< Debian package that holds it
};

/// Clocks of the watcher with hardware acceleration; it scales them itself without.
struct Timeouts {
    std::chrono::seconds first_byte{60};
    std::chrono::seconds question{5};   ///< how long a known prompt must stand unchanged
    std::chrono::seconds silence{300};  ///< no byte, no disk write, no CPU
    std::chrono::seconds total{3600};
    std::chrono::seconds power_off{180};  ///< from the success marker to power-off
};

/// One distribution (release) the installer stage can drive: data only, from
/// templates/distributions/NAME.yaml laid over templates/families/FAMILY.yaml.
struct Distribution {
    std::string name;     ///< "debian13": the `os:` of recipes
    std::string family;   ///< "debian", "ubuntu", "redhat", "suse", "alpine", "arch"
    std::string product;  ///< "Debian GNU/Linux"
    std::string version;  ///< "13"; empty when the row serves all versions
    std::string codename{};
    /// Lines of sources.list(5) for a system that was installed without a network, with {mirror} in place of
    /// the archive that the host's apt uses; empty: none are known.
    std::string package_sources{};
    std::string
        installer;  ///< "d-i", "subiquity", "anaconda", "autoyast", "agama", "setup-alpine", "archinstall"
    std::string answers;  ///< answer format: "preseed", "autoinstall", "kickstart", "autoyast", "agama",
                          ///< "alpine", "none"
    Proof proven;

    std::vector<Detection> detect;
    std::vector<Detection> reject;
    std::vector<BootFiles> boot;
    std::vector<std::string> offline_files;  ///< any of these on the medium: it installs without a network

    /// Kernel command line with {label}, {live_options}, {iso_uuid} to be filled: render_kernel_line().
    std::string kernel_line;
    std::vector<MediumFact> facts;  ///< where placeholders get their values, beside {label} and {iso_uuid}
    ProcessorLevel processor = ProcessorLevel::v1;  ///< its packages are compiled for
    ByteSize memory_minimum;  ///< below this the installer refuses or gets into a low-memory mode
    ByteSize memory_recommended;
    ByteSize disk_minimum;
    Delivery delivery;
    std::vector<LogChannel> channels;

    std::vector<StageWeight> stages;
    std::string progress;              ///< pattern of a percentage within a stage, $1 (or $1 of $2)
    std::vector<std::string> prompts;  ///< patterns of an unterminated last line that waits for a person
    std::string question_start;  ///< pattern of the line a question begins with; empty: the last stage title
    std::vector<QuestionRule>
        questions;                      ///< first match wins; a prompt without a match is an unknown question
    std::vector<FailureRule> failures;  ///< family's and generic ones (kernel panic …)
    std::vector<StallRule> stalls;
    std::string idle_lines;             ///< pattern of console lines that are not a sign of life: dots
    std::vector<std::string> finished;  ///< console phrases of an orderly end, before power-off
    std::vector<std::string>
        installer_logs;  ///< paths on the half-installed disk worth keeping after a failure
    Timeouts timeouts;

    std::string login_user;  ///< the distribution's default cloud user
    std::vector<OfficialMedium> media;
    std::string
        archive{};  ///< suite name `media create` and `installer: {archive: …}` take; empty: not possible
};

/// Directories with rows of this host and this user, in the order they are read: /etc/imgforge and
/// $XDG_CONFIG_HOME/imgforge (or ~/.config/imgforge), each with `distributions.d`. A row there replaces a
/// shipped one of the same name, and one of the user replaces one of the host.
std::vector<std::string> own_row_directories();

/// Errors of one row file as it would be read from such a directory; a family is looked for among the shipped
/// ones.
Diagnostics check_row_file(const std::string& file);

/// All rows, shipped and own, sorted by name. Read once per process from data_path("templates") and
/// own_row_directories(); throws Failure::recipe with every error.
const std::vector<Distribution>& distributions();

/// The row of that name; throws Failure::recipe with a suggestion when there is none.
const Distribution& distribution(std::string_view name);

/// Names of all rows, sorted, without reading them.
std::vector<std::string> distribution_names();

/// Reads one directory of rows (its `families` and `distributions`) and compiles all patterns, for tests.
std::vector<Distribution> load_distributions(const std::string& folder);

/// The kernel line with {key} replaced from `facts`; blanks inside a {label} become \x20 as dracut wants it.
/// Throws Failure::recipe when a placeholder has no fact.
std::string render_kernel_line(const Distribution& row, const std::map<std::string, std::string>& facts);

}  // namespace imgforge::templates
