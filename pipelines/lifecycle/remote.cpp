// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/remote.hpp"

#include <fcntl.h>
#include <libvirt/libvirt.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>

#include <fmt/format.h>
#include <pugixml.hpp>
#include <sstream>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/handle.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/virt/virt_error.hpp"

namespace imgforge::lifecycle {
namespace {

namespace fs = std::filesystem;
using PoolHandle = Handle<virStoragePool, virStoragePoolFree>;
using VolumeHandle = Handle<virStorageVol, virStorageVolFree>;
using StreamHandle = Handle<virStream, virStreamFree>;
using virt::throw_last_virt_error;

virConnectPtr raw(const virt::Connection& connection) {
    virConnectPtr handle = connection.raw();
    if (handle == nullptr) {
        throw Error(Failure::domain, "the embedded driver has no storage pools");
    }
    return handle;
}

PoolHandle find_pool(const virt::Connection& connection, const std::string& name) {
    PoolHandle pool(virStoragePoolLookupByName(raw(connection), name.c_str()));
    if (!pool) {
        throw_last_virt_error(fmt::format("use storage pool '{}' of {}", name, connection.uri()));
    }
    if (virStoragePoolIsActive(pool.get()) != 1 && virStoragePoolCreate(pool.get(), 0) != 0) {
        throw_last_virt_error(fmt::format("start storage pool '{}'", name));
    }
    return pool;
}

VolumeHandle find_volume(virStoragePoolPtr pool, const std::string& name) {
    return VolumeHandle(virStorageVolLookupByName(pool, name.c_str()));
}

std::string path_of(virStorageVolPtr volume) {
    char* path = virStorageVolGetPath(volume);
    if (path == nullptr) {
        throw_last_virt_error("ask for the path of a volume");
    }
    std::string text(path);
    free(path);  // NOLINT(cppcoreguidelines-no-malloc): libvirt's strings are malloc'ed
    return text;
}

struct VolumeSpec {
    std::string name;
    std::string format = "raw";
    std::uint64_t capacity = 0;
    fs::path backing{};
};

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

VolumeHandle create_volume(virStoragePoolPtr pool, const VolumeSpec& spec) {
    VolumeHandle volume(virStorageVolCreateXML(pool, volume_xml(spec).c_str(), 0));
    if (!volume) {
        throw_last_virt_error(fmt::format("create volume '{}'", spec.name));
    }
    return volume;
}

void delete_volume(virStoragePoolPtr pool, const std::string& name) {
    if (const auto volume = find_volume(pool, name); volume && virStorageVolDelete(volume.get(), 0) != 0) {
        throw_last_virt_error(fmt::format("delete volume '{}'", name));
    }
}

/// State of one transfer; exceptions cannot cross libvirt's C code, so they wait here.
struct Transfer {
    int fd = -1;
    std::uint64_t done = 0;
    std::uint64_t total = 0;
    const UploadProgress* progress = nullptr;
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

void finish(virStreamPtr stream, const Transfer& transfer, int result, const std::string& action) {
    if (result >= 0 && virStreamFinish(stream) == 0) {
        return;
    }
    if (transfer.failure) {
        virStreamAbort(stream);
        std::rethrow_exception(transfer.failure);
    }
    throw_last_virt_error(action);
}

void send_file(const virt::Connection& connection, virStorageVolPtr volume, const fs::path& file,
               const UploadProgress& progress) {
    const Fd fd = open_fd(file, O_RDONLY);
    Transfer transfer;
    transfer.fd = fd.get();
    transfer.total = fs::file_size(file);
    transfer.progress = &progress;
    const StreamHandle stream(virStreamNew(raw(connection), 0));
    if (!stream || virStorageVolUpload(volume, stream.get(), 0, transfer.total, 0) != 0) {
        throw_last_virt_error(fmt::format("upload {}", file.string()));
    }
    finish(stream.get(), transfer, virStreamSendAll(stream.get(), send_some, &transfer),
           fmt::format("upload {}", file.string()));
}

std::string digest_of_volume(const virt::Connection& connection, virStorageVolPtr volume, std::uint64_t size,
                             const UploadProgress& progress) {
    Transfer transfer;
    transfer.total = size;
    transfer.progress = &progress;
    const StreamHandle stream(virStreamNew(raw(connection), 0));
    if (!stream || virStorageVolDownload(volume, stream.get(), 0, size, 0) != 0) {
        throw_last_virt_error("read an uploaded volume back");
    }
    finish(stream.get(), transfer, virStreamRecvAll(stream.get(), receive_some, &transfer),
           "read an uploaded volume back");
    return transfer.hasher.hex();
}

}  // namespace

std::string choose_pool(const virt::Connection& connection, const std::string& wanted) {
    for (const auto& name :
         wanted.empty() ? std::vector<std::string>{"imgforge", "default"} : std::vector{wanted}) {
        if (PoolHandle(virStoragePoolLookupByName(raw(connection), name.c_str()))) {
            return name;
        }
    }
    const std::string name = wanted.empty() ? "imgforge" : wanted;
    throw Error(Failure::host, fmt::format("{} has no storage pool '{}'", connection.uri(), name),
                fmt::format("virsh -c {0} pool-define-as {1} dir --target /var/lib/libvirt/{1} && virsh -c "
                            "{0} pool-build {1} && virsh -c {0} "
                            "pool-start {1} && virsh -c {0} pool-autostart {1}",
                            connection.uri(), name));
}

fs::path upload_image(const virt::Connection& connection, const std::string& pool_name, const fs::path& file,
                      const std::string& key, const UploadProgress& progress) {
    const PoolHandle pool = find_pool(connection, pool_name);
    static_cast<void>(virStoragePoolRefresh(pool.get(), 0));
    const std::string name = fmt::format("imgforge-{}.qcow2", key);
    // An upload that was cut off leaves the volume without its mark, which is made last.
    const std::string mark = name + ".verified";
    if (find_volume(pool.get(), mark)) {
        if (const auto volume = find_volume(pool.get(), name)) {
            return path_of(volume.get());
        }
        delete_volume(pool.get(), mark);
    }
    delete_volume(pool.get(), name);
    const std::uint64_t size = fs::file_size(file);
    const VolumeHandle volume = create_volume(pool.get(), {.name = name, .capacity = size});
    try {
        send_file(connection, volume.get(), file, progress);
        const std::string arrived = digest_of_volume(connection, volume.get(), size, progress);
        if (arrived != sha256_file(file)) {
            throw Error(Failure::integrity, fmt::format("the copy of {} on {} differs from the original",
                                                        file.string(), connection.uri()));
        }
    } catch (...) {
        virStorageVolDelete(volume.get(), 0);
        throw;
    }
    static_cast<void>(create_volume(pool.get(), {.name = mark, .capacity = 0}));
    return path_of(volume.get());
}

fs::path upload_file(const virt::Connection& connection, const std::string& pool_name,
                     const std::string& volume_name, const fs::path& file) {
    const PoolHandle pool = find_pool(connection, pool_name);
    delete_volume(pool.get(), volume_name);
    const VolumeHandle volume =
        create_volume(pool.get(), {.name = volume_name, .capacity = fs::file_size(file)});
    send_file(connection, volume.get(), file, {});
    return path_of(volume.get());
}

fs::path create_remote_overlay(const virt::Connection& connection, const std::string& pool_name,
                               const std::string& volume_name, const fs::path& backing,
                               std::uint64_t virtual_size) {
    const PoolHandle pool = find_pool(connection, pool_name);
    const VolumeHandle volume = create_volume(
        pool.get(), {.name = volume_name, .format = "qcow2", .capacity = virtual_size, .backing = backing});
    return path_of(volume.get());
}

void delete_remote_volumes(const virt::Connection& connection, const MachineRecord& record) {
    const PoolHandle pool = find_pool(connection, record.pool);
    std::vector<fs::path> volumes = {record.disk, record.seed};
    for (const auto& disk : record.data_disks) {
        volumes.push_back(disk.path);
    }
    for (const auto& path : volumes) {
        // Only names of ours, whatever the record says: never the golden image, never another's volume.
        const std::string name = path.filename().string();
        if (name.rfind(record.name + ".", 0) == 0) {
            delete_volume(pool.get(), name);
        }
    }
}

}  // namespace imgforge::lifecycle
