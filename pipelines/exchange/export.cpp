// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/exchange/export.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/output_file.hpp"
#include "pipelines/exchange/container_disk.hpp"
#include "pipelines/exchange/disk_writer.hpp"
#include "pipelines/exchange/ova.hpp"

namespace fs = std::filesystem;

namespace imgforge::exchange {
namespace {

struct FormatRow {
    ExportFormat format;
    std::string_view name;
    std::string_view ending;
};

constexpr std::array<FormatRow, 9> formats{{
    {ExportFormat::qcow2, "qcow2", ".qcow2"},
    {ExportFormat::raw, "raw", ".raw"},
    {ExportFormat::vmdk, "vmdk", ".vmdk"},
    {ExportFormat::vhdx, "vhdx", ".vhdx"},
    {ExportFormat::vpc, "vpc", ".vhd"},
    {ExportFormat::vdi, "vdi", ".vdi"},
    {ExportFormat::ova, "ova", ".ova"},
    {ExportFormat::containerdisk, "containerdisk", ".oci.tar"},
    {ExportFormat::rootfs, "rootfs", ".rootfs.tar"},
}};

const FormatRow& row_of(ExportFormat format) {
    return *std::find_if(formats.begin(), formats.end(),
                         [&](const FormatRow& row) { return row.format == format; });
}

void write(const ExportDisk& disk, ExportFormat format, const fs::path& target, const ExportOptions& options,
           const ExportServices& services, Activity& activity) {
    switch (format) {
        case ExportFormat::ova: write_ova(disk, target, services, activity); return;
        case ExportFormat::containerdisk: write_container_disk(disk, target, services, activity); return;
        case ExportFormat::rootfs: {
            if (!services.write_rootfs) {
                throw Error(Failure::usage, "a root file system cannot be written here");
            }
            services.write_rootfs(disk.disk, target);
            return;
        }
        default:
            write_disk(disk, row_of(format).name, target, {.compat = options.compat}, services, activity);
            activity.detail("comparing");
            compare_disk(disk, row_of(format).name, target, services);
    }
}

}  // namespace

std::string_view to_string(ExportFormat format) {
    return row_of(format).name;
}

const std::vector<std::string_view>& export_format_names() {
    static const std::vector<std::string_view> names = [] {
        std::vector<std::string_view> all;
        std::transform(formats.begin(), formats.end(), std::back_inserter(all),
                       [](const FormatRow& row) { return row.name; });
        return all;
    }();
    return names;
}

ExportFormat parse_export_format(std::string_view name) {
    for (const FormatRow& row : formats) {
        if (row.name == name) {
            return row.format;
        }
    }
    throw Error(Failure::usage, fmt::format("unknown export format '{}'", name),
                fmt::format("one of {}", fmt::join(export_format_names(), ", ")));
}

std::string export_file_name(const ExportDisk& disk, ExportFormat format) {
    return fmt::format("{}-{}{}", disk.name, disk.tag, row_of(format).ending);
}

ExportFile export_disk(const ExportDisk& disk, ExportFormat format, const fs::path& output,
                       const ExportOptions& options, const ExportServices& services) {
    return in_context(
        [&] { return fmt::format("export of {} as {}", disk.name, to_string(format)); },
        [&] {
            Activity activity(services.monitor, fmt::format("export {}", output.filename().string()),
                              services.activity);
            OutputFile file(output,
                            options.force ? OutputFile::Existing::replace : OutputFile::Existing::refuse,
                            0644, "--force replaces it, --output names another file");
            write(disk, format, file.temporary(), options, services, activity);
            ExportFile made{.path = output, .format = format, .sha256 = {}, .size = 0};
            made.size = fs::file_size(file.temporary());
            made.sha256 = sha256_file(file.temporary(), [&](std::uint64_t done) {
                interrupt::check();
                activity.progress(static_cast<double>(done), static_cast<double>(made.size), "bytes",
                                  "digest");
            });
            file.commit();
            activity.finish();
            services.monitor.artifact(output.string());
            return made;
        });
}

Json export_record(const std::vector<ExportFile>& files) {
    Json list = Json::array();
    for (const ExportFile& file : files) {
        list.push_back({{"path", file.path.string()},
                        {"format", std::string(to_string(file.format))},
                        {"sha256", file.sha256},
                        {"size", file.size}});
    }
    return {{"files", list}};
}

}  // namespace imgforge::exchange
