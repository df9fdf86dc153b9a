// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/media_create.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/clock.hpp"
#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/lock.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/install/disc_tree.hpp"
#include "builder/install/installer_parts.hpp"
#include "templates/archive.hpp"
#include "templates/distribution.hpp"

namespace imgforge::install {

namespace {

using templates::ArchiveSuite;

constexpr std::uint64_t space_needed = 1200ULL << 20U;

/// One run of `media create`: the archive's state, what goes on the disc, the disc.
class Maker {
public:
    Maker(const MediaRequest& request, const Places& places, ProcessRunner& runner, Monitor& monitor,
          std::uint64_t activity)
        : request_(request),
          places_(places),
          runner_(runner),
          monitor_(monitor),
          suite_(templates::archive_suite(request.suite)),
          steps_(monitor, fmt::format("make {} medium", request.suite), activity),
          cache_(runner, places.media() / "packages") {}

    MadeMedium make() {
        make_directories(made_folder(request_, places_));
        const FileLock lock =
            FileLock::acquire(places_.media() / "create.lock", "media create", std::chrono::minutes(30),
                              [&](const std::string& holder) { steps_.detail("waiting for " + holder); });
        check_host();
        find_source();
        if (std::optional<MadeMedium> made = still_current())
            return finish(*std::move(made));
        AptArchive archive = loaded_archive(suite_.suite, "main");
        resolve_pool(archive);
        choose_installer(archive);
        if (std::optional<MadeMedium> made = already_made())
            return finish(*std::move(made));
        fetch_pool(archive);
        return finish(assemble(archive));
    }

private:
    void check_host() const {
        for (const auto& [program, package] :
             std::vector<std::pair<std::string, std::string>>{{"apt-get", "apt"},
                                                              {"xorriso", "xorriso"},
                                                              {"depmod", "kmod"},
                                                              {"mcopy", "mtools"},
                                                              {"mkfs.vfat", "dosfstools"},
                                                              {"dpkg-deb", "dpkg"}}) {
            if (!find_program(program))
                throw Error(Failure::host,
                            fmt::format("'{}' is needed to assemble an installer ISO and is not "
                                        "installed",
                                        program),
                            fmt::format("apt-get install {}", package));
        }
        if (free_space(places_.media()) < space_needed)
            throw Error(Failure::host,
                        fmt::format("less than {} free in {}", ByteSize::bytes(space_needed).text(),
                                    places_.media().string()),
                        "free some space, or set IMGFORGE_HOME to a larger file system");
    }

    void find_source() {
        mirror_ = !request_.mirror.empty() ? request_.mirror : host_mirror(runner_);
        if (mirror_.empty()) {
            throw Error(Failure::host,
                        "apt on this host uses no Debian archive, so an installer ISO cannot be assembled",
                        "add a Debian archive to /etc/apt/sources.list.d, or name one with --mirror");
        }
        while (mirror_.ends_with("/"))
            mirror_.pop_back();
    }

    AptArchive open_archive(const std::string& suite, const std::string& component) {
        steps_.progress(2, 100, "%", fmt::format("index of {} {}", suite, component));
        const std::string key = digest_of({mirror_, suite, component}).substr(0, 12);
        AptArchive archive(
            runner_, places_.media() / "apt" / fmt::format("{}-{}", suite, key),
            {.uri = mirror_, .suite = suite, .component = component, .keyring = suite_.keyring});
        archive.update();
        if (!archive.alias().empty()) {
            notes_.push_back(
                fmt::format("{} serves an index of {} {} that its Release file does not name; the one of "
                            "'{}' was taken ({})",
                            mirror_, suite, component, archive.alias(), archive.release().version));
            monitor_.message(notes_.back());
        }
        return archive;
    }

    /// An archive to take packages from; what state it is in becomes part of the medium's record.
    AptArchive loaded_archive(const std::string& suite, const std::string& component) {
        AptArchive archive = open_archive(suite, component);
        archive.load();
        states_.push_back(
            {{"suite", suite}, {"component", component}, {"release", archive.release().sha256}});
        return archive;
    }

    /// The newest medium of the same request, when every archive it was made from is still in the same state:
    /// then nothing need be resolved, unpacked or asked for.
    std::optional<MadeMedium> still_current() {
        std::optional<MadeMedium> made = find_made_medium(request_, places_);
        if (!made || made->sources.empty())
            return std::nullopt;
        for (const Json& state : made->sources) {
            const AptArchive archive =
                open_archive(state.at("suite").get<std::string>(), state.at("component").get<std::string>());
            if (archive.release().sha256 != state.at("release").get<std::string>()) {
                notes_.clear();
                return std::nullopt;
            }
        }
        return made;
    }

    void resolve_pool(AptArchive& archive) {
        steps_.progress(8, 100, "%", "resolving packages");
        std::vector<std::string> wanted = suite_.packages;
        wanted.insert(wanted.end(), suite_.extra_packages.begin(), suite_.extra_packages.end());
        wanted.insert(wanted.end(), request_.packages.begin(), request_.packages.end());
        pool_ = archive.resolve(wanted);
        // grub-pc excludes grub-efi-amd64, so UEFI's packages come from a resolution of their own.
        std::set<std::string> known;
        for (const IndexedPackage& package : pool_)
            known.insert(package.path);
        for (IndexedPackage& package : archive.resolve(suite_.efi_packages)) {
            if (known.insert(package.path).second)
                pool_.push_back(std::move(package));
        }
    }

    void choose_installer(AptArchive& packages) {
        for (const std::string& candidate : suite_.installers) {
            steps_.progress(12, 100, "%", fmt::format("looking for the installer of {}", candidate));
            const ArchiveSuite row = templates::archive_suite(candidate);
            installer_archive_.emplace(candidate == suite_.suite ? std::optional<AptArchive>{}
                                                                 : loaded_archive(candidate, "main"));
            AptArchive udebs = loaded_archive(candidate, "main/debian-installer");
            InstallerRequest request{
                .suite = row,
                .packages = candidate == suite_.suite ? &packages : &*installer_archive_.value(),
                .udebs = &udebs,
                .pool_suite = &packages};
            request.progress = [&](std::string_view step, double share) {
                steps_.progress(12 + share * 38, 100, "%", std::string(step));
            };
            std::string why_not;
            parts_ = collect_installer(request, cache_, runner_, why_not);
            if (parts_) {
                installer_ = candidate;
                return;
            }
            monitor_.message(fmt::format("the installer of {} cannot be used: {}", candidate, why_not));
            notes_.push_back(
                fmt::format("the installer of {} is not complete on {}: {}", candidate, mirror_, why_not));
        }
        throw Error(
            Failure::tool,
            fmt::format("no installer for {} is complete on {}: {}", suite_.suite, mirror_,
                        notes_.empty() ? "none known" : notes_.back()),
            "name a complete mirror with --mirror, or give an official ISO with --set installer.iso=FILE");
    }

    std::string fingerprint() const {
        std::vector<std::string> parts = {std::to_string(layout_revision), suite_.suite, installer_,
                                          parts_->kernel_abi};
        for (const IndexedPackage& package : pool_)
            parts.push_back(package.path + " " + package.sha256);
        for (const std::string& digest : parts_->digests)
            parts.push_back(digest);
        for (const std::string& name : suite_.udeb_include)
            parts.push_back(name);
        return digest_of(parts);
    }

    std::optional<MadeMedium> already_made() const {
        const std::filesystem::path record =
            made_folder(request_, places_) / (fingerprint().substr(0, 16) + ".json");
        if (!std::filesystem::exists(record))
            return std::nullopt;
        MadeMedium made = read_record(record);
        if (!std::filesystem::exists(made.iso) || std::filesystem::file_size(made.iso) != made.size)
            return std::nullopt;
        made.sources = states_;  // so that the next time the state of the archive is enough
        write_record(made, fingerprint());
        return made;
    }

    void fetch_pool(AptArchive& archive) {
        steps_.progress(50, 100, "%", fmt::format("{} packages", pool_.size()));
        const std::set<std::string> missing =
            cache_.fetch(archive, pool_, [&](std::uint64_t done, std::uint64_t total) {
                const double share =
                    total == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(total);
                steps_.progress(50 + share * 30, 100, "%",
                                fmt::format("packages {} of {}", ByteSize::bytes(done).text(),
                                            ByteSize::bytes(total).text()));
            });
        if (!missing.empty())
            throw Error(Failure::tool,
                        fmt::format("{} does not have packages its own index lists: {}", mirror_,
                                    fmt::join(missing, ", ")),
                        "name another mirror with --mirror");
    }

    DiscIdentity identity(const ReleaseInfo& release) const {
        const std::string version =
            release.version +
            (std::count(release.version.begin(), release.version.end(), '.') == 1 ? ".0" : "");
        std::string build = iso_time(release.seconds);  // 2026-11-21T02:49:09Z
        build = fmt::format("{}{}{}-{}", build.substr(0, 4), build.substr(5, 2), build.substr(8, 2),
                            build.substr(11, 5));
        return {.suite = suite_.suite,
                .product = "Debian GNU/Linux",
                .version = version,
                .date = release.date,
                .build = build,
                .udeb_include = suite_.udeb_include};
    }

    std::vector<PoolPackage> pool_files() const {
        std::vector<PoolPackage> files;
        for (const IndexedPackage& package : pool_)
            files.push_back({package, cache_.path_of(package)});
        return files;
    }

    MadeMedium assemble(const AptArchive& archive) {
        const TempDir work("medium", places_.media());
        steps_.progress(80, 100, "%", "installer's initial RAM disk");
        const BootParts boot = build_boot_parts(*parts_, cache_, runner_);
        steps_.progress(92, 100, "%", "laying out the disc");
        const DiscIdentity disc = identity(archive.release());
        const std::vector<PoolPackage> udebs = pool_udebs(*parts_, cache_, runner_, work / "repacked");
        write_disc_tree(work / "disc", disc, pool_files(), udebs, boot);
        write_efi_image(runner_, work / "disc", boot);
        write_file_atomically(work / "isohdpfx.bin", boot.isohdpfx_bin);
        steps_.progress(95, 100, "%", "writing the ISO image");
        interrupt::check();
        const std::string label = volume_label(disc);
        const std::filesystem::path iso = work / "medium.iso";
        run_checked(runner_, disc_image_command(work / "disc", work / "isohdpfx.bin", label,
                                                archive.release().seconds, iso));
        return publish(iso, label, disc.version, udebs.size());
    }

    MadeMedium publish(const std::filesystem::path& iso, const std::string& label, const std::string& version,
                       std::size_t udebs) {
        const std::string name = fmt::format("{}-{}", suite_.suite, fingerprint().substr(0, 16));
        MadeMedium made{.iso = made_folder(request_, places_) / (name + ".iso"),
                        .sha256 = sha256_file(iso),
                        .suite = suite_.suite,
                        .installer = installer_,
                        .label = label,
                        .kernel_abi = parts_->kernel_abi,
                        .version = version,
                        .debs = pool_.size(),
                        .udebs = udebs,
                        .size = std::filesystem::file_size(iso),
                        .notes = notes(),
                        .sources = states_};
        std::filesystem::permissions(iso, std::filesystem::perms(0644));
        rename_durably(iso, made.iso);
        write_record(made, fingerprint());
        return made;
    }

    std::vector<std::string> notes() const {
        std::vector<std::string> notes = notes_;
        if (installer_ != suite_.suite)
            notes.push_back(fmt::format("it carries the installer of {} with the packages of {}", installer_,
                                        suite_.suite));
        notes.insert(notes.end(), parts_->notes.begin(), parts_->notes.end());
        return notes;
    }

    MadeMedium finish(MadeMedium made) {
        steps_.progress(100, 100, "%", made.iso.filename().string());
        steps_.finish();
        return made;
    }

    const MediaRequest& request_;
    const Places& places_;
    ProcessRunner& runner_;
    Monitor& monitor_;
    ArchiveSuite suite_;
    Activity steps_;
    PackageCache cache_;
    std::string mirror_;
    std::vector<IndexedPackage> pool_;
    std::optional<std::optional<AptArchive>> installer_archive_;
    std::optional<InstallerParts> parts_;
    std::string installer_;
    std::vector<std::string> notes_;
    Json states_ = Json::array();
};

}  // namespace

MadeMedium create_media(const MediaRequest& request, const Places& places, ProcessRunner& runner,
                        Monitor& monitor, std::uint64_t activity) {
    if (request.reuse) {
        if (std::optional<MadeMedium> made = find_made_medium(request, places))
            return *std::move(made);
    }
    return in_context([&] { return fmt::format("the installer ISO of {}", request.suite); },
                      [&] { return Maker(request, places, runner, monitor, activity).make(); });
}

}  // namespace imgforge::install
