// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/file.hpp"
#include "builder/base/output_file.hpp"
#include "builder/base/signing_key.hpp"
#include "builder/cli/commands.hpp"

namespace imgforge::cli {
namespace {

int run_keygen(const Arguments& arguments, CommandContext& context) {
    const std::filesystem::path file = arguments.get_or("FILE", "imgforge-signing.pem");
    const std::filesystem::path public_file = file.string() + ".pub";
    if (file.has_parent_path()) {
        make_directories(file.parent_path(), 0700);
    }
    constexpr auto refuse = OutputFile::Existing::refuse;
    OutputFile private_part(file, refuse, 0600, "name another file: a key that is in use is never replaced");
    OutputFile public_part(public_file, refuse, 0644, "name another file, or remove it first");
    const SigningKey key = SigningKey::generate();
    private_part.write(key.private_pem());
    public_part.write(key.public_pem());
    private_part.commit();
    public_part.commit();
    context.result({{"private", std::filesystem::absolute(file).string()},
                    {"public", std::filesystem::absolute(public_file).string()},
                    {"key", key.id()}},
                   fmt::format("{} (keep it secret)\n{} (for those who verify)\nkey {}\n", file.string(),
                               public_file.string(), key.id()));
    return 0;
}

}  // namespace

Command keygen_command() {
    return {.name = "keygen",
            .group = "Tools",
            .summary = "generate an Ed25519 key for signing golden images",
            .description =
                "Writes the private key to FILE (mode 0600; missing directories are created) and the "
                "public key to FILE.pub. `signing: {key: FILE}` in the settings signs everything "
                "with it; otherwise each store uses its own key, signing/key.pem, created by the "
                "first publication.",
            .positionals = {{.name = "FILE",
                             .help = "private key; default: imgforge-signing.pem",
                             .required = false,
                             .completes = Completes::file}},
            .examples = {{"imgforge keygen signing.pem", "signing.pem and signing.pem.pub"},
                         {"imgforge images verify debian13 --key signing.pem.pub",
                          "verify with the public key, on any host"}},
            .run = run_keygen};
}

}  // namespace imgforge::cli
