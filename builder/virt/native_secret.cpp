// SPDX-License-Identifier: GPL-3.0-or-later
// Keys that libvirt hands to QEMU itself: none is ever on a command line or in a domain's XML.
#include <fmt/format.h>

#include <pugixml.hpp>
#include <sstream>

#include "builder/virt/native_host.hpp"
#include "builder/virt/virt_error.hpp"

namespace imgforge::virt {
namespace {

using SecretHandle = Handle<virSecret, &virSecretFree>;

std::string ceph_secret_xml(const std::string& usage) {
    pugi::xml_document document;
    auto secret = document.append_child("secret");
    secret.append_attribute("ephemeral") = "no";
    secret.append_attribute("private") = "yes";
    secret.append_child("description").text().set("the key of a Ceph user, for imgforge's machines");
    auto node = secret.append_child("usage");
    node.append_attribute("type") = "ceph";
    node.append_child("name").text().set(usage.c_str());
    std::ostringstream out;
    document.save(out, "", pugi::format_raw | pugi::format_no_declaration);
    return out.str();
}

}  // namespace

Json secret_operation(NativeHost& host, const std::string& /*op*/, const Json& request) {
    const std::string usage = request.at("usage");
    const std::vector<std::uint8_t> key = request.at("key");
    const virConnectPtr connection = host.raw();
    SecretHandle secret(virSecretLookupByUsage(connection, VIR_SECRET_USAGE_TYPE_CEPH, usage.c_str()));
    if (!secret) {
        secret.reset(virSecretDefineXML(connection, ceph_secret_xml(usage).c_str(), 0));
    }
    if (!secret || virSecretSetValue(secret.get(), key.data(), key.size(), 0) < 0) {
        throw_last_virt_error(fmt::format("keep the secret '{}'", usage));
    }
    return Json::object();
}

}  // namespace imgforge::virt
