// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace imgforge::exchange {

/// One member of a tar; its time is always 0, so that equal contents are equal files.
struct TarMember {
    std::string name;
    unsigned mode = 0444;
    std::int64_t owner = 0;  ///< numeric user and group
};

/// Writes a tar (ustar where sizes and names allow, else pax headers) through libarchive. Members stand in
/// the order in which they are added.
class TarWriter {
public:
    /// Throws Failure::host when the file cannot be written.
    explicit TarWriter(const std::filesystem::path& file);
    ~TarWriter();
    TarWriter(const TarWriter&) = delete;
    TarWriter& operator=(const TarWriter&) = delete;

    void add_folder(const TarMember& member);
    void add_bytes(const TarMember& member, std::string_view bytes);
    /// `progress` gets the bytes copied so far.
    void add_file(const TarMember& member, const std::filesystem::path& source,
                  const std::function<void(std::uint64_t)>& progress = {});
    /// Ends the archive; without it the file is incomplete.
    void finish();

private:
    struct State;
    void begin(const TarMember& member, std::uint64_t size, bool folder);
    void data(std::string_view bytes);
    std::unique_ptr<State> state_;
};

/// SHA-256 of every regular member, read from the file. Throws Failure::integrity when it is not a whole tar.
std::map<std::string, std::string> tar_digests(const std::filesystem::path& file);

/// What kinds of members a tar has.
struct TarSummary {
    std::uint64_t members = 0;
    std::uint64_t devices = 0;  ///< block and character devices
};
/// Reads the whole file. Throws Failure::integrity when it is not a whole tar.
TarSummary tar_summary(const std::filesystem::path& file);

}  // namespace imgforge::exchange
