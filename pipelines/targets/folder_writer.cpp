// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/targets/folder_writer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/file.hpp"
#include "builder/base/lock.hpp"
#include "builder/base/random.hpp"

namespace fs = std::filesystem;

namespace imgforge::targets {
namespace {

constexpr std::chrono::hours lock_timeout{4};

/// A directory of this host.
class LocalWriter final : public FolderWriter {
public:
    explicit LocalWriter(fs::path folder) : folder_(std::move(folder)) {}
    LocalWriter(fs::path folder, const char* purpose) : folder_(std::move(folder)) {
        make_directories(folder_);
        lock_.emplace(FileLock::acquire(folder_ / ".lock", purpose, lock_timeout));
    }

    std::uint64_t size(const std::string& name) override {
        std::error_code code;
        const std::uintmax_t size = fs::file_size(folder_ / name, code);
        return code ? 0 : size;
    }

    /// Without a flush of its own: one for all windows follows before the manifest names them.
    void put(const std::string& name, const std::string& bytes) override {
        const fs::path path = folder_ / name;
        fs::create_directories(path.parent_path());
        const fs::path temporary = path.string() + ".new-" + random_hex(8);
        try {
            const Fd fd = open_fd(temporary, O_WRONLY | O_CREAT | O_EXCL, 0644);
            write_all(fd.get(), bytes, temporary.string());
        } catch (...) {
            std::error_code code;
            fs::remove(temporary, code);
            throw;
        }
        fs::rename(temporary, path);
    }

    void flush() override {
        const Fd fd = open_fd(folder_, O_RDONLY | O_DIRECTORY);
        if (::syncfs(fd.get()) != 0) {
            throw system_error("flush", folder_.string(), errno);
        }
    }

    void remove(const std::string& name) override {
        std::error_code code;
        fs::remove(folder_ / name, code);
    }

    ReadAnswer read(const std::string& name, std::uint64_t limit) override {
        return open_folder(folder_.string())->read(name, limit);
    }

    /// The lock keeps others away, so what was read is what is there.
    bool replace_index(const ReadAnswer& /*before*/, const std::string& text) override {
        write_file_atomically(folder_ / "index.json", text);
        return true;
    }

    bool exclusive() const override { return lock_.has_value(); }
    std::unique_ptr<FolderWriter> again() const override { return std::make_unique<LocalWriter>(folder_); }
    std::string location() const override { return folder_.string(); }

private:
    fs::path folder_;
    std::optional<FileLock> lock_{};
};

}  // namespace

std::unique_ptr<FolderWriter> open_local_writer(const fs::path& folder, const char* purpose) {
    return purpose == nullptr ? std::make_unique<LocalWriter>(folder)
                              : std::make_unique<LocalWriter>(folder, purpose);
}

}  // namespace imgforge::targets
