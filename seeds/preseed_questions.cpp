// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/preseed_questions.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace imgforge::seeds {

namespace {

/// Type, and names of questions separated by spaces.
constexpr std::pair<std::string_view, std::string_view> questions[] = {
    {"string",
     "debian-installer/locale debian-installer/language debian-installer/country netcfg/hostname "
     "netcfg/get_hostname "
     "netcfg/get_domain "
     "netcfg/domain netcfg/get_nameservers netcfg/get_ipaddress netcfg/get_netmask netcfg/get_gateway "
     "netcfg/dhcp_timeout "
     "netcfg/link_wait_timeout netcfg/wireless_essid netcfg/dhcp_hostname hw-detect/firmware-lookup "
     "mirror/http/hostname "
     "mirror/http/directory mirror/http/proxy mirror/https/hostname mirror/https/directory "
     "mirror/https/proxy mirror/suite "
     "mirror/udeb/suite mirror/udeb/components passwd/user-fullname passwd/username passwd/user-uid "
     "passwd/user-default-groups "
     "clock-setup/ntp-server time/zone partman-auto/disk partman-auto/init_automatically_partition "
     "partman-auto/method "
     "partman-auto/expert_recipe partman-auto/expert_recipe_file partman-auto-lvm/guided_size "
     "partman-auto-lvm/new_vg_name "
     "partman-auto-raid/recipe partman-partitioning/default_label partman/mount_style "
     "partman/default_filesystem "
     "partman/early_command base-installer/kernel/image base-installer/kernel/override-image "
     "base-installer/debootstrap_variant "
     "base-installer/includes apt-setup/security_host apt-setup/local0/repository "
     "apt-setup/local0/comment apt-setup/local0/key "
     "pkgsel/include debian-installer/add-kernel-opts grub-installer/bootdev preseed/early_command "
     "preseed/late_command "
     "preseed/include "
     "preseed/run preseed/url preseed/file anna/choose_modules debian-installer/allow_unauthenticated "
     "log_host lowmem/low "
     "partman-auto/cap-ram rescue/enable live-installer/net-image "
     "console-setup/layoutcode "
     "network-console/start "
     "ubiquity/summary"},
    {"boolean",
     "partman-crypto/weak_passphrase netcfg/enable netcfg/disable_autoconfig netcfg/disable_dhcp "
     "netcfg/use_autoconfig "
     "netcfg/confirm_static "
     "hw-detect/load_firmware "
     "hw-detect/load_media passwd/make-user passwd/root-login passwd/user-crypted-password "
     "user-setup/allow-password-weak "
     "user-setup/encrypt-home passwd/allow-password-empty clock-setup/utc clock-setup/ntp "
     "partman/confirm "
     "partman/confirm_nooverwrite "
     "partman/confirm_new_label partman-basicfilesystems/no_swap "
     "partman-basicfilesystems/no_mount_point partman-efi/non_efi_system "
     "partman-lvm/device_remove_lvm partman-lvm/confirm partman-lvm/confirm_nooverwrite "
     "partman-md/device_remove_md "
     "partman-md/confirm "
     "partman-md/confirm_nooverwrite partman-partitioning/confirm_write_new_label "
     "partman-partitioning/confirm_new_label "
     "partman-auto/purge_lvm_from_device partman-auto-crypto/erase_disks partman-crypto/confirm "
     "partman-crypto/confirm_nooverwrite "
     "base-installer/install-recommends apt-setup/use_mirror apt-setup/no_mirror apt-setup/non-free "
     "apt-setup/non-free-firmware "
     "apt-setup/contrib apt-setup/cdrom/set-first apt-setup/cdrom/set-next apt-setup/cdrom/set-failed "
     "apt-setup/cdrom/set-double "
     "apt-setup/restricted apt-setup/universe apt-setup/multiverse apt-setup/backports "
     "apt-setup/proposed "
     "apt-setup/partner partman/unmount_active "
     "apt-setup/disable-cdrom-entries apt-setup/enable-source-repositories apt-setup/local0/source "
     "pkgsel/run_tasksel "
     "pkgsel/install-language-support popularity-contest/participate grub-installer/only_debian "
     "grub-installer/with_other_os "
     "grub-installer/skip grub-installer/force-efi-extra-removable grub-installer/make_active "
     "finish-install/keep-consoles "
     "cdrom-detect/eject debian-installer/exit/halt debian-installer/exit/poweroff "
     "debian-installer/exit/reboot "
     "debian-installer/splash anna/no_kernel_modules preseed/interactive save-logs/menu "
     "mirror/http/mirror-fallback "
     "partman-swapfile/use apt-mirror-setup/use_mirror debian-installer/framebuffer "
     "cdrom-checker/start"},
    {"select",
     "keyboard-configuration/xkb-keymap keyboard-configuration/layoutcode "
     "keyboard-configuration/variantcode "
     "keyboard-configuration/modelcode keyboard-configuration/toggle keymap netcfg/choose_interface "
     "netcfg/wireless_security_type "
     "mirror/country mirror/protocol mirror/http/countries mirror/http/mirror "
     "partman-auto/choose_recipe partman/choose_partition "
     "partman-partitioning/choose_label pkgsel/upgrade pkgsel/update-policy "
     "base-installer/initramfs-tools/driver-policy "
     "base-installer/kernel/which grub-installer/choose_bootdev debian-installer/main-menu "
     "languagechooser/language-name "
     "countrychooser/shortlist "
     "localechooser/supported-locales"},
    {"multiselect", "tasksel/first apt-setup/services-select tasksel/skip-tasks"},
    {"note", "finish-install/reboot_in_progress apt-setup/security-updates-failed cdrom-detect/success"},
    {"password",
     "passwd/root-password passwd/root-password-again passwd/root-password-crypted "
     "passwd/user-password passwd/user-password-again "
     "passwd/user-password-crypted grub-installer/password grub-installer/password-again "
     "grub-installer/password-crypted "
     "partman-crypto/passphrase partman-crypto/passphrase-again netcfg/wireless_wep "
     "netcfg/wireless_wpa"},
};

}  // namespace

const std::map<std::string, std::string>& known_questions() {
    static const std::map<std::string, std::string> table = [] {
        std::map<std::string, std::string> out;
        for (auto [type, names] : questions) {
            while (!names.empty()) {
                const std::size_t end = std::min(names.find(' '), names.size());
                out.emplace(names.substr(0, end), type);
                names.remove_prefix(std::min(end + 1, names.size()));
            }
        }
        return out;
    }();
    return table;
}

}  // namespace imgforge::seeds
