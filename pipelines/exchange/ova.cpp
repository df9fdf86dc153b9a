// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/exchange/ova.hpp"

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/temp_dir.hpp"
#include "pipelines/exchange/disk_writer.hpp"
#include "pipelines/exchange/tar_file.hpp"

namespace fs = std::filesystem;

namespace imgforge::exchange {
namespace {

/// DSP0243 1.0 with CIM's numbers: resource types 3 processor, 4 memory, 6 SCSI controller, 10 network card,
/// 17 disk; operating system 101 Linux 64-bit.
constexpr const char* ovf_template = R"(<?xml version="1.0" encoding="UTF-8"?>
<Envelope ovf:version="1.0" xml:lang="en-US" xmlns="http://schemas.dmtf.org/ovf/envelope/1"
  xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
  xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData"
  xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData">
  <References>
    <File ovf:href="{file}" ovf:id="file1" ovf:size="{size}"/>
  </References>
  <DiskSection>
    <Info>The disk of the machine</Info>
   <Disk ovf:capacity="{capacity}" ovf:capacityAllocationUnits="byte" ovf:diskId="vmdisk1" ovf:fileRef="file1"
      ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>
  </DiskSection>
  <NetworkSection>
    <Info>The networks</Info>
    <Network ovf:name="nat"><Description>The network of the machine</Description></Network>
  </NetworkSection>
  <VirtualSystem ovf:id="{name}">
    <Info>A virtual machine</Info>
    <Name>{name}</Name>
    <OperatingSystemSection ovf:id="101"><Info>The operating system</Info></OperatingSystemSection>
    <VirtualHardwareSection>
      <Info>Virtual hardware</Info>
      <System>
        <vssd:ElementName>Virtual Hardware Family</vssd:ElementName>
        <vssd:InstanceID>0</vssd:InstanceID>
        <vssd:VirtualSystemIdentifier>{name}</vssd:VirtualSystemIdentifier>
        <vssd:VirtualSystemType>vmx-10</vssd:VirtualSystemType>
      </System>
      <Item>
        <rasd:AllocationUnits>hertz * 10^6</rasd:AllocationUnits>
        <rasd:ElementName>2 virtual CPUs</rasd:ElementName>
        <rasd:InstanceID>1</rasd:InstanceID>
        <rasd:ResourceType>3</rasd:ResourceType>
        <rasd:VirtualQuantity>2</rasd:VirtualQuantity>
      </Item>
      <Item>
        <rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits>
        <rasd:ElementName>2048 MB of memory</rasd:ElementName>
        <rasd:InstanceID>2</rasd:InstanceID>
        <rasd:ResourceType>4</rasd:ResourceType>
        <rasd:VirtualQuantity>2048</rasd:VirtualQuantity>
      </Item>
      <Item>
        <rasd:Address>0</rasd:Address>
        <rasd:ElementName>SCSI controller 0</rasd:ElementName>
        <rasd:InstanceID>3</rasd:InstanceID>
        <rasd:ResourceSubType>lsilogic</rasd:ResourceSubType>
        <rasd:ResourceType>6</rasd:ResourceType>
      </Item>
      <Item>
        <rasd:AddressOnParent>0</rasd:AddressOnParent>
        <rasd:ElementName>Disk 1</rasd:ElementName>
        <rasd:HostResource>ovf:/disk/vmdisk1</rasd:HostResource>
        <rasd:InstanceID>4</rasd:InstanceID>
        <rasd:Parent>3</rasd:Parent>
        <rasd:ResourceType>17</rasd:ResourceType>
      </Item>
      <Item>
        <rasd:AddressOnParent>7</rasd:AddressOnParent>
        <rasd:AutomaticAllocation>true</rasd:AutomaticAllocation>
        <rasd:Connection>nat</rasd:Connection>
        <rasd:ElementName>Network card 1</rasd:ElementName>
        <rasd:InstanceID>5</rasd:InstanceID>
        <rasd:ResourceSubType>E1000</rasd:ResourceSubType>
        <rasd:ResourceType>10</rasd:ResourceType>
      </Item>
    </VirtualHardwareSection>
  </VirtualSystem>
</Envelope>
)";

}  // namespace

std::string ovf_descriptor(const ExportDisk& disk, const std::string& disk_file, std::uint64_t disk_size) {
    return fmt::format(fmt::runtime(ovf_template), fmt::arg("file", disk_file), fmt::arg("size", disk_size),
                       fmt::arg("capacity", disk.virtual_size.in_bytes()), fmt::arg("name", disk.name));
}

void write_ova(const ExportDisk& disk, const fs::path& target, const ExportServices& services,
               Activity& activity) {
    const TempDir work("ova", services.work_folder);
    const std::string vmdk = disk.name + "-disk1.vmdk";
    const std::string ovf = disk.name + ".ovf";
    const fs::path file = work / vmdk;
    write_disk(disk, "vmdk", file, {}, services, activity);
    activity.detail("comparing");
    compare_disk(disk, "vmdk", file, services);
    const std::string text = ovf_descriptor(disk, vmdk, fs::file_size(file));
    const std::string disk_digest = sha256_file(file);
    const std::string manifest =
        fmt::format("SHA256({})= {}\nSHA256({})= {}\n", ovf, sha256_hex(text), vmdk, disk_digest);
    activity.detail("packing");
    TarWriter tar(target);
    tar.add_bytes({.name = ovf, .mode = 0644}, text);
    tar.add_bytes({.name = disk.name + ".mf", .mode = 0644}, manifest);
    const auto size = static_cast<double>(fs::file_size(file));
    tar.add_file({.name = vmdk, .mode = 0644}, file, [&](std::uint64_t done) {
        activity.progress(static_cast<double>(done), size, "bytes", "packing");
    });
    tar.finish();
    if (tar_digests(target)[vmdk] != disk_digest) {
        throw Error(Failure::integrity,
                    fmt::format("{} in the package reads differently from what was written", vmdk),
                    "check the disk the file was written to; nothing was kept");
    }
}

}  // namespace imgforge::exchange
