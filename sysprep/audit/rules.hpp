// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "builder/guest/guest_fs.hpp"
#include "builder/image/qemu_img.hpp"
#include "sysprep/audit/guest_tree.hpp"
#include "sysprep/audit/report.hpp"

namespace imgforge::sysprep::audit {

/// What a recipe declares to be meant, so that it is not a leftover.
struct Expectations {
    std::string machine_id =
        "empty";                    ///< empty, uninitialized, delete or keep: the state sysprep was asked for
    std::set<std::string> users{};  ///< accounts with UID >= 1000 that belong to the image
    std::set<std::string> passwords{};  ///< accounts that may have a usable password hash
    std::set<std::string> sudo{};       ///< accounts, groups (%name) or sudoers files allowed to say NOPASSWD
    std::string hostname{};             ///< host name the image shall have; empty: a neutral one
    bool autorelabel = false;           ///< /.autorelabel is meant
    bool cloud_init_disabled = false;   ///< cloud-init is switched off on purpose
};

/// `audit: {expect: {…}}` of a recipe; the schema has checked the shape.
Expectations expectations_from_json(const Json& json);

/// All a rule may look at. Collected once; rules are pure.
struct GuestFacts {
    const GuestTree& tree;
    const guest::Inspection& os;
    const Expectations& expect;
    const std::vector<std::string>& initramfs_identity;  ///< files inside packed ones that hold an identity,
                                                         ///< "/boot/initrd!etc/machine-id"
};

/// One structural rule. Each is proven by a planted leftover in tests/unit/sysprep/audit_rules_test.cpp.
struct GuestRule {
    std::string name;     ///< "machine-id"
    std::string heading;  ///< what must hold, one line
    std::string source;   ///< row of SYSPREP.md or a manual page
    std::function<std::vector<Finding>(const GuestFacts&)> check;
};

/// In the order of SYSPREP.md section 4.
const std::vector<GuestRule>& guest_rules();

/// Runs all; findings have layer "structure".
std::vector<Finding> check_guest(const GuestFacts& facts);

/// Facts of the finished image file.
struct ImageFacts {
    image::qemu_img::ImageInfo info;
    image::qemu_img::CheckResult check;
    bool overlay_expected =
        false;  ///< the image is an overlay on purpose (an instance, a work image): no finding for that
    std::uint64_t used_bytes = 0;  ///< by the guest's file systems; 0 unknown
    std::uint64_t allocated_bytes = 0;
};

struct ImageRule {
    std::string name;
    std::string heading;
    std::string source;
    std::function<std::vector<Finding>(const ImageFacts&)> check;
};

const std::vector<ImageRule>& image_rules();
std::vector<Finding> check_image(const ImageFacts& facts);

/// The parts of guest_rules(), one list per file.
std::vector<GuestRule> identity_rules();
std::vector<GuestRule> access_rules();
std::vector<GuestRule> boot_rules();
std::vector<GuestRule> leftover_rules();
std::vector<GuestRule> settings_rules();

/// What the tables of sysprep clean must not be there.
std::vector<GuestRule> cleaned_rules();
/// What an administrator may have put there on purpose: rules "site:…", each finding with the two ways out.
std::vector<GuestRule> site_rules();
/// Identities and secrets known by their names or by looking random.
std::vector<GuestRule> opaque_rules();
/// Files whose name says that they are a secret.
std::vector<GuestRule> name_rules();

/// Homes of all accounts, below system directories left out, and what lies in /home.
std::vector<std::string> guest_homes(const GuestTree& tree);

/// A finding of a rule; name and layer are filled in by check_guest().
Finding leftover(std::string path, std::string detail);

}  // namespace imgforge::sysprep::audit
