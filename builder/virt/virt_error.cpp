// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/virt/virt_error.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "builder/virt/libvirt_library.hpp"

namespace imgforge::virt {

namespace {

constexpr std::array<std::pair<VirtCause, std::string_view>, 10> cause_names{{
    {VirtCause::other, "other"},
    {VirtCause::no_domain, "no_domain"},
    {VirtCause::no_network, "no_network"},
    {VirtCause::exists, "exists"},
    {VirtCause::invalid_state, "invalid_state"},
    {VirtCause::agent_unavailable, "agent_unavailable"},
    {VirtCause::unsupported, "unsupported"},
    {VirtCause::no_connection, "no_connection"},
    {VirtCause::denied, "denied"},
    {VirtCause::timeout, "timeout"},
}};

VirtCause cause_of(int code) {
    switch (code) {
        case VIR_ERR_NO_DOMAIN: return VirtCause::no_domain;
        case VIR_ERR_NO_NETWORK: return VirtCause::no_network;
        case VIR_ERR_DOM_EXIST: return VirtCause::exists;
        case VIR_ERR_OPERATION_INVALID: return VirtCause::invalid_state;
        case VIR_ERR_AGENT_UNRESPONSIVE:
        case VIR_ERR_AGENT_UNSYNCED: return VirtCause::agent_unavailable;
        case VIR_ERR_NO_SUPPORT:
        case VIR_ERR_CONFIG_UNSUPPORTED:
        case VIR_ERR_OPERATION_UNSUPPORTED:
        case VIR_ERR_ARGUMENT_UNSUPPORTED: return VirtCause::unsupported;
        case VIR_ERR_NO_CONNECT:
        case VIR_ERR_INVALID_CONN: return VirtCause::no_connection;
        case VIR_ERR_AUTH_FAILED:
        case VIR_ERR_ACCESS_DENIED:
        case VIR_ERR_OPERATION_DENIED: return VirtCause::denied;
        case VIR_ERR_OPERATION_TIMEOUT: return VirtCause::timeout;
        default: return VirtCause::other;
    }
}

Failure failure_of(VirtCause cause) {
    switch (cause) {
        case VirtCause::no_connection:
        case VirtCause::denied: return Failure::host;
        case VirtCause::timeout: return Failure::timeout;
        default: return Failure::domain;
    }
}

std::string hint_of(VirtCause cause) {
    switch (cause) {
        case VirtCause::no_connection:
            return "start the daemon (systemctl start libvirtd), or use --connect 'qemu:///embed?root=DIR'";
        case VirtCause::denied:
            return "join the group libvirt (adduser USER libvirt), or use the embedded driver";
        case VirtCause::no_network: return "list networks with: virsh net-list --all";
        default: return {};
    }
}

void drop_error(void* /*data*/, virErrorPtr /*error*/) {}

}  // namespace

std::string_view to_string(VirtCause cause) {
    for (const auto& [value, name] : cause_names) {
        if (value == cause) {
            return name;
        }
    }
    return "other";
}

VirtCause virt_cause(std::string_view text) {
    for (const auto& [value, name] : cause_names) {
        if (name == text) {
            return value;
        }
    }
    return VirtCause::other;
}

VirtError::VirtError(VirtCause cause, Failure kind, std::string message, std::string hint)
    : Error(kind, std::move(message), std::move(hint)), cause_(cause) {}

void silence_libvirt() {
    virSetErrorFunc(nullptr, drop_error);
}

LastVirtError last_virt_error() {
    const virErrorPtr last = virGetLastError();
    if (last == nullptr || last->code == VIR_ERR_OK) {
        return {.code = VIR_ERR_OK, .message = "libvirt gave no reason"};
    }
    return {.code = last->code, .message = last->message != nullptr ? last->message : "unknown error"};
}

void throw_virt_error(const LastVirtError& error, const std::function<std::string()>& action) {
    const VirtCause cause = cause_of(error.code);
    throw VirtError(cause, failure_of(cause), fmt::format("cannot {}: {}", action(), error.message),
                    hint_of(cause));
}

void throw_last_virt_error(std::string_view action) {
    throw_virt_error(last_virt_error(), [&action] { return std::string(action); });
}

void throw_connect_error(std::string_view uri) {
    const LastVirtError error = last_virt_error();
    const VirtCause cause =
        cause_of(error.code) == VirtCause::denied ? VirtCause::denied : VirtCause::no_connection;
    throw VirtError(cause, Failure::host, fmt::format("cannot connect to {}: {}", uri, error.message),
                    hint_of(cause));
}

}  // namespace imgforge::virt
