// SPDX-License-Identifier: GPL-3.0-or-later
// imgforge-pack-rows TEMPLATES OUTPUT FILE…: the files, named relative to the directory TEMPLATES, as a C++
// source: the text and what strict YAML makes of it (templates/packed_rows.hpp). Runs while imgforge is
// built.
#include <cstdint>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "builder/base/file.hpp"
#include "builder/base/strict_yaml.hpp"

namespace imgforge {
namespace {

/// A string literal of any bytes, a line of the source for each 64 of them.
std::string literal(std::string_view bytes) {
    constexpr std::size_t line = 64;
    std::string text;
    for (std::size_t at = 0; at < bytes.size(); at += line) {
        text += "\n     \"";
        for (const char c : bytes.substr(at, line)) {
            text += fmt::format("\\{:03o}", static_cast<unsigned>(static_cast<unsigned char>(c)));
        }
        text += '"';
    }
    return text.empty() ? "\"\"" : text;
}

std::string source_of(const std::filesystem::path& folder, const std::vector<std::string>& names) {
    std::string text =
        "// Made by imgforge-pack-rows.\n#include \"templates/packed_rows.hpp\"\n\n"
        "namespace imgforge::templates {\n\n"
        "const std::vector<PackedRow>& packed_rows() {\n    static const std::vector<PackedRow> rows{\n";
    for (const std::string& name : names) {
        const std::string yaml = read_file(folder / name);
        const std::vector<std::uint8_t> packed = Json::to_cbor(load_yaml((folder / name).string()).root);
        text += fmt::format("    {{\"{}\",{},\n     {{{},\n      {}}}}},\n", name,
                            fmt::format(" {{{},\n      {}}}", literal(yaml), yaml.size()),
                            literal({reinterpret_cast<const char*>(packed.data()), packed.size()}),
                            packed.size());
    }
    return text + "    };\n    return rows;\n}\n\n}  // namespace imgforge::templates\n";
}

}  // namespace
}  // namespace imgforge

int main(int count, char** words) {
    try {
        const std::vector<std::string> all(words + 1, words + count);
        if (all.size() < 3) {
            std::cerr << "imgforge-pack-rows TEMPLATES OUTPUT FILE...\n";
            return 2;
        }
        imgforge::write_file_atomically(all[1], imgforge::source_of(all[0], {all.begin() + 2, all.end()}));
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "imgforge-pack-rows: " << error.what() << "\n";
        return 1;
    }
}
