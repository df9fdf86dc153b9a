// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/answers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/process.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/base/text.hpp"

namespace imgforge::seeds {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* public_key =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f ann@example.org";
constexpr const char* hash =
    "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/";

Answers full_answers() {
    Diagnostics faults;
    Answers answers =
        parse_answers({{"locale", "de_DE.UTF-8"},
                       {"keyboard", "de"},
                       {"timezone", "Europe/Berlin"},
                       {"hostname", "golden"},
                       {"packages", {"openssh-server", "cloud-init"}},
                       {"users",
                        {{{"name", "ann"},
                          {"full-name", "Ann O'Neil"},
                          {"sudo", true},
                          {"ssh-keys", {public_key}},
                          {"password-hash", hash}}}},
                       {"post", {"printf 'a\\nb' > /etc/motd", "systemctl enable fstrim.timer"}}},
                      faults, "/answers");
    EXPECT_TRUE(faults.empty()) << faults.text();
    return answers;
}

AnswerFacts facts() {
    return {.nonce = "n0nce", .version = "24.04", .product = "Test"};
}

std::string bytes_of(const AnswerFiles& files, const std::string& path) {
    std::string out;
    for (const auto* list : {&files.initrd, &files.iso}) {
        for (const AnswerFile& file : *list) {
            out += file.path == path ? file.bytes : "";
        }
    }
    return out;
}

TEST(Preseed, a_locale_without_a_country_leaves_no_question) {
    Diagnostics faults;
    const auto preseed = [&](const char* locale) {
        return answer_text(AnswerFormat::preseed, parse_answers({{"locale", locale}}, faults, "/answers"),
                           facts());
    };
    EXPECT_THAT(preseed("C.UTF-8"), HasSubstr("d-i debian-installer/language string en\n"
                                              "d-i debian-installer/country string US\n"
                                              "d-i debian-installer/locale string C.UTF-8\n"));
    EXPECT_THAT(preseed("C"), HasSubstr("debian-installer/language string C\n"));
    EXPECT_THAT(preseed("eo.UTF-8"), HasSubstr("debian-installer/language string eo\n"));
    EXPECT_THAT(preseed("de_DE.UTF-8"), Not(HasSubstr("debian-installer/country")));
}

class EveryFormat : public testing::TestWithParam<AnswerFormat> {};

TEST_P(EveryFormat, generated_answers_pass_their_own_check_without_a_word) {
    Answers answers = full_answers();
    const std::string text = answer_text(GetParam(), answers, facts());

    EXPECT_EQ(check(GetParam(), text, "generated").text(), "");
}

TEST_P(EveryFormat, lvm_and_uefi_also_pass) {
    Answers answers = full_answers();
    answers.disk.layout = AnswerDisk::Layout::lvm;
    answers.disk.swap = 512;
    AnswerFacts facts_uefi = facts();
    facts_uefi.uefi = true;
    facts_uefi.offline = false;

    EXPECT_EQ(check(GetParam(), answer_text(GetParam(), answers, facts_uefi), "generated").text(), "");
}

TEST_P(EveryFormat, user_file_gets_the_marker_once_and_still_passes) {
    const std::string text = answer_text(GetParam(), full_answers(), {.nonce = "old", .product = "Test"});
    const std::string once = with_marker(GetParam(), text, facts());

    EXPECT_EQ(check(GetParam(), once, "marked").text(), "");
    EXPECT_EQ(with_marker(GetParam(), once, facts()), once);
}

TEST_P(EveryFormat, same_answers_give_same_bytes) {
    const AnswerFiles one = generate(GetParam(), full_answers(), facts());
    const AnswerFiles two = generate(GetParam(), full_answers(), facts());

    ASSERT_EQ(one.initrd.size() + one.iso.size(), two.initrd.size() + two.iso.size());
    EXPECT_EQ(bytes_of(one, one.main_file), bytes_of(two, two.main_file));
    EXPECT_THAT(bytes_of(one, one.main_file), Not(IsEmpty()));
}

INSTANTIATE_TEST_SUITE_P(Answers, EveryFormat,
                         testing::Values(AnswerFormat::preseed, AnswerFormat::autoinstall,
                                         AnswerFormat::kickstart, AnswerFormat::autoyast, AnswerFormat::agama,
                                         AnswerFormat::alpine),
                         [](const auto& format) { return std::string(to_string(format.param)); });

TEST(Preseed, writes_the_marker_last_and_runs_post_lines_from_a_file) {
    const AnswerFiles files = generate(AnswerFormat::preseed, full_answers(), facts());
    const std::string late = bytes_of(files, "imgforge-late.sh");
    const std::string post = bytes_of(files, "imgforge-post.sh");

    EXPECT_THAT(bytes_of(files, "preseed.cfg"),
                HasSubstr("d-i preseed/late_command string sh /imgforge-late.sh\n"));
    EXPECT_THAT(post, HasSubstr("printf 'a\\nb' > /etc/motd\n"));
    EXPECT_THAT(post, HasSubstr("ann ALL=(ALL) NOPASSWD:ALL"));
    EXPECT_THAT(late, HasSubstr("IMGFORGE-RESULT: success n0nce' > /target/var/lib/imgforge-result"));
    EXPECT_THAT(late, testing::EndsWith("sync\necho 'IMGFORGE-RESULT: success n0nce' > /dev/ttyS0\n"));
}

/// The post script's part about package sources, run by a shell on files of the test.
std::string sources_after(const std::string& before, const Answers& answers, const AnswerFacts& facts) {
    const TempDir root("imgforge-sources");
    write_file_atomically(root.path() / "sources.list", before);
    std::string post = bytes_of(generate(AnswerFormat::preseed, answers, facts), "imgforge-post.sh");
    post = "set -e\n" + post.substr(0, post.find("\nfi\n") + 4);
    replace_all(post, "/etc/apt", root.path().string());
    SystemProcessRunner runner;
    const ProcessResult ran = runner.run({.program = "sh", .args = {"-s"}, .stdin_text = post});
    EXPECT_TRUE(ran.ok()) << ran.err;
    return read_file(root.path() / "sources.list");
}

TEST(Preseed, gives_package_sources_to_a_system_that_the_disc_alone_made) {
    AnswerFacts known = facts();
    known.package_sources = "deb http://deb.example.org/debian trixie main\n";
    // As late commands see it: the disc is taken out after them.
    const std::string disc = "deb cdrom:[Debian GNU/Linux 13.5.0]/ trixie main\n";

    EXPECT_EQ(sources_after(disc, {}, known), disc + known.package_sources);
    const std::string own = "deb http://mirror.example.org/debian trixie main\n";
    EXPECT_EQ(sources_after(own, {}, known), own) << "one that is there is enough";

    Answers online;
    online.mirror = "http://mirror.example.org/debian";
    EXPECT_EQ(
        bytes_of(generate(AnswerFormat::preseed, online, known), "imgforge-post.sh").find("deb.example.org"),
        std::string::npos);
    for (const auto& file : deliver(AnswerFormat::preseed, "d-i time/zone string UTC\n", known).initrd) {
        EXPECT_EQ(file.bytes.find("deb.example.org"), std::string::npos) << "not in a file of the user's own";
    }
}

TEST(Preseed, refuses_values_that_would_break_its_lines) {
    Answers answers;
    answers.domain = "example.org\nd-i x/y boolean true";

    EXPECT_THROW(static_cast<void>(answer_text(AnswerFormat::preseed, answers, facts())), Error);
}

TEST(Preseed, keeps_the_users_own_late_command_before_the_marker) {
    const std::string text =
        "d-i preseed/late_command string in-target touch /etc/own; \\\n in-target true;\n";

    EXPECT_THAT(with_marker(AnswerFormat::preseed, text, facts()),
                HasSubstr("string ( in-target touch /etc/own;  in-target true; ) && sh /imgforge-late.sh\n"));
}

TEST(PreseedCheck, names_line_and_remedy_of_each_fault) {
    const std::string text =
        "d-i time/zon string UTC\n"
        "d-i partman/confirm bolean true\n"
        "d-i clock-setup/utc boolean yes\n"
        "# comment\n"
        "d-i preseed/late_command string printf 'a\\nb' > /target/x\n"
        "d-i passwd/root-password-crypted password secret\n"
        "d-i partman-auto/method string reguler\n"
        "nonsense\n";
    const std::string found = check(AnswerFormat::preseed, text, "p.cfg").text();

    EXPECT_THAT(found, HasSubstr("p.cfg:1: warning: unknown question time/zon (did you mean 'time/zone'?)"));
    EXPECT_THAT(found, HasSubstr("p.cfg:2:"));
    EXPECT_THAT(found, HasSubstr("'boolean'"));
    EXPECT_THAT(found, HasSubstr("p.cfg:3:"));
    EXPECT_THAT(found, HasSubstr("p.cfg:5:"));
    EXPECT_THAT(found, HasSubstr("p.cfg:6:"));
    EXPECT_THAT(found, Not(HasSubstr("secret")));
    EXPECT_THAT(found, HasSubstr("'regular'"));
    EXPECT_THAT(found, HasSubstr("p.cfg:8:"));
    EXPECT_THAT(found, HasSubstr("partman/confirm_nooverwrite is not answered"));
}

TEST(KickstartCheck, finds_unknown_commands_and_unterminated_sections) {
    const std::string found =
        check(AnswerFormat::kickstart,
              "autopartt\nnetwork --bootproto=dhcpp\n%packages\n@core\n%post\ntrue\n", "k.ks")
            .text();

    EXPECT_THAT(found, HasSubstr("k.ks:1: unknown command 'autopartt' (did you mean 'autopart'?)"));
    EXPECT_THAT(found,
                HasSubstr("k.ks:2: 'network': 'dhcpp' is not a value of --bootproto (did you mean 'dhcp'?)"));
    EXPECT_THAT(found, HasSubstr("k.ks:3: the section %packages has no %end"));
    EXPECT_THAT(found, HasSubstr("k.ks:5: the section %post has no %end"));
    EXPECT_THAT(found, HasSubstr("poweroff"));
}

TEST(AutoinstallCheck, finds_misspelt_keys_and_wrong_values) {
    const std::string found =
        check(AnswerFormat::autoinstall,
              "#cloud-config\nautoinstall:\n  version: 1\n  storrage: {}\n  shutdown: haltandcatchfire\n",
              "u.yaml")
            .text();

    EXPECT_THAT(found, HasSubstr("u.yaml:4:3: warning: unknown key 'storrage'"));
    EXPECT_THAT(found, HasSubstr("'storage'"));
    EXPECT_THAT(found, HasSubstr("u.yaml:5:"));
    EXPECT_THAT(found, HasSubstr("haltandcatchfire"));
}

TEST(AutoinstallMarker, is_appended_to_the_users_list_or_starts_one) {
    const std::string with = with_marker(AnswerFormat::autoinstall,
                                         "#cloud-config\nautoinstall:\n  version: 1\n  user-data: {}\n  "
                                         "late-commands:\n    - echo own\n  locale: "
                                         "C\n",
                                         facts());
    const std::string without = with_marker(
        AnswerFormat::autoinstall, "#cloud-config\nautoinstall:\n  version: 1\n  user-data: {}\n", facts());

    EXPECT_LT(with.find("echo own"), with.find("IMGFORGE-RESULT"));
    EXPECT_LT(with.find("IMGFORGE-RESULT"), with.find("locale: C"));
    EXPECT_THAT(without, HasSubstr("  late-commands:\n    - \"mkdir -p /target/var/lib\"\n"));
    EXPECT_EQ(check(AnswerFormat::autoinstall, with, "a").text(), "");
    EXPECT_EQ(check(AnswerFormat::autoinstall, without, "b").text(), "");
}

TEST(AutoyastCheck, tells_line_of_broken_xml_and_missing_elements) {
    EXPECT_THAT(
        check(AnswerFormat::autoyast, "<?xml version=\"1.0\"?>\n<profile>\n<general>\n</profile>\n", "a.xml")
            .text(),
        HasSubstr("a.xml:4:"));
    const std::string found =
        check(
            AnswerFormat::autoyast,
            "<profile "
            "xmlns=\"http://www.suse.com/1.0/yast2ns\">\n<sofware/>\n<general><mode/></general>\n</profile>",
            "a.xml")
            .text();
    EXPECT_THAT(found, HasSubstr("a.xml:2: warning: unknown section <sofware> (did you mean 'software'?)"));
    EXPECT_THAT(found, HasSubstr("a.xml:3: warning: general/mode/confirm"));
    EXPECT_THAT(found, HasSubstr("a.xml:3: warning: the machine does not power off"));
}

TEST(AgamaCheck, tells_line_of_broken_json_and_unknown_keys) {
    EXPECT_THAT(check(AnswerFormat::agama, "{\n \"product\": {\"id\": \"SLES\"},,\n}\n", "p.json").text(),
                HasSubstr("p.json:2:"));
    EXPECT_THAT(
        check(AnswerFormat::agama, "{\"product\": {\"id\": \"SLES\"},\n \"sofware\": {}}\n", "p.json").text(),
        HasSubstr("p.json:2:2: warning: unknown key 'sofware'"));
}

TEST(AlpineCheck, finds_open_quotes_and_missing_answers) {
    const std::string found =
        check(AnswerFormat::alpine, "HOSTNAMEOPT=x\nDISKOPTS=\"-m sys /dev/vda\n", "a").text();

    EXPECT_THAT(found, HasSubstr("a:1: warning: unknown answer HOSTNAMEOPT (did you mean 'HOSTNAMEOPTS'?)"));
    EXPECT_THAT(found, HasSubstr("a:2: the quote \" that opens here is never closed"));
    EXPECT_THAT(found, HasSubstr("TIMEZONEOPTS is missing"));
}

TEST(ParseAnswers, reports_every_fault_with_its_pointer) {
    Diagnostics faults;
    static_cast<void>(parse_answers({{"users",
                                      {{{"name", "root"},
                                        {"password-hash", "plain"},
                                        {"ssh-keys", {"-----BEGIN OPENSSH PRIVATE KEY-----"}}}}},
                                     {"packages", {"a\nb"}}},
                                    faults, "/stages/0/install/answers"));

    std::vector<std::string> pointers;
    for (const Diagnostic& fault : faults.list()) {
        pointers.push_back(fault.pointer);
    }
    EXPECT_THAT(pointers, testing::UnorderedElementsAre("/stages/0/install/answers/packages/0",
                                                        "/stages/0/install/answers/users/0/name",
                                                        "/stages/0/install/answers/users/0/password-hash",
                                                        "/stages/0/install/answers/users/0/ssh-keys/0"));
    EXPECT_THAT(faults.text(), Not(HasSubstr("plain\n")));
}

TEST(AskedPackages, are_read_from_continued_lines_without_versions_and_suites) {
    const std::string text =
        "# d-i pkgsel/include string comment\nd-i pkgsel/include string vim, curl=8.1 \\\n  "
        "nginx/trixie-backports libc6:i386\n"
        "d-i base-installer/includes string gnupg\n";

    EXPECT_THAT(asked_packages(AnswerFormat::preseed, text),
                testing::ElementsAre("vim", "curl", "nginx", "libc6", "gnupg"));
    EXPECT_THAT(asked_packages(AnswerFormat::kickstart, text), IsEmpty());
}

TEST(AskedPackages, of_generated_answers_are_those_of_the_block) {
    const std::string text = answer_text(AnswerFormat::preseed, full_answers(), facts());

    EXPECT_THAT(asked_packages(AnswerFormat::preseed, text),
                testing::ElementsAre("openssh-server", "cloud-init"));
}

TEST(WantsNetwork, follows_the_mirror_of_the_answers_even_when_the_medium_could_do_alone) {
    Answers answers = full_answers();
    EXPECT_FALSE(wants_network(AnswerFormat::preseed, answers, facts()));
    answers.mirror = "http://mirror.example/debian";
    EXPECT_TRUE(wants_network(AnswerFormat::preseed, answers, facts()));

    EXPECT_FALSE(wants_network(AnswerFormat::preseed, "d-i apt-setup/use_mirror boolean false\n", facts()));
    EXPECT_TRUE(
        wants_network(AnswerFormat::preseed, "d-i mirror/http/hostname string mirror.example\n", facts()));
    EXPECT_TRUE(wants_network(AnswerFormat::kickstart, "url --url=http://mirror.example/\n", facts()));
}

// The trap of the script that closes the installation, run by a real shell.
TEST(TargetScript, leaves_word_of_the_post_command_that_failed) {
    Answers answers = full_answers();
    answers.users.clear();
    answers.post = {"true", "exit 7", "true"};
    const std::string late = bytes_of(generate(AnswerFormat::preseed, answers, facts()), "imgforge-post.sh");
    const TempDir dir;
    const std::string file = (dir / "failed").string();
    std::string script = late;
    for (std::size_t at = 0; (at = script.find("/root/imgforge-failed", at)) != std::string::npos;
         at += file.size()) {
        script.replace(at, 21, file);
    }
    ASSERT_NE(script, late);
    const ProcessResult result = SystemProcessRunner().run({.program = "sh", .args = {"-e", "-c", script}});

    EXPECT_EQ(result.code, 7);
    EXPECT_EQ(read_file(file), "post command 2 of 3, exit code 7\n");
}

}  // namespace
}  // namespace imgforge::seeds
