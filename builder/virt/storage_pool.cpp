// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/virt/storage_pool.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <exception>
#include <sstream>

#include <fmt/format.h>
#include <pugixml.hpp>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/handle.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/virt/libvirt_library.hpp"
#include "builder/virt/virt_error.hpp"

namespace imgforge::virt {
namespace {

namespace fs = std::filesystem;
using PoolHandle = Handle<virStoragePool, &virStoragePoolFree>;
using VolumeHandle = Handle<virStorageVol, &virStorageVolFree>;
using StreamHandle = Handle<virStream, &virStreamFree>;
using PoolText = Handle<char, free>;

virConnectPtr handle_of(const Connection& connection) {
    virConnectPtr handle = connection.raw();
    if (handle == nullptr) {
        throw Error(Failure::domain, "the embedded driver has no storage pools");
    }
    return handle;
}

PoolHandle find_pool(const Connection& connection, const std::string& name) {
    PoolHandle pool(virStoragePoolLookupByName(handle_of(connection), name.c_str()));
    if (!pool) {
        throw_last_virt_error(fmt::format("use storage pool '{}' of {}", name, connection.uri()));
    }
    return pool;
}

VolumeHandle find_volume(const Connection& connection, const std::string& pool, const std::string& name) {
    return VolumeHandle(virStorageVolLookupByName(find_pool(connection, pool).get(), name.c_str()));
}

VolumeHandle existing_volume(const Connection& connection, const std::string& pool, const std::string& name) {
    VolumeHandle volume = find_volume(connection, pool, name);
    if (!volume) {
        throw_last_virt_error(fmt::format("use volume '{}' of pool '{}'", name, pool));
    }
    return volume;
}

VolumeInfo described(virStorageVolPtr volume) {
    const PoolText xml(virStorageVolGetXMLDesc(volume, 0));
    pugi::xml_document document;
    if (!xml || !document.load_string(xml.get())) {
        throw_last_virt_error("ask about a volume");
    }
    const auto node = document.child("volume");
    return {.name = node.child_value("name"),
            .path = node.child("target").child_value("path"),
            .backing = node.child("backingStore").child_value("path")};
}

std::string volume_xml(const VolumeSpec& spec) {
    pugi::xml_document document;
    auto volume = document.append_child("volume");
    volume.append_child("name").text().set(spec.name.c_str());
    auto capacity = volume.append_child("capacity");
    capacity.append_attribute("unit") = "bytes";
    capacity.text().set(static_cast<unsigned long long>(spec.capacity));
    volume.append_child("allocation").text().set(0);
    volume.append_child("target").append_child("format").append_attribute("type") = spec.format.c_str();
    if (!spec.backing.empty()) {
        auto backing = volume.append_child("backingStore");
        backing.append_child("path").text().set(spec.backing.c_str());
        backing.append_child("format").append_attribute("type") = "qcow2";
    }
    std::ostringstream out;
    document.print(out);
    return out.str();
}

/// State of one transfer; exceptions cannot cross libvirt's C code, so they wait here.
struct Transfer {
    int fd = -1;
    std::uint64_t done = 0;
    std::uint64_t total = 0;
    const TransferProgress* progress = nullptr;
    Hasher hasher{};
    std::exception_ptr failure{};

    template <class Body>
    int guarded(Body&& body) {
        try {
            return body();
        } catch (...) {
            failure = std::current_exception();
            return -1;
        }
    }
    void advance(std::size_t count) {
        interrupt::check();
        done += count;
        if (progress != nullptr && *progress) {
            (*progress)(done, total);
        }
    }
};

int send_some(virStreamPtr, char* bytes, size_t count, void* opaque) {
    auto& transfer = *static_cast<Transfer*>(opaque);
    return transfer.guarded([&] {
        const ssize_t got = read(transfer.fd, bytes, count);
        if (got > 0) {
            transfer.advance(static_cast<std::size_t>(got));
        }
        return static_cast<int>(got);
    });
}

int receive_some(virStreamPtr, const char* bytes, size_t count, void* opaque) {
    auto& transfer = *static_cast<Transfer*>(opaque);
    return transfer.guarded([&] {
        transfer.hasher.add({bytes, count});
        transfer.advance(count);
        return static_cast<int>(count);
    });
}

void finish_stream(virStreamPtr stream, const Transfer& transfer, int result, const std::string& action) {
    if (result >= 0 && virStreamFinish(stream) == 0) {
        return;
    }
    if (transfer.failure) {
        virStreamAbort(stream);
        std::rethrow_exception(transfer.failure);
    }
    throw_last_virt_error(action);
}

}  // namespace

std::string choose_pool(const Connection& connection, const std::string& wanted) {
    for (const auto& name :
         wanted.empty() ? std::vector<std::string>{"imgforge", "default"} : std::vector{wanted}) {
        if (PoolHandle(virStoragePoolLookupByName(handle_of(connection), name.c_str()))) {
            return name;
        }
    }
    const std::string name = wanted.empty() ? "imgforge" : wanted;
    throw Error(Failure::host, fmt::format("{} has no storage pool '{}'", connection.uri(), name),
                fmt::format("virsh -c '{0}' pool-define-as {1} dir --target /var/lib/libvirt/{1} && virsh -c "
                            "'{0}' pool-build {1} && virsh -c '{0}' "
                            "pool-start {1} && virsh -c '{0}' pool-autostart {1}",
                            connection.uri(), name));
}

StoragePool::StoragePool(const Connection& connection, std::string name)
    : connection_(&connection), name_(std::move(name)) {
    const PoolHandle pool = find_pool(connection, name_);
    if (virStoragePoolIsActive(pool.get()) != 1 && virStoragePoolCreate(pool.get(), 0) != 0) {
        throw_last_virt_error(fmt::format("start storage pool '{}'", name_));
    }
    // What others put there since is seen; a pool that cannot be refreshed still answers for what it knows.
    static_cast<void>(virStoragePoolRefresh(pool.get(), 0));
}

std::vector<std::string> StoragePool::names() const {
    virStorageVolPtr* array = nullptr;
    const int count = virStoragePoolListAllVolumes(find_pool(*connection_, name_).get(), &array, 0);
    if (count < 0) {
        throw_last_virt_error(fmt::format("list the volumes of pool '{}'", name_));
    }
    const Handle<virStorageVolPtr, free> owner(array);
    std::vector<std::string> all;
    for (int i = 0; i < count; ++i) {
        const VolumeHandle volume(array[i]);
        all.emplace_back(virStorageVolGetName(volume.get()));
    }
    return all;
}

std::vector<VolumeInfo> StoragePool::volumes() const {
    std::vector<VolumeInfo> all;
    for (const std::string& volume : names()) {
        if (auto info = find(volume)) {  // else it went meanwhile
            all.push_back(std::move(*info));
        }
    }
    return all;
}

std::optional<VolumeInfo> StoragePool::find(const std::string& volume) const {
    const VolumeHandle found = find_volume(*connection_, name_, volume);
    return found ? std::optional(described(found.get())) : std::nullopt;
}

fs::path StoragePool::create(const VolumeSpec& spec) const {
    const VolumeHandle volume(
        virStorageVolCreateXML(find_pool(*connection_, name_).get(), volume_xml(spec).c_str(), 0));
    if (!volume) {
        throw_last_virt_error(fmt::format("create volume '{}'", spec.name));
    }
    return described(volume.get()).path;
}

void StoragePool::remove(const std::string& volume) const {
    const VolumeHandle found = find_volume(*connection_, name_, volume);
    if (found && virStorageVolDelete(found.get(), 0) != 0) {
        throw_last_virt_error(fmt::format("delete volume '{}'", volume));
    }
}

void StoragePool::upload(const std::string& volume, const fs::path& file,
                         const TransferProgress& progress) const {
    const VolumeHandle target = existing_volume(*connection_, name_, volume);
    const Fd fd = open_fd(file, O_RDONLY);
    const std::string action = fmt::format("upload {}", file.string());
    Transfer transfer;
    transfer.fd = fd.get();
    transfer.total = fs::file_size(file);
    transfer.progress = &progress;
    const StreamHandle stream(virStreamNew(handle_of(*connection_), 0));
    if (!stream || virStorageVolUpload(target.get(), stream.get(), 0, transfer.total, 0) != 0) {
        throw_last_virt_error(action);
    }
    finish_stream(stream.get(), transfer, virStreamSendAll(stream.get(), send_some, &transfer), action);
}

std::string StoragePool::digest(const std::string& volume, std::uint64_t offset, std::uint64_t length) const {
    const VolumeHandle source = existing_volume(*connection_, name_, volume);
    const std::string action = fmt::format("read volume '{}' back", volume);
    Transfer transfer;
    transfer.total = length;
    const StreamHandle stream(virStreamNew(handle_of(*connection_), 0));
    if (!stream || virStorageVolDownload(source.get(), stream.get(), offset, length, 0) != 0) {
        throw_last_virt_error(action);
    }
    finish_stream(stream.get(), transfer, virStreamRecvAll(stream.get(), receive_some, &transfer), action);
    return transfer.hasher.hex();
}

}  // namespace imgforge::virt
