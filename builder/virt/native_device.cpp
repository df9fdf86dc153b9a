// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <pugixml.hpp>
#include <sstream>

#include "builder/virt/native_host.hpp"
#include "builder/virt/virt_error.hpp"

namespace imgforge::virt {

namespace {

void need_success(int result, const std::string& op, virDomainPtr domain) {
    if (result < 0) {
        throw_virt_error(last_virt_error(),
                         [&] { return fmt::format("{} on domain '{}'", op, virDomainGetName(domain)); });
    }
}

unsigned where(const Json& request) {
    return VIR_DOMAIN_AFFECT_LIVE |
           (request.at("persistent").get<bool>() ? unsigned{VIR_DOMAIN_AFFECT_CONFIG} : 0U);
}

std::string copy_target_xml(const std::string& path) {
    pugi::xml_document document;
    auto disk = document.append_child("disk");
    disk.append_attribute("type") = "file";
    disk.append_child("driver").append_attribute("type") = "qcow2";
    disk.append_child("source").append_attribute("file") = path.c_str();
    std::ostringstream out;
    document.save(out, "", pugi::format_raw | pugi::format_no_declaration);
    return out.str();
}

Json stats(virDomainPtr domain, const std::string& target) {
    virDomainBlockStatsStruct values{};
    need_success(virDomainBlockStats(domain, target.c_str(), &values, sizeof values), "read block statistics",
                 domain);
    return Json{{"read", values.rd_bytes}, {"write", values.wr_bytes}};
}

Json job(virDomainPtr domain, const std::string& target) {
    virDomainBlockJobInfo info{};
    const int found = virDomainGetBlockJobInfo(domain, target.c_str(), &info, 0);
    need_success(found, "read the block job", domain);
    return Json{{"running", found == 1}, {"done", info.cur}, {"total", info.end}};
}

Json block(virDomainPtr domain, const std::string& op, const Json& request) {
    const std::string target = request.at("target");
    if (op == "block-stats") {
        return stats(domain, target);
    }
    if (op == "block-job") {
        return job(domain, target);
    }
    if (op == "block-copy") {
        const std::string xml = copy_target_xml(request.at("destination"));
        // TRANSIENT_JOB: copying a persistent domain's disk is allowed at all only so.
        const unsigned top = request.value("top", false)
                                 ? unsigned{VIR_DOMAIN_BLOCK_COPY_SHALLOW} | VIR_DOMAIN_BLOCK_COPY_REUSE_EXT
                                 : 0U;
        need_success(virDomainBlockCopy(domain, target.c_str(), xml.c_str(), nullptr, 0,
                                        VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB | top),
                     op, domain);
    } else if (op == "block-pull") {
        need_success(virDomainBlockPull(domain, target.c_str(), 0, 0), op, domain);
    } else if (op == "block-commit") {
        const std::string base = request.at("base");
        need_success(virDomainBlockCommit(domain, target.c_str(), base.c_str(), nullptr, 0,
                                          VIR_DOMAIN_BLOCK_COMMIT_ACTIVE),
                     op, domain);
    } else if (op == "block-pivot") {
        need_success(virDomainBlockJobAbort(domain, target.c_str(), VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT), op,
                     domain);
    } else if (op == "block-abort") {
        need_success(virDomainBlockJobAbort(domain, target.c_str(), 0), op, domain);
    } else if (op == "block-resize") {
        need_success(
            virDomainBlockResize(domain, target.c_str(), request.at("bytes"), VIR_DOMAIN_BLOCK_RESIZE_BYTES),
            op, domain);
    }
    return Json::object();
}

}  // namespace

Json device_operation(NativeHost& host, const std::string& op, const Json& request) {
    const DomainHandle domain = host.find(request.at("domain"));
    if (op.starts_with("block-")) {
        return block(domain.get(), op, request);
    }
    const std::string xml = request.at("xml");
    if (op == "device-attach") {
        need_success(virDomainAttachDeviceFlags(domain.get(), xml.c_str(), where(request)), op, domain.get());
    } else if (op == "device-define") {
        need_success(virDomainAttachDeviceFlags(domain.get(), xml.c_str(), VIR_DOMAIN_AFFECT_CONFIG), op,
                     domain.get());
    } else if (op == "device-detach") {
        need_success(virDomainDetachDeviceFlags(domain.get(), xml.c_str(), where(request)), op, domain.get());
    } else if (op == "device-update") {
        need_success(virDomainUpdateDeviceFlags(domain.get(), xml.c_str(), where(request)), op, domain.get());
    }
    return Json::object();
}

}  // namespace imgforge::virt
