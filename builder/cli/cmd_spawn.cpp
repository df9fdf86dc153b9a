// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/cli/commands.hpp"
#include "builder/cli/import_support.hpp"
#include "builder/cli/machine_options.hpp"
#include "pipelines/lifecycle/access.hpp"
#include "pipelines/lifecycle/expiry.hpp"
#include "pipelines/lifecycle/ports.hpp"
#include "pipelines/lifecycle/print_machine.hpp"
#include "pipelines/lifecycle/spawn.hpp"
#include "pipelines/lifecycle/view_json.hpp"

namespace imgforge::cli {
namespace {

using lifecycle::SpawnOptions;

bool take_suffix(std::string& text, std::string_view suffix) {
    const bool there =
        text.size() > suffix.size() && std::string_view(text).substr(text.size() - suffix.size()) == suffix;
    text.resize(text.size() - (there ? suffix.size() : 0));
    return there;
}

/// "PATH:TAG", "PATH:TAG:ro" or "PATH:TAG:virtiofs".
lifecycle::SharedFolder shared_folder(std::string text) {
    lifecycle::SharedFolder share;
    share.virtiofs = take_suffix(text, ":virtiofs");
    share.read_only = take_suffix(text, ":ro");
    if (share.virtiofs && share.read_only) {
        throw Error(Failure::usage, "libvirt has no read-only virtiofs",
                    "mount it read-only in the guest, or share it by 9p (leave :virtiofs out)");
    }
    const std::size_t colon = text.rfind(':');
    const std::filesystem::path path = text.substr(0, colon);
    if (colon == std::string::npos || colon + 1 == text.size() || !path.is_absolute() ||
        !std::filesystem::is_directory(path)) {
        throw Error(Failure::usage, fmt::format("invalid shared directory '{}'", text),
                    "write --share /DIRECTORY:TAG, optionally followed by :ro or :virtiofs; the directory "
                    "must exist");
    }
    share.path = path;
    share.tag = text.substr(colon + 1);
    return share;
}

void read_machine(const Arguments& arguments, SpawnOptions& options) {
    options.size = arguments.get_or("size", "");
    options.memory = size_of(arguments, "memory");
    options.disk = size_of(arguments, "disk");
    if (const auto vcpus = arguments.integer("vcpus", 1, 512)) {
        options.vcpus = static_cast<unsigned>(*vcpus);
    }
    options.data_disks = sizes_of(arguments, "data-disk");
    for (const auto& text : arguments.all("share")) {
        options.shares.push_back(shared_folder(text));
    }
    for (const auto& text : arguments.all("network")) {
        options.networks.push_back(lifecycle::parse_network(text));
    }
    options.firmware = parse_firmware(arguments.get_or("firmware", "bios"));
    options.tpm = arguments.has("tpm");
    options.cpu = arguments.get_or("cpu", "");
}

/// How long it lives, and what becomes of it.
void read_life(const Arguments& arguments, SpawnOptions& options) {
    options.rollback = arguments.has("rollback");
    options.protect = arguments.has("protect");
    if (const auto ttl = arguments.get("ttl")) {
        options.ttl = lifecycle::parse_ttl(*ttl);
    }
    for (const auto& text : arguments.all("publish")) {
        options.published.push_back(lifecycle::parse_published(text));
    }
    options.hostname = arguments.get_or("hostname", "");
    if (const auto file = arguments.get("vendor-data")) {
        options.vendor_data = *file;
    }
    options.graphics = arguments.get_or("graphics", "");
    options.xml = arguments.all("xml");
}

SpawnOptions read_options(const Arguments& arguments) {
    SpawnOptions options;
    options.image = arguments.get_or("IMAGE", "");
    options.name = arguments.get_or("NAME", "");
    options.count = static_cast<std::size_t>(arguments.integer("count", 1, 1000).value_or(1));
    read_machine(arguments, options);
    for (const auto& file : arguments.all("ssh-key")) {
        options.ssh_key_files.emplace_back(file);
    }
    if (const auto file = arguments.get("user-data")) {
        options.user_data = *file;
    }
    if (const auto file = arguments.get("network-config")) {
        options.network_config = *file;
    }
    options.user = arguments.get_or("user", "");
    if (arguments.has("copy") && arguments.has("thick")) {
        throw Error(Failure::usage, "--copy and --thick are mutually exclusive",
                    "--thick is a copy with all its space allocated; leave --copy out");
    }
    options.mode = arguments.has("thick")  ? lifecycle::DiskMode::thick
                   : arguments.has("copy") ? lifecycle::DiskMode::copy
                                           : lifecycle::DiskMode::overlay;
    options.ephemeral = arguments.has("ephemeral");
    options.autostart = arguments.has("autostart");
    options.warm = arguments.has("warm");
    options.overcommit = arguments.has("overcommit");
    options.start = !arguments.has("no-start");
    options.host = arguments.get_or("host", "");
    options.lazy = arguments.get_or("lazy", "");
    options.storage = arguments.get_or("storage", "");
    options.wait = wait_of(arguments, options.start ? lifecycle::Wait::ssh : lifecycle::Wait::none);
    options.timeout = timeout_of(arguments);
    options.comment = arguments.get_or("comment", "");
    read_life(arguments, options);
    return options;
}

std::string spawned_text(const lifecycle::InstanceLayout& machines,
                         const std::vector<lifecycle::MachineView>& views, bool started) {
    std::string text;
    for (const auto& view : views) {
        const std::string address = shown_address(view);
        text += fmt::format("{}  {}  {:.1f}s\n", view.record.name,
                            !started          ? "defined"
                            : address.empty() ? "started"
                                              : address,
                            view.seconds);
        if (started && !address.empty()) {
            text +=
                fmt::format("  {}\n", lifecycle::ssh_paste_line(machines.ssh_target(view.record, address)));
        }
    }
    const std::string& name = views.front().record.name;
    return text + (started ? fmt::format("next: imgforge ssh {}\n", name)
                           : fmt::format("next: imgforge start {}\n", name));
}

int run_spawn(const Arguments& arguments, CommandContext& context) {
    SpawnOptions options = read_options(arguments);
    auto machines = machines_of(context);
    if (options.storage.empty() && options.lazy.empty()) {
        options.image = pulled_image(context, arguments, options.image, arguments.get_or("pull", "missing"),
                                     [&] { lifecycle::check_spawn(machines, options); });
    }
    if (const auto kind = arguments.get("print")) {
        const std::string text = lifecycle::printed_machine(machines, options, *kind);
        context.result({{"kind", *kind}, {"text", text}}, text);
        return 0;
    }
    const auto views = lifecycle::spawn(machines, options);
    lifecycle::refresh_ssh_config(machines);
    context.result(lifecycle::views_json(machines, views), spawned_text(machines, views, options.start));
    return 0;
}

std::vector<Option> machine_shape_options() {
    return {
        {.names = {"--size"},
         .value = "NAME",
         .help = "small (default), medium, large, or one of the settings"},
        {.names = {"--memory"}, .value = "SIZE", .help = "memory, such as 1536M"},
        {.names = {"--vcpus"}, .value = "N", .help = "virtual CPUs"},
        {.names = {"--disk"}, .value = "SIZE", .help = "grow the root disk to this size"},
        {.names = {"--data-disk"}, .value = "SIZE", .help = "one more empty disk", .repeatable = true},
        {.names = {"--share"},
         .value = "DIR:TAG[:ro|:virtiofs]",
         .help = "a host directory the guest can mount (9p unless :virtiofs)",
         .repeatable = true},
        {.names = {"--network"},
         .value = "NET",
         .help =
             "nat, user, isolated, bridge=NAME or network=NAME, with ,vlan= ,mac= ,ip= ,model=; one NIC each",
         .repeatable = true},
        {.names = {"--firmware"},
         .value = "KIND",
         .help = "default: bios",
         .choices = {"bios", "uefi", "uefi-secure"},
         .completes = Completes::choice},
        {.names = {"--tpm"}, .help = "add a TPM 2.0"},
        {.names = {"--graphics"},
         .value = "KIND",
         .help = "a screen in addition to the serial console, on 127.0.0.1",
         .choices = {"vnc"},
         .completes = Completes::choice},
        {.names = {"--xml"},
         .value = "XPATH=VALUE",
         .help = "change the domain's XML, as virt-install does",
         .repeatable = true},
        {.names = {"--cpu"}, .value = "MODEL", .help = "CPU model, host-model or maximum"},
    };
}

/// What the guest gets to know at its first boot.
std::vector<Option> first_boot_options() {
    return {
        {.names = {"--ssh-key"},
         .value = "FILE",
         .help = "additional public keys that may log in",
         .repeatable = true,
         .completes = Completes::file},
        {.names = {"--user-data"},
         .value = "FILE",
         .help = "cloud-init user-data",
         .completes = Completes::file},
        {.names = {"--network-config"},
         .value = "FILE",
         .help = "cloud-init network-config",
         .completes = Completes::file},
        {.names = {"--user"}, .value = "NAME", .help = "login user (default: the distribution's)"},
        {.names = {"--vendor-data"},
         .value = "FILE",
         .help = "cloud-init vendor-data",
         .completes = Completes::file},
        {.names = {"--hostname"}, .value = "FQDN", .help = "host name of the guest, with its domain"},
    };
}

std::vector<Option> spawn_options() {
    std::vector<Option> options = {
        {.names = {"--count", "-n"}, .value = "N", .help = "how many, in parallel"},
    };
    const auto shape = machine_shape_options();
    options.insert(options.end(), shape.begin(), shape.end());
    const std::vector<Option> guest = first_boot_options();
    options.insert(options.end(), guest.begin(), guest.end());
    const std::vector<Option> rest = {
        {.names = {"--copy"}, .help = "an independent copy of the image instead of an overlay"},
        {.names = {"--thick"}, .help = "a copy with all its space allocated"},
        {.names = {"--publish"},
         .value = "[ADDR:]HOST:GUEST[/udp]",
         .help = "forward a port of the host to the guest (127.0.0.1 unless ADDR)",
         .repeatable = true},
        {.names = {"--ttl"}, .value = "TIME", .help = "destroyed after this time, such as 8h"},
        {.names = {"--protect"}, .help = "destroy refuses until `set NAME --protect off`"},
        {.names = {"--ephemeral"}, .help = "delete it as soon as it stops"},
        {.names = {"--autostart"}, .help = "start with the host"},
        {.names = {"--warm"},
         .help = "resume the saved memory of a booted machine, made once per generation and size"},
        {.names = {"--host"},
         .value = "HOST",
         .help = "an entry of `hosts:`, or `any`: those with enough memory in turn"},
        {.names = {"--storage"},
         .value = "TARGET",
         .help = "root disk in this Ceph pool, as a clone of the golden image there"},
        {.names = {"--lazy"},
         .value = "TARGET",
         .help = "start before the image is here: read from this web target, the rest follows"},
        {.names = {"--no-start"}, .help = "define it but do not start it"},
        {.names = {"--print"},
         .value = "FORM",
         .help = "create nothing; print what would be created",
         .choices = {"libvirt", "kubevirt", "nova"},
         .completes = Completes::choice},
        {.names = {"--overcommit"}, .help = "start even if the host has too little free memory"},
        {.names = {"--comment"}, .value = "TEXT", .help = "shown by `imgforge list`"},
        wait_option("ssh"),
        timeout_option("give up after this time; the machine is kept (default: 5m with KVM, 15m without)"),
        {.names = {"--rollback"}, .help = "remove it again if anything fails or it is not ready in time"},
    };
    options.insert(options.end(), rest.begin(), rest.end());
    options.push_back({.names = {"--pull"},
                       .value = "WHEN",
                       .help = "fetch IMAGE (default: missing)",
                       .choices = {"missing", "always", "never"},
                       .completes = Completes::choice});
    options.push_back(source_format_option());
    return options;
}

}  // namespace

Command spawn_command() {
    return {.name = "spawn",
            .group = "Machines",
            .summary = "create and start a machine from a golden image",
            .description =
                "Makes an overlay on the image's current generation, a seed with a fresh "
                "identity, and a libvirt domain; starts it and waits until you can log in. Your "
                "public keys (~/.ssh/id_*.pub) and imgforge's own key may log in; no password is "
                "ever set.\n\nIMAGE may also be anything `imgforge images import` accepts; it is "
                "imported first.\n\nWith --warm, a template is booted once per generation, size, "
                "kernel and QEMU of this host and kept in cache/warm; machines go on from its memory, "
                "which they share until they write to it, and receive their own identity through the "
                "guest agent. Until their first reboot, which is an ordinary first boot with the same "
                "identity, they show the template's SMBIOS UUID and have no memory balloon. Where "
                "libvirt or QEMU cannot do this, they boot.\n\nA machine that is rejected before its domain "
                "is defined is removed "
                "again. One that does not start, does not give its signal in time, or is "
                "interrupted by Ctrl-C while waiting, is kept and marked \"not ready\"; "
                "--rollback removes it. Either way the end of its console is shown.",
            .positionals = {{.name = "IMAGE",
                             .help = "NAME[@GENERATION], a disk image, a URL or a catalogue name",
                             .completes = Completes::image},
                            {.name = "NAME",
                             .help = "name of the machine; {n} is a number (default: IMAGE-{n})",
                             .required = false}},
            .options = spawn_options(),
            .examples = {{"imgforge spawn debian13 web-1", "one machine, up and reachable by SSH"},
                         {"imgforge spawn ./debian-12-generic-amd64.qcow2 web-2", "from a cloud image"},
                         {"imgforge spawn debian13 web-{n} --count 20 --size medium", "twenty in parallel"},
                         {"imgforge spawn debian13@3 old --network bridge=br0,vlan=12 --wait ip",
                          "an older generation, on a VLAN"}},
            .run = run_spawn};
}

}  // namespace imgforge::cli
