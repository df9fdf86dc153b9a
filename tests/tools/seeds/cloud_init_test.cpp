// SPDX-License-Identifier: GPL-3.0-or-later
// Our media, found and read by cloud-init's own programs of Debian's package: ds-identify and the
// datasources. Only what needs a kernel is replaced: the list of block devices (blkid is asked about the
// image itself) and mounting (xorriso and mtools unpack it).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/file.hpp"
#include "builder/base/json.hpp"
#include "builder/base/process.hpp"
#include "builder/base/temp_dir.hpp"
#include "seeds/seed.hpp"
#include "tests/support/require.hpp"

namespace imgforge::seeds {
namespace {

constexpr const char* ds_identify = "/usr/lib/cloud-init/ds-identify";

class CloudInitMedium : public testing::Test {
protected:
    void SetUp() override {
        for (const char* const program : {"blkid", "xorriso", "mcopy"}) {
            if (!find_program(program)) {
                IMGFORGE_SKIP("tools", std::string(program) + " is missing");
            }
        }
        if (!std::filesystem::exists(ds_identify) ||
            !runner_.run({.program = "/usr/bin/python3", .args = {"-c", "import cloudinit"}}).ok()) {
            IMGFORGE_SKIP("tools", "cloud-init is missing");
        }
    }

    static SeedFiles files(Datasource datasource) {
        SeedSpec spec{.datasource = datasource, .instance_id = "i-7", .hostname = "web-1"};
        spec.vendor_data = "#cloud-config\nntp: {enabled: true}\n";
        spec.network =
            network_v2({{.mac = "52:54:00:00:00:01", .dhcp4 = false, .addresses = {"192.0.2.5/24"}}});
        return seed_files(spec);
    }

    /// A medium as `seed create --format` writes it; "dir" and "tar" end as the directory a guest has below
    /// /var/lib/cloud/seed, qcow2 as the raw disk a guest sees.
    std::filesystem::path medium(Datasource datasource, const std::string& format) {
        const SeedFiles all = files(datasource);
        const std::string_view label = volume_label(datasource);
        const std::filesystem::path path = folder_ / ("seed." + format);
        if (format == "vfat") {
            write_seed_vfat(all, label, path);
        } else if (format == "dir") {
            write_seed_dir(all, path);
        } else if (format == "tar") {
            write_file_atomically(folder_ / "seed.archive", seed_tar(all, 0));
            make_directories(path);
            run({"tar", "-x", "-f", (folder_ / "seed.archive").string(), "-C", path.string()});
        } else {
            write_seed_iso(all, label, path);
        }
        if (format == "qcow2") {
            const std::string raw = (folder_ / "seed.raw").string();
            const std::string disk = (folder_ / "seed.disk").string();
            run({"qemu-img", "convert", "-f", "raw", "-O", "qcow2", path.string(), disk});
            run({"qemu-img", "convert", "-f", "qcow2", "-O", "raw", disk, raw});
            return raw;
        }
        return path;
    }

    void run(std::vector<std::string> words) {
        const std::string program = words.front();
        words.erase(words.begin());
        static_cast<void>(run_checked(runner_, {.program = program, .args = std::move(words)}));
    }

    /// Puts a seed's directory where a guest has it, below `cloud` (/var/lib/cloud).
    void install(const std::filesystem::path& seed, Datasource datasource,
                 const std::filesystem::path& cloud) {
        make_directories(cloud / "seed");
        run({"cp", "-r", seed.string(),
             (cloud / "seed" / (datasource == Datasource::nocloud ? "nocloud" : "config_drive")).string()});
    }

    /// The datasources ds-identify writes for a machine whose only disk is `image`.
    std::string identified(const std::string& image) {
        const std::filesystem::path root = folder_ / "root";
        for (const char* const name : {"run/cloud-init", "etc/cloud/cloud.cfg.d", "proc/1",
                                       "sys/class/dmi/id", "var/lib/cloud", "dev"}) {
            make_directories(root / name);
        }
        write_file_atomically(root / "proc/cmdline", "quiet\n");
        write_file_atomically(root / "proc/1/environ", "");
        write_file_atomically(root / "etc/cloud/cloud.cfg",
                              "datasource_list: [ NoCloud, ConfigDrive, None ]\n");
        make_directories(folder_ / "bin");
        write_file_atomically(
            folder_ / "bin/blkid",
            "#!/bin/sh\nexec " + find_program("blkid")->string() + " -p -o export " + image + "\n", 0755);
        write_file_atomically(folder_ / "bin/systemd-detect-virt", "#!/bin/sh\necho kvm\n", 0755);
        static_cast<void>(run_checked(
            runner_, {.program = "/usr/bin/env",
                      .args = {"PATH=" + (folder_ / "bin").string() + ":/usr/sbin:/usr/bin:/sbin:/bin",
                               "PATH_ROOT=" + root.string(), "sh", ds_identify, "--force"}}));
        return read_file(root / "run/cloud-init/cloud.cfg");
    }

    /// What the datasource's own class makes of the image.
    Json read_by_datasource(const std::string& module, const std::string& image, const std::string& unpack) {
        const std::string script =
            "import sys,json,os,subprocess,tempfile\nfrom cloudinit import "
            "util,helpers,distros\nmodule,image,work,unpack=sys.argv[1:]\n"
            "def devices(criteria=None,*a,**k):\n"
            " key,_,value=(criteria or '').partition('=')\n"
            " out=subprocess.run(['blkid','-p','-s',key,'-o','value',image],capture_output=True,text=True)."
            "stdout.strip()\n"
            " return [image] if out==value else []\n"
            "def mount(device,callback,data=None,mtype=None,**k):\n"
            " folder=tempfile.mkdtemp(dir=work)\n"
            " subprocess.run([p.format(image=device,folder=folder) for p in "
            "unpack.split()],check=True,capture_output=True)\n"
            " return callback(folder,data) if data is not None else callback(folder)\n"
            "util.find_devs_with=devices\nutil.mount_cb=mount\nutil.is_mount=lambda *a:False\n"
            "from cloudinit import dmi\ndmi.read_dmi_data=lambda *a:None\n"
            "util.get_cmdline=lambda:'quiet'\n"
            "import importlib\nm=importlib.import_module('cloudinit.sources.DataSource'+module)\n"
            "cls=getattr(m,'DataSource'+module)\n"
            "paths=helpers.Paths({'cloud_dir':work+'/cloud','run_dir':work+'/run'})\n"
            "d=cls({},distros.fetch('debian')('debian',{},paths),paths)\n"
            "ok=d._get_data()\n"
            "net=None if not ok else d.network_json if module=='ConfigDrive' else d.network_config\n"
            "print(json.dumps({'ok':bool(ok),'id':d.metadata.get('instance-id'),'host':d.metadata.get('local-"
            "hostname') or "
            "d.metadata.get('hostname'),'vendor':bool(d.vendordata_raw),'net':net,'user':str(d.userdata_raw)["
            ":13]}))\n";
        make_directories(folder_ / "work");
        const std::string out =
            run_checked(runner_, {.program = "/usr/bin/python3",
                                  .args = {"-c", script, module, image, (folder_ / "work").string(), unpack}})
                .out;
        return Json::parse(out.substr(out.rfind("\n{") == std::string::npos ? 0 : out.rfind("\n{")));
    }

    SystemProcessRunner runner_;
    TempDir folder_{"cloud-init"};
    const std::string xorriso_ = "xorriso -osirrox on -indev {image} -extract / {folder}";
    const std::string mcopy_ = "mcopy -s -i {image} ::* {folder}";
};

TEST_F(CloudInitMedium, an_iso_of_another_label_is_not_taken_for_nocloud) {
    write_seed_iso(files(Datasource::nocloud), "other", folder_ / "other.iso");

    const Json read = read_by_datasource("NoCloud", (folder_ / "other.iso").string(), xorriso_);

    EXPECT_EQ(read["ok"], false) << read;
}

struct Medium {
    Datasource datasource;
    const char* format;
};

class EveryMedium : public CloudInitMedium, public testing::WithParamInterface<Medium> {};

TEST_P(EveryMedium, is_found_by_ds_identify) {
    const auto [datasource, format] = GetParam();
    const std::filesystem::path made = medium(datasource, format);
    const bool directory = std::filesystem::is_directory(made);
    if (directory) {
        install(made, datasource, folder_ / "root/var/lib/cloud");
        write_file_atomically(folder_ / "nothing.img", std::string(1U << 16U, '\0'));
    }

    const std::string found = identified(directory ? (folder_ / "nothing.img").string() : made.string());

    EXPECT_THAT(found, testing::HasSubstr(datasource == Datasource::nocloud ? "[ NoCloud, None ]"
                                                                            : "[ ConfigDrive, None ]"));
}

TEST_P(EveryMedium, is_read_whole_by_its_datasource) {
    const auto [datasource, format] = GetParam();
    const bool nocloud = datasource == Datasource::nocloud;
    const std::filesystem::path made = medium(datasource, format);
    if (std::filesystem::is_directory(made)) {
        install(made, datasource, folder_ / "work/cloud");
    }

    const Json read = read_by_datasource(nocloud ? "NoCloud" : "ConfigDrive", made.string(),
                                         std::string_view(format) == "vfat" ? mcopy_ : xorriso_);

    EXPECT_EQ(read["ok"], true) << read;
    EXPECT_EQ(read["id"], "i-7");
    EXPECT_EQ(read["host"], "web-1");
    EXPECT_EQ(read["vendor"], true);
    EXPECT_THAT(read["user"].get<std::string>(), testing::HasSubstr("#cloud-conf"));
    if (nocloud) {
        EXPECT_EQ(read["net"]["ethernets"]["eth0"]["addresses"][0], "192.0.2.5/24") << read;
    } else {
        EXPECT_EQ(read["net"]["links"][0]["ethernet_mac_address"], "52:54:00:00:00:01") << read;
    }
}

INSTANTIATE_TEST_SUITE_P(
    Formats, EveryMedium,
    testing::Values(Medium{Datasource::nocloud, "iso"}, Medium{Datasource::nocloud, "vfat"},
                    Medium{Datasource::nocloud, "dir"}, Medium{Datasource::nocloud, "tar"},
                    Medium{Datasource::nocloud, "qcow2"}, Medium{Datasource::configdrive, "iso"},
                    Medium{Datasource::configdrive, "vfat"}, Medium{Datasource::configdrive, "dir"},
                    Medium{Datasource::configdrive, "tar"}, Medium{Datasource::configdrive, "qcow2"}),
    [](const testing::TestParamInfo<Medium>& one) {
        return std::string(to_string(one.param.datasource)) + "_" + one.param.format;
    });

}  // namespace
}  // namespace imgforge::seeds
