// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/base/diagnostics.hpp"
#include "builder/base/json.hpp"
#include "seeds/guest.hpp"
#include "seeds/host_keys.hpp"

namespace imgforge::seeds {

enum class Datasource { nocloud, configdrive };

/// "nocloud" or "configdrive"; throws Failure::usage for another word.
Datasource parse_datasource(std::string_view word);
std::string_view to_string(Datasource datasource);

/// Volume label by which cloud-init finds the medium: "cidata" or "config-2".
std::string_view volume_label(Datasource datasource);

/// A login on the new machine. Passwords only as crypt(3) hashes (see passwords.hpp).
struct SeedUser {
    std::string name;
    std::string gecos{};
    std::vector<std::string> groups{};
    bool sudo = false;  ///< any command without a password
    std::string shell = "/bin/bash";
    std::vector<std::string> ssh_keys{};        ///< lines as in authorized_keys
    std::string password_hash{};                ///< empty: the password stays locked
    std::vector<std::string> ssh_import_ids{};  ///< "gh:ann", "lp:ann"
};

/// A further part of the user's user-data.
struct SeedPart {
    std::string bytes;
    std::string name;    ///< for diagnostics and as the part's file name
    std::string type{};  ///< "text/x-shellscript"; empty: what the part's beginning says
};

/// How much a seed's contents are judged.
enum class SeedChecks {
    refuse,  ///< what cloud-init drops or refuses is an error
    warn,    ///< everything found is a warning
    none     ///< nothing of the user's own files is looked at
};

/// A file the guest gets; any bytes (what is not UTF-8 travels as base64).
struct SeedFile {
    std::string path;
    std::string content;
    std::string permissions = "0644";
    std::string owner = "root:root";
    bool after_packages = false;  ///< written late, when packages and users exist
};

struct SeedRepository {
    enum class Kind { apt, yum, zypper };
    std::string name;
    Kind kind = Kind::apt;
    std::string source;  ///< apt: a "deb …" line; yum and zypper: the base URL
    std::string key{};   ///< apt: the armoured key; yum and zypper: its URL
};

/// An empty data disk to be partitioned (one partition), formatted and mounted. A disk that has a file system
/// keeps it.
struct SeedDisk {
    std::string device;  ///< "/dev/vdb"
    std::string mountpoint;
    std::string filesystem = "ext4";
    std::string label{};
};

/// One network card, matched by MAC. Addresses with prefix length ("192.0.2.5/24").
struct SeedNic {
    std::string mac;
    std::string name = "eth0";
    bool dhcp4 = true;
    bool dhcp6 = false;
    std::vector<std::string> addresses{};
    std::string gateway4{};
    std::string gateway6{};
    std::vector<std::string> nameservers{};
    std::vector<std::string> search{};
    int mtu = 0;  ///< 0: left alone
};

/// What a machine shall learn at its first boot. Everything is optional.
struct SeedSpec {
    Datasource datasource = Datasource::nocloud;
    std::string instance_id{};  ///< empty: a fresh one ("i-" and a random UUID)
    std::string hostname{};
    std::string fqdn{};
    bool default_user = true;             ///< make the image's own default user too
    std::vector<std::string> ssh_keys{};  ///< for the default user
    std::vector<SeedUser> users{};
    std::optional<bool> ssh_password_login{};
    std::string locale{};
    std::string timezone{};
    std::string keyboard{};  ///< layout, "de"
    std::string keyboard_variant{};
    Json network{};  ///< network-config version 2 (with or without the outer `network:`); null: cloud-init's
                     ///< own DHCP
    std::vector<std::string> packages{};
    std::vector<SeedRepository> repositories{};
    std::vector<SeedFile> files{};
    std::vector<std::string> commands{};  ///< shell lines, run once at the end of the first boot
    std::vector<SeedDisk> disks{};
    std::vector<std::vector<std::string>> mounts{};  ///< fstab fields
    std::vector<HostKey> host_keys{};                ///< see make_host_keys()
    std::string
        ready_marker{};  ///< printed on the console as "IMGFORGE-READY <marker>" when cloud-init is done
    std::string phone_home{};     ///< URL cloud-init posts to when done
    Json extra = Json::object();  ///< more cloud-config keys, taken as they are

    /// The user's own files, as bytes. user_data may be cloud-config, a script, MIME, jinja, an include list
    /// or gzip of these; what is configured above is merged with it as a second MIME part: lists are joined,
    /// on other keys the user's win.
    std::optional<std::string> user_data{};
    std::vector<SeedPart> more_user_data{};  ///< parts behind user_data, in their order
    std::optional<std::string> meta_data{};  ///< NoCloud's meta-data; what it does not say is added
    std::string meta_data_name = "meta-data";
    std::string dsmode{};                       ///< "local", "net" or "pass"; empty: cloud-init's own choice
    std::vector<std::string> ssh_import_ids{};  ///< for the default user
    Guest guest{};                              ///< whose cloud-init judges the files
    SeedChecks checks = SeedChecks::refuse;
    std::optional<std::string> vendor_data{};
    std::optional<std::string> network_config{};  ///< replaces `network`; version 1 or 2
    std::string user_data_name = "user-data";     ///< names for diagnostics
    std::string vendor_data_name = "vendor-data";
    std::string network_config_name = "network-config";
    bool verbatim = false;  ///< user_data exactly as given; configuration above that would need it is refused
};

/// Path in the medium -> bytes.
using SeedFiles = std::map<std::string, std::string>;

/// The files of the medium. Warnings go to `warnings`; throws Failure::recipe with all errors of the spec and
/// of the user's files.
SeedFiles seed_files(const SeedSpec& spec, Diagnostics& warnings);
SeedFiles seed_files(const SeedSpec& spec);

/// network-config version 1 for cards found by MAC and named. Its `gateway` is set by every renderer of
/// cloud-init; a default route in version 2 is lost on a guest with ifupdown and without net-tools, because
/// cloud-init writes "route add … || true" for it (eni.py _render_route, 22.4 to 25.1).
Json network_v1(const std::vector<SeedNic>& nics);
/// network-config version 2 for the same, which ConfigDrive's network_data.json is made from.
Json network_v2(const std::vector<SeedNic>& nics);

/// A fresh instance-id: no two calls give the same.
std::string fresh_instance_id();

/// The instant that stamps reproducible media: $SOURCE_DATE_EPOCH, else 2020-01-01.
std::int64_t reproducible_time();

/// An ISO 9660 image with Joliet and Rock Ridge, same bytes for same files, label and `epoch` (seconds since
/// 1970).
std::string seed_iso(const SeedFiles& files, std::string_view label, std::int64_t epoch);
/// A FAT16 image with long names; same promise. `label` is written in upper case, as mkfs.vfat(8) wants it.
std::string seed_vfat(const SeedFiles& files, std::string_view label, std::int64_t epoch);

/// A tar archive (ustar), same promise.
std::string seed_tar(const SeedFiles& files, std::int64_t epoch);

/// Atomic, mode 0600, stamped with reproducible_time(). Replaces an existing file.
void write_seed_iso(const SeedFiles& files, std::string_view label, const std::filesystem::path& path);
void write_seed_vfat(const SeedFiles& files, std::string_view label, const std::filesystem::path& path);
/// The files below `folder` (made with mode 0700, files 0600). Files of other names in it are left alone, a
/// file of a seed that is there already is replaced.
void write_seed_dir(const SeedFiles& files, const std::filesystem::path& folder);

}  // namespace imgforge::seeds
