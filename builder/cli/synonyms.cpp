// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/synonyms.hpp"

#include <algorithm>
#include <array>

namespace imgforge::cli {
namespace {

// Words of docker, podman, virsh, multipass, kcli, uvtool, Packer and virt-builder.
constexpr auto command_rows = std::to_array<Synonym>({
    {"ls", "", "list"},
    {"ps", "", "list"},
    {"status", "", "list"},
    {"machines", "", "list"},
    {"vms", "", "list"},
    {"rm", "", "destroy"},
    {"delete", "", "destroy"},
    {"remove", "", "destroy"},
    {"undefine", "", "destroy"},
    {"purge", "", "cleanup"},
    {"prune", "", "cleanup"},
    {"gc", "", "images gc"},
    {"launch", "", "spawn"},
    {"create", "", "spawn"},
    {"run", "", "spawn"},
    {"up", "", "lab up"},
    {"down", "", "lab down"},
    {"shell", "", "ssh"},
    {"exec", "", "ssh"},
    {"login", "", "ssh"},
    {"info", "", "show"},
    {"describe", "", "show"},
    {"dominfo", "", "show"},
    {"domifaddr", "", "ip"},
    {"address", "", "ip"},
    {"pull", "", "images pull"},
    {"push", "", "images push"},
    {"import", "", "images import"},
    {"export", "", "images export"},
    {"image", "", "images"},
    {"img", "", "images"},
    {"rmi", "", "images delete"},
    {"promote", "", "images promote"},
    {"rollback", "", "images rollback"},
    {"verify", "", "images verify"},
    {"diff", "", "images diff"},
    {"reboot", "", "restart"},
    {"shutdown", "", "stop"},
    {"poweroff", "", "stop"},
    {"halt", "", "stop"},
    {"transfer", "", "cp"},
    {"copy", "", "cp"},
    {"resize", "", "set"},
    {"mv", "", "rename"},
    {"save", "", "suspend"},
    {"update", "", "refresh"},
    {"upgrade", "", "refresh"},
    {"check", "", "validate"},
    {"lint", "", "validate"},
    {"plan", "", "build"},
    {"new", "", "init"},
    {"format", "", "fmt"},
    {"clean", "", "sysprep"},
    {"sparsify", "", "compact"},
    {"convert", "", "images export"},
    {"log", "", "logs"},
    {"probe", "", "media probe"},
});

constexpr auto option_rows = std::to_array<Synonym>({
    {"--net", "", "--network"},
    {"--bridge", "", "--network bridge=NAME"},
    {"--ram", "", "--memory"},
    {"--mem", "", "--memory"},
    {"--cpus", "", "--vcpus"},
    {"--cpu", "", "--vcpus"},
    {"--disk-size", "", "--disk"},
    {"--cloud-init", "", "--user-data"},
    {"--pubkey", "", "--ssh-key"},
    {"--flavor", "", "--size"},
    {"--name", "spawn", "the second argument: imgforge spawn IMAGE NAME"},
    {"--output", "list", "--json"},
    {"--output", "show", "--json"},
    {"--format", "list", "--json"},
    {"--format", "show", "--json"},
    {"-o", "", "--json"},
    {"--JSON", "", "--json"},
    {"--dry-run", "build", "--plan"},
    {"--check", "build", "--plan"},
    {"-n", "build", "--plan"},
    {"--force", "build", "--fresh"},
    {"--rebuild", "build", "--fresh"},
    {"--var", "build", "--set vars.NAME=VALUE"},
    {"--var-file", "build", "--vars FILE"},
    {"--force", "destroy", "--yes"},
    {"-f", "destroy", "--yes"},
    {"-y", "", "--yes"},
    {"--enable", "sysprep", "--operations"},
    {"--operation", "sysprep", "--operations"},
    {"-a", "sysprep", "the image as an argument"},
    {"-a", "customize", "the image as an argument"},
});

}  // namespace

std::optional<std::string> command_synonym(std::string_view word) {
    const auto* const found = std::find_if(command_rows.begin(), command_rows.end(),
                                           [&](const Synonym& row) { return row.word == word; });
    return found == command_rows.end() ? std::nullopt : std::optional(std::string(found->ours));
}

std::optional<std::string> option_synonym(std::string_view command, std::string_view option) {
    const auto* const found = std::find_if(option_rows.begin(), option_rows.end(), [&](const Synonym& row) {
        return row.word == option && (row.command.empty() || row.command == command);
    });
    return found == option_rows.end() ? std::nullopt : std::optional(std::string(found->ours));
}

}  // namespace imgforge::cli
