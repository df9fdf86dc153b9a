// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "builder/base/byte_size.hpp"
#include "builder/base/processor_level.hpp"

namespace imgforge::virt {

/// One link of a backing chain below the top file, top first.
struct BackingFile {
    std::filesystem::path path;
    std::string format;  ///< "qcow2" or "raw": stated, never probed
    /// Not a file but the export of an NBD server at this socket, which QEMU connects to again for a while
    /// when it goes away; `path` does not count then.
    std::filesystem::path nbd_socket{};
};

/// An image in a Ceph pool.
struct CephDisk {
    std::string image;             ///< "POOL/IMAGE"
    std::filesystem::path config;  ///< ceph.conf, at this path on the host that runs the machine
    std::string user{};            ///< without "client."
    std::string secret{};          ///< usage name of libvirt's secret with the user's key; empty: no login
};

struct DiskSpec {
    enum class Device { disk, cdrom };
    std::filesystem::path path;
    std::string format;  ///< "qcow2" or "raw"
    std::string target;  ///< "vda", "sda"
    std::string bus = "virtio";
    Device device = Device::disk;
    bool readonly = false;
    std::optional<CephDisk> ceph{};   ///< then `path` does not count, and the format is raw
    bool stop_on_error = false;       ///< the machine pauses when reading or writing fails
    std::string cache{};              ///< "none", "unsafe", "writeback" …; empty: libvirt's default
    bool discard = true;              ///< discard='unmap' detect_zeroes='unmap' on writable disks
    std::string serial{};             ///< shown in the guest as /dev/disk/by-id/virtio-SERIAL
    std::optional<int> boot_order{};  ///< 1 = first
    std::optional<int>
        port{};  ///< PCIe root port (DomainSpec::root_ports) it sits in; empty: libvirt chooses
    std::vector<BackingFile>
        backing{};  ///< whole chain; the end is written as an empty <backingStore/>, so nothing is probed
};

struct PortForward {
    std::string host_address = "127.0.0.1";
    std::uint16_t host_port = 0;
    std::uint16_t guest_port = 22;
    std::string protocol = "tcp";  ///< "tcp" or "udp"
};

struct NicSpec {
    enum class Kind { network, bridge, user };
    Kind kind = Kind::network;
    std::string source{};  ///< libvirt network or bridge name; unused for user
    std::string mac;       ///< "52:54:00:…", always stated
    std::optional<int> vlan{};
    std::string model = "virtio";
    std::vector<PortForward> forwards{};  ///< user only; given to QEMU itself by qemu:commandline
    bool restricted = false;              ///< user only: nothing leaves, forwarded ports lead in
    std::string filter{};                 ///< nwfilter name, "clean-traffic"; empty: none
    bool link_up = true;
    std::optional<int> port{};  ///< as for disks
};

/// Where a serial port or channel ends on the host.
struct CharacterSpec {
    enum class Kind { pty, file, unix_socket, null };
    Kind kind = Kind::pty;
    std::filesystem::path path{};  ///< file or socket (socket: bound by QEMU; at most 107 bytes)
    std::filesystem::path log{};   ///< also copied here by libvirt; empty: not
    bool append = false;           ///< file and log: append rather than truncate
};

struct ChannelSpec {
    std::string name;      ///< "org.qemu.guest_agent.0", "org.fedoraproject.anaconda.log.0"
    CharacterSpec host{};  ///< for unix_socket an empty path lets libvirt choose
};

struct FilesystemSpec {
    enum class Driver { virtiofs, p9 };
    Driver driver = Driver::virtiofs;
    std::filesystem::path source;
    std::string tag;
    bool readonly = false;
};

/// What the machine does when the guest ends by itself.
enum class OnEnd { destroy, restart, preserve };

struct DirectBoot {
    std::filesystem::path kernel;
    std::filesystem::path initrd{};
    std::string cmdline{};
};

/// Everything a domain is made of: a value, from which domain_xml() makes the XML. Serves installs and
/// spawned machines.
struct DomainSpec {
    enum class Accel { kvm, tcg };
    enum class Firmware { bios, uefi };

    std::string name;
    std::string uuid{};  ///< empty: libvirt makes one
    std::string title{};
    std::string description{};
    std::string os_id{};  ///< libosinfo's, "http://debian.org/debian/12": what virt-manager shows
    ByteSize memory = ByteSize::mib(1024);
    int vcpus = 1;
    std::string arch = "x86_64";
    std::string machine = "q35";
    Accel accel = Accel::tcg;
    std::string cpu{};  ///< empty: host-passthrough under KVM, by `processor` under TCG; else "host-model",
                        ///< "maximum" or a model name
    /// The level the guest is compiled for; emulating more costs time. Nothing: unknown, and everything that
    /// QEMU can emulate is there.
    std::optional<ProcessorLevel> processor{};
    ByteSize tcg_cache{};  ///< translation cache under TCG (QEMU's tb-size); zero: QEMU's default
    Firmware firmware = Firmware::bios;
    bool secure_boot = false;          ///< uefi only
    bool tpm = false;                  ///< emulated TPM 2.0 (needs swtpm)
    std::filesystem::path nvram{};     ///< uefi only; empty: libvirt chooses
    std::optional<DirectBoot> boot{};  ///< direct kernel boot; else by the disks' boot order
    std::vector<DiskSpec> disks{};
    std::vector<NicSpec> nics{};
    std::vector<CharacterSpec> serials{};  ///< ttyS0 first; the first is the console as well
    std::vector<ChannelSpec> channels{};
    std::vector<FilesystemSpec> filesystems{};
    /// So many PCIe root ports are stated, from 1 on; devices that state a port keep their address whatever
    /// else the machine has, and free ports take devices while it runs. 0: libvirt makes what it needs.
    int root_ports = 0;
    bool rng = true;
    bool video = true;    ///< no screenshot without a video device
    bool balloon = true;  ///< virtio memory balloon
    /// Clock as virt-manager gives it to guests: the RTC catches up after a pause, no HPET; and the guest is
    /// not offered to suspend the machine.
    bool tuned_clock = false;
    bool free_page_reporting = false;  ///< the balloon tells the host which pages the guest does not use
    std::string graphics{};            ///< "vnc": a screen on 127.0.0.1; empty: none
    bool panic_device = false;         ///< isa panic notifier, so that a guest's panic is an event
    std::string generation_id{};       ///< vmgenid UUID; empty: no device
    OnEnd on_poweroff = OnEnd::destroy;
    OnEnd on_reboot = OnEnd::restart;
    OnEnd on_crash = OnEnd::destroy;
    std::map<std::string, std::string>
        metadata{};  ///< attributes of <imgforge:machine>: image, generation, instance_id …
    std::vector<std::string> xml_overrides{};  ///< "XPATH=VALUE", applied last (xml_override.hpp)
    std::vector<std::string> qemu_args{};      ///< last resort, appended by qemu:commandline
};

/// XML namespace of our metadata element.
inline constexpr const char* metadata_namespace = "https://imgforge.dev/xmlns/machine/1";

}  // namespace imgforge::virt
