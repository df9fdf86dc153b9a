// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/virt/domain_xml.hpp"

#include <sys/un.h>

#include <algorithm>

#include <fmt/format.h>
#include <pugixml.hpp>
#include <sstream>

#include "builder/base/error.hpp"
#include "builder/virt/domain_xml_devices.hpp"
#include "builder/virt/xml_override.hpp"

namespace imgforge::virt {

namespace {

void check_spec(const DomainSpec& spec) {
    const auto refuse = [&](const std::string& why) {
        throw Error(Failure::domain, fmt::format("domain '{}': {}", spec.name, why));
    };
    if (spec.name.empty()) {
        refuse("it has no name");
    }
    if (spec.vcpus < 1) {
        refuse(fmt::format("{} virtual CPUs", spec.vcpus));
    }
    if (spec.memory < ByteSize::mib(16)) {
        refuse("less than 16 MiB of memory");
    }
    if (spec.secure_boot && spec.firmware != DomainSpec::Firmware::uefi) {
        refuse("secure boot needs firmware uefi");
    }
    for (const CharacterSpec& serial : spec.serials) {
        check_socket_path(serial);
    }
    for (const ChannelSpec& channel : spec.channels) {
        check_socket_path(channel.host);
    }
}

void add_metadata(pugi::xml_node domain, const DomainSpec& spec) {
    if (spec.metadata.empty()) {
        return;
    }
    auto metadata = domain.append_child("metadata");
    if (!spec.os_id.empty()) {
        auto info = metadata.append_child("libosinfo:libosinfo");
        info.append_attribute("xmlns:libosinfo") = "http://libosinfo.org/xmlns/libvirt/domain/1.0";
        info.append_child("libosinfo:os").append_attribute("id") = spec.os_id.c_str();
    }
    auto machine = metadata.append_child("imgforge:machine");
    machine.append_attribute("xmlns:imgforge") = metadata_namespace;
    for (const auto& [key, value] : spec.metadata) {
        machine.append_attribute(key.c_str()) = value.c_str();
    }
}

void add_memory_and_cpu(pugi::xml_node domain, const DomainSpec& spec) {
    auto memory = domain.append_child("memory");
    memory.append_attribute("unit") = "KiB";
    memory.text().set(static_cast<unsigned long long>(spec.memory.in_kib()));
    if (std::any_of(spec.filesystems.begin(), spec.filesystems.end(), [](const FilesystemSpec& shared) {
            return shared.driver == FilesystemSpec::Driver::virtiofs;
        })) {
        // virtiofs needs memory that its daemon can map (libvirt.org/kbase/virtiofs.html).
        auto backing = domain.append_child("memoryBacking");
        backing.append_child("source").append_attribute("type") = "memfd";
        backing.append_child("access").append_attribute("mode") = "shared";
    }
    domain.append_child("vcpu").text().set(spec.vcpus);
}

void add_os(pugi::xml_node domain, const DomainSpec& spec) {
    auto os = domain.append_child("os");
    if (spec.firmware == DomainSpec::Firmware::uefi) {
        os.append_attribute("firmware") = "efi";
    }
    auto type = os.append_child("type");
    type.append_attribute("arch") = spec.arch.c_str();
    type.append_attribute("machine") = spec.machine.c_str();
    type.text().set("hvm");
    if (spec.firmware == DomainSpec::Firmware::uefi) {
        auto firmware = os.append_child("firmware");
        for (const char* const feature : {"secure-boot", "enrolled-keys"}) {
            auto node = firmware.append_child("feature");
            node.append_attribute("enabled") = spec.secure_boot ? "yes" : "no";
            node.append_attribute("name") = feature;
        }
        if (!spec.nvram.empty()) {
            os.append_child("nvram").text().set(spec.nvram.c_str());
        }
    }
    if (spec.boot) {
        os.append_child("kernel").text().set(spec.boot->kernel.c_str());
        if (!spec.boot->initrd.empty()) {
            os.append_child("initrd").text().set(spec.boot->initrd.c_str());
        }
        if (!spec.boot->cmdline.empty()) {
            os.append_child("cmdline").text().set(spec.boot->cmdline.c_str());
        }
    }
}

void add_features(pugi::xml_node domain, const DomainSpec& spec) {
    auto features = domain.append_child("features");
    features.append_child("acpi");
    features.append_child("apic");
    if (spec.secure_boot) {
        features.append_child("smm").append_attribute("state") = "on";
    }
    if (spec.accel == DomainSpec::Accel::tcg && spec.tcg_cache.in_bytes() != 0) {
        auto cache = features.append_child("tcg").append_child("tb-cache");
        cache.append_attribute("unit") = "MiB";
        cache.text().set(static_cast<unsigned long long>(spec.tcg_cache.in_mib()));
    }
}

/// The leanest CPU model of QEMU with all features of a level. Each feature that the guest's kernel finds is
/// one that it uses, and emulated it is slower than doing without: "maximum" takes 15 to 25 % more time.
struct EmulatedCpu {
    const char* model;
    std::vector<const char*> without;
};

EmulatedCpu emulated_cpu(ProcessorLevel level) {
    switch (level) {
        case ProcessorLevel::v1:
            // QEMU 7.2 can leave garbage in EFLAGS after CMPXCHG16B, and kernels whose allocator uses it (6.5
            // and later) then die of a double error. The level does not have the instruction.
            return {"qemu64", {"cx16"}};
        case ProcessorLevel::v2: return {"Nehalem", {}};
        case ProcessorLevel::v3: break;
    }
    return {"Haswell-noTSX", {"pcid", "x2apic", "tsc-deadline", "invpcid"}};  // TCG has none of these
}

void add_model(pugi::xml_node cpu, const std::string& model, const char* check,
               const std::vector<const char*>& without) {
    cpu.append_attribute("mode") = "custom";
    cpu.append_attribute("match") = "exact";
    if (check != nullptr) {
        cpu.append_attribute("check") = check;
    }
    cpu.append_child("model").text().set(model.c_str());
    for (const char* const name : without) {
        auto feature = cpu.append_child("feature");
        feature.append_attribute("policy") = "disable";
        feature.append_attribute("name") = name;
    }
}

void add_cpu(pugi::xml_node domain, const DomainSpec& spec) {
    auto cpu = domain.append_child("cpu");
    const bool emulated = spec.accel == DomainSpec::Accel::tcg;
    if (spec.cpu.empty() && emulated && spec.processor && spec.arch == "x86_64") {
        const EmulatedCpu lean = emulated_cpu(*spec.processor);
        // What libvirt takes a model to be differs from QEMU's own; QEMU decides.
        add_model(cpu, lean.model, "none", lean.without);
        return;
    }
    const std::string model = !spec.cpu.empty() ? spec.cpu : emulated ? "maximum" : "host-passthrough";
    if (model == "host-passthrough" || model == "host-model" || model == "maximum") {
        cpu.append_attribute("mode") = model.c_str();
    } else {
        add_model(cpu, model, nullptr, {});
    }
}

const char* end_text(OnEnd end) {
    switch (end) {
        case OnEnd::restart: return "restart";
        case OnEnd::preserve: return "preserve";
        case OnEnd::destroy: break;
    }
    return "destroy";
}

void add_ends(pugi::xml_node domain, const DomainSpec& spec) {
    auto clock = domain.append_child("clock");
    clock.append_attribute("offset") = "utc";
    if (spec.tuned_clock) {
        const auto timer = [&clock](const char* name, const char* key, const char* value) {
            auto node = clock.append_child("timer");
            node.append_attribute("name") = name;
            node.append_attribute(key) = value;
        };
        timer("rtc", "tickpolicy", "catchup");
        timer("pit", "tickpolicy", "delay");
        timer("hpet", "present", "no");
    }
    domain.append_child("on_poweroff").text().set(end_text(spec.on_poweroff));
    domain.append_child("on_reboot").text().set(end_text(spec.on_reboot));
    domain.append_child("on_crash").text().set(end_text(spec.on_crash));
    if (spec.tuned_clock) {
        auto pm = domain.append_child("pm");
        pm.append_child("suspend-to-mem").append_attribute("enabled") = "no";
        pm.append_child("suspend-to-disk").append_attribute("enabled") = "no";
    }
}

void add_qemu_arguments(pugi::xml_node domain, const DomainSpec& spec) {
    std::vector<std::string> arguments = user_nic_arguments(spec);
    arguments.insert(arguments.end(), spec.qemu_args.begin(), spec.qemu_args.end());
    if (arguments.empty()) {
        return;
    }
    domain.append_attribute("xmlns:qemu") = "http://libvirt.org/schemas/domain/qemu/1.0";
    auto commandline = domain.append_child("qemu:commandline");
    for (const std::string& argument : arguments) {
        commandline.append_child("qemu:arg").append_attribute("value") = argument.c_str();
    }
}

std::string text_of(const pugi::xml_document& document) {
    std::ostringstream out;
    document.save(out, "  ", pugi::format_default | pugi::format_no_declaration);
    return out.str();
}

}  // namespace

std::string domain_xml(const DomainSpec& spec) {
    check_spec(spec);
    pugi::xml_document document;
    auto domain = document.append_child("domain");
    domain.append_attribute("type") = spec.accel == DomainSpec::Accel::kvm ? "kvm" : "qemu";
    domain.append_child("name").text().set(spec.name.c_str());
    if (!spec.uuid.empty()) {
        domain.append_child("uuid").text().set(spec.uuid.c_str());
    }
    if (!spec.generation_id.empty()) {
        domain.append_child("genid").text().set(spec.generation_id.c_str());
    }
    if (!spec.title.empty()) {
        domain.append_child("title").text().set(spec.title.c_str());
    }
    if (!spec.description.empty()) {
        domain.append_child("description").text().set(spec.description.c_str());
    }
    add_metadata(domain, spec);
    add_memory_and_cpu(domain, spec);
    add_os(domain, spec);
    add_features(domain, spec);
    add_cpu(domain, spec);
    add_ends(domain, spec);
    add_devices(domain.append_child("devices"), spec);
    add_qemu_arguments(domain, spec);
    for (const std::string& override_text : spec.xml_overrides) {
        apply_xml_override(domain, override_text);
    }
    return text_of(document);
}

std::string disk_xml(const DiskSpec& disk) {
    pugi::xml_document document;
    add_disk(document, disk);
    return text_of(document);
}

std::string nic_xml(const NicSpec& nic) {
    if (nic.kind == NicSpec::Kind::user && !nic.forwards.empty()) {
        throw Error(Failure::domain,
                    "a user-mode NIC with forwarded ports cannot be added to a running machine");
    }
    pugi::xml_document document;
    add_nic(document, nic);
    return text_of(document);
}

}  // namespace imgforge::virt
