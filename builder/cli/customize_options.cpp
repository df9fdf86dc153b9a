// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/customize_options.hpp"

#include "builder/cli/guest_disks.hpp"

namespace imgforge::cli {

namespace {

std::vector<Option> package_and_file_options() {
    return {
        {.names = {"--install"}, .value = "PACKAGE,…", .help = "install packages", .repeatable = true},
        {.names = {"--uninstall"},
         .value = "PACKAGE,…",
         .help = "remove packages with their settings",
         .repeatable = true},
        {.names = {"--update"}, .help = "upgrade all packages"},
        {.names = {"--upload"},
         .value = "FILE:PATH",
         .help = "copy a file or directory of this host into the guest",
         .repeatable = true},
        {.names = {"--write"},
         .value = "PATH:CONTENT",
         .help = "write a file in the guest",
         .repeatable = true},
        {.names = {"--mkdir"}, .value = "PATH", .help = "make a directory", .repeatable = true},
        {.names = {"--link"},
         .value = "TARGET:LINK[:LINK…]",
         .help = "make symbolic links",
         .repeatable = true},
        {.names = {"--edit"},
         .value = "PATH:s/A/B/",
         .help = "replace a pattern in every line of a file",
         .repeatable = true},
        {.names = {"--append-line"},
         .value = "PATH:LINE",
         .help = "add a line at the end of a file",
         .repeatable = true},
        {.names = {"--copy"}, .value = "PATH:NEW", .help = "copy within the guest", .repeatable = true},
        {.names = {"--copy-in"},
         .value = "FILE:DIRECTORY",
         .help = "copy a file or directory of this host into a directory of the guest",
         .repeatable = true},
        {.names = {"--move"}, .value = "PATH:NEW", .help = "move within the guest", .repeatable = true},
        {.names = {"--delete"},
         .value = "PATTERN",
         .help = "remove files and directories",
         .repeatable = true},
        {.names = {"--touch"},
         .value = "PATH",
         .help = "create a file if it does not exist",
         .repeatable = true},
        {.names = {"--truncate"}, .value = "PATH", .help = "empty a file", .repeatable = true},
        {.names = {"--truncate-recursive"},
         .value = "PATH",
         .help = "empty all files below a directory",
         .repeatable = true},
        {.names = {"--scrub"},
         .value = "PATTERN",
         .help = "overwrite files, then remove them",
         .repeatable = true},
        {.names = {"--chmod"}, .value = "MODE:PATH", .help = "set the mode, octal", .repeatable = true},
        {.names = {"--chown"},
         .value = "USER:GROUP:PATH",
         .help = "set the owner, by names of the guest or numbers",
         .repeatable = true},
    };
}

std::vector<Option> account_and_command_options() {
    return {
        {.names = {"--password"},
         .value = "USER:CHANGE",
         .help = "password:TEXT, file:FILE, hash:CRYPT, random, disabled, locked, locked:…",
         .repeatable = true},
        {.names = {"--root-password"}, .value = "CHANGE", .help = "--password for root"},
        {.names = {"--password-crypto"},
         .value = "KIND",
         .help = "md5, sha256, sha512 (default) or yescrypt"},
        {.names = {"--run"},
         .value = "COMMAND|FILE",
         .help = "run a shell line, or a script of this host, in the guest",
         .repeatable = true},
        {.names = {"--run-command"},
         .value = "COMMAND",
         .help = "run a shell line in the guest",
         .repeatable = true},
        {.names = {"--script"},
         .value = "FILE",
         .help = "run a script of this host in the guest",
         .repeatable = true,
         .completes = Completes::file},
        {.names = {"--firstboot"},
         .value = "COMMAND|FILE",
         .help = "every clone runs this line or script once at its first boot, in order",
         .repeatable = true},
        {.names = {"--firstboot-command"},
         .value = "COMMAND",
         .help = "every clone runs this line once at its first boot, before --firstboot",
         .repeatable = true},
        {.names = {"--firstboot-install"},
         .value = "PACKAGE,…",
         .help = "every clone installs these at its first boot, before its commands",
         .repeatable = true},
        {.names = {"--ssh-inject"},
         .value = "USER[:KEY]",
         .help = "public key of an existing user: FILE, file:FILE, string:KEY; else your own",
         .repeatable = true},
        {.names = {"--selinux-relabel"}, .help = "relabel for SELinux after the changes"},
        {.names = {"--commands-from-file"},
         .value = "FILE",
         .help = "read further options from a file, one per line, without dashes",
         .repeatable = true,
         .completes = Completes::file},
        {.names = {"--ssh-key"},
         .value = "USER:FILE",
         .help = "public key for an existing user",
         .repeatable = true},
        {.names = {"--timezone"}, .value = "ZONE", .help = "such as Europe/Berlin"},
        {.names = {"--locale"}, .value = "LOCALE", .help = "such as en_US.UTF-8"},
        {.names = {"--hostname"}, .value = "NAME", .help = "a name that all clones start with"},
        {.names = {"--network"}, .help = "give the commands network"},
        {.names = {"--no-network"}, .help = "no network, also while packages are installed"},
    };
}

std::vector<Option> result_options() {
    return {
        {.names = {"--dry-run", "-n"}, .help = "check the options and stop; the image is not opened"},
        {.names = {"--output", "-o"},
         .value = "FILE",
         .help = "write the result here and leave IMAGE unchanged",
         .completes = Completes::file},
    };
}

}  // namespace

std::vector<Option> customize_options() {
    return joined({package_and_file_options(), account_and_command_options(), result_options(),
                   guest_opening_options(), guest_disk_options()});
}

}  // namespace imgforge::cli
