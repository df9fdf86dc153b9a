// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/virt/connection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <thread>

#include "builder/virt/domain_xml.hpp"
#include "builder/virt/embedded_root.hpp"
#include "builder/virt/worker_transport.hpp"

namespace imgforge::virt {
namespace {

using ::testing::HasSubstr;

// libvirt's own in-memory driver: no hypervisor, no daemon, real error codes.
constexpr const char* test_driver = "test:///default";

TEST(Connection, finds_what_exists_and_says_nothing_about_what_does_not) {
    const Connection connection = Connection::open(test_driver);

    ASSERT_TRUE(connection.find("test"));
    EXPECT_EQ(connection.find("test")->name(), "test");
    EXPECT_FALSE(connection.find("no-such-machine"));
    EXPECT_EQ(connection.domains().size(), 1U);
}

TEST(Connection, lists_domains_that_run_and_domains_that_do_not) {
    const Connection connection = Connection::open(test_driver);
    connection.define(
        "<domain type='test'><name>idle</name><memory>65536</memory><os><type>hvm</type></os></domain>");

    std::map<std::string, DomainState> states;
    for (const DomainRow& row : connection.domains()) {
        states[row.name] = row.state;
    }
    EXPECT_EQ(states, (std::map<std::string, DomainState>{{"idle", DomainState::shut_off},
                                                          {"test", DomainState::running}}));
    connection.find("idle")->undefine();
}

TEST(Connection, runs_a_domain_through_its_life) {
    const Connection connection = Connection::open(test_driver);
    const Domain domain = connection.define(
        "<domain type='test'><name>life</name><memory>65536</memory><os><type>hvm</type></os></domain>");

    EXPECT_EQ(domain.status()->state, DomainState::shut_off);
    domain.start();
    EXPECT_EQ(domain.status()->text(), "running (booted)");
    domain.destroy();
    EXPECT_EQ(domain.status()->text(), "shut off (destroyed)");
    domain.destroy();  // twice is fine
    domain.undefine();
    EXPECT_FALSE(domain.status());
    domain.undefine();  // gone is fine
}

TEST(Connection, remembers_how_a_domain_stopped_after_it_is_gone) {
    const Connection connection = Connection::open(test_driver);
    const Domain domain = connection.create(
        "<domain type='test'><name>brief</name><memory>65536</memory><os><type>hvm</type></os></domain>",
        false);
    EXPECT_FALSE(domain.last_stop());

    domain.destroy();

    EXPECT_FALSE(domain.status()) << "a transient domain goes with its end";
    for (int i = 0; i < 100 && !domain.last_stop(); ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    ASSERT_TRUE(domain.last_stop());
    EXPECT_EQ(domain.last_stop()->text(), "shut off (destroyed)");
}

TEST(Connection, tells_a_wrong_state_from_a_missing_domain) {
    const Connection connection = Connection::open(test_driver);
    const Domain stopped = *connection.find("test");
    stopped.destroy();

    try {
        stopped.block_stats("vda");
        FAIL() << "a machine that is off has no statistics";
    } catch (const VirtError& error) {
        EXPECT_EQ(error.cause(), VirtCause::invalid_state) << error.message();
        EXPECT_THAT(error.message(), HasSubstr("domain 'test'"));
    }
    const Domain stale = connection.define(
        "<domain type='test'><name>stale</name><memory>65536</memory><os><type>hvm</type></os></domain>");
    connection.find("stale")->undefine();
    try {
        stale.start();
        FAIL() << "started a domain that is gone";
    } catch (const VirtError& error) {
        EXPECT_EQ(error.cause(), VirtCause::no_domain);
    }
}

TEST(Connection, refuses_bad_xml_with_libvirts_words) {
    const Connection connection = Connection::open(test_driver);

    EXPECT_THROW(connection.define("<domain"), VirtError);
}

TEST(Connection, reports_a_daemon_that_is_not_there_as_a_host_problem) {
    try {
        Connection::open("qemu+unix:///system?socket=/nonexistent/libvirt-sock");
        FAIL() << "connected to nothing";
    } catch (const VirtError& error) {
        EXPECT_EQ(error.kind(), Failure::host);
        EXPECT_THAT(error.message(), HasSubstr("/nonexistent/libvirt-sock"));
    }
}

TEST(Connection, lists_networks_of_the_driver) {
    const Connection connection = Connection::open(test_driver);

    ASSERT_EQ(connection.networks().size(), 1U);
    EXPECT_EQ(connection.networks().front().name, "default");
    EXPECT_TRUE(connection.networks().front().active);
    EXPECT_THROW(connection.start_network("nowhere"), VirtError);
}

TEST(ConnectionChoice, prefers_the_option_then_the_environment_then_settings) {
    const std::optional<std::string> settings = "qemu+ssh://host/system";
    setenv("LIBVIRT_DEFAULT_URI", "test:///default", 1);
    EXPECT_EQ(choose_connection("qemu:///session", settings).uri, "qemu:///session");
    EXPECT_EQ(choose_connection(std::nullopt, settings).uri, "test:///default");
    EXPECT_EQ(choose_connection(std::nullopt, settings).source, "LIBVIRT_DEFAULT_URI");
    unsetenv("LIBVIRT_DEFAULT_URI");
    EXPECT_EQ(choose_connection(std::nullopt, settings).uri, "qemu+ssh://host/system");
    EXPECT_TRUE(choose_connection("embedded", settings).embedded());
}

TEST(EmbeddedRoot, survives_odd_characters_in_the_uri) {
    const std::filesystem::path odd = "/srv/a b%41&c=d?";
    EXPECT_EQ(embedded_root(embedded_uri(odd)), odd);
    EXPECT_FALSE(embedded_root("qemu:///system"));
}

TEST(WorkerErrors, keep_kind_cause_and_hint_on_the_wire) {
    try {
        throw_from_json(
            error_to_json(VirtError(VirtCause::agent_unavailable, Failure::domain, "silent", "install it")));
        FAIL();
    } catch (const VirtError& error) {
        EXPECT_EQ(error.cause(), VirtCause::agent_unavailable);
        EXPECT_EQ(error.message(), "silent");
        EXPECT_EQ(error.hint(), "install it");
    }
    EXPECT_THROW(throw_from_json(error_to_json(Error(Failure::host, "full"))), Error);
}

}  // namespace
}  // namespace imgforge::virt
