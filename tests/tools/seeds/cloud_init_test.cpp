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

    std::string iso(Datasource datasource) {
        const std::string path = (folder_ / "seed.iso").string();
        write_seed_iso(files(datasource), volume_label(datasource), path);
        return path;
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

TEST_F(CloudInitMedium, nocloud_iso_is_found_by_ds_identify) {
    EXPECT_THAT(identified(iso(Datasource::nocloud)), testing::HasSubstr("[ NoCloud, None ]"));
}

TEST_F(CloudInitMedium, configdrive_iso_is_found_by_ds_identify) {
    EXPECT_THAT(identified(iso(Datasource::configdrive)), testing::HasSubstr("[ ConfigDrive, None ]"));
}

TEST_F(CloudInitMedium, an_iso_of_another_label_is_not_taken_for_nocloud) {
    write_seed_iso(files(Datasource::nocloud), "other", folder_ / "other.iso");

    const Json read = read_by_datasource("NoCloud", (folder_ / "other.iso").string(), xorriso_);

    EXPECT_EQ(read["ok"], false) << read;
}

TEST_F(CloudInitMedium, nocloud_datasource_reads_everything_from_the_iso) {
    const Json read = read_by_datasource("NoCloud", iso(Datasource::nocloud), xorriso_);

    EXPECT_EQ(read["ok"], true);
    EXPECT_EQ(read["id"], "i-7");
    EXPECT_EQ(read["host"], "web-1");
    EXPECT_EQ(read["vendor"], true);
    EXPECT_EQ(read["net"]["ethernets"]["eth0"]["addresses"][0], "192.0.2.5/24") << read;
    EXPECT_THAT(read["user"].get<std::string>(), testing::HasSubstr("#cloud-conf"));
}

TEST_F(CloudInitMedium, nocloud_datasource_reads_everything_from_vfat) {
    write_seed_vfat(files(Datasource::nocloud), "cidata", folder_ / "seed.img");

    const Json read = read_by_datasource("NoCloud", (folder_ / "seed.img").string(), mcopy_);

    EXPECT_EQ(read["ok"], true);
    EXPECT_EQ(read["id"], "i-7");
    EXPECT_EQ(read["host"], "web-1");
}

TEST_F(CloudInitMedium, configdrive_datasource_reads_everything_from_the_iso) {
    const Json read = read_by_datasource("ConfigDrive", iso(Datasource::configdrive), xorriso_);

    EXPECT_EQ(read["ok"], true);
    EXPECT_EQ(read["id"], "i-7");
    EXPECT_EQ(read["host"], "web-1");
    EXPECT_EQ(read["vendor"], true);
    EXPECT_EQ(read["net"]["links"][0]["ethernet_mac_address"], "52:54:00:00:00:01") << read;
}

}  // namespace
}  // namespace imgforge::seeds
