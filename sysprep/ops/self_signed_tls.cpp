// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

namespace {

constexpr const char* snakeoil_unit = R"([Unit]
Description=Make the self-signed certificate when there is none
Documentation=man:make-ssl-cert(8)
ConditionPathExists=!/etc/ssl/private/ssl-cert-snakeoil.key
Before=apache2.service nginx.service postfix.service postgresql.service exim4.service dovecot.service

[Service]
Type=oneshot
ExecStart=/usr/sbin/make-ssl-cert generate-default-snakeoil --force-overwrite
RemainAfterExit=yes

[Install]
WantedBy=multi-user.target
)";

}  // namespace

Operation self_signed_tls_operation() {
    return {
        .name = "self-signed-tls",
        .heading = "Remove certificates that packages made for themselves",
        .reason = "one private key on every clone",
        .source =
            "make-ssl-cert(8), cockpit-certificate-ensure, rndc-confgen(8), mysqld --auto_generate_certs",
        .rows = {"D14"},
        .remove = {"/etc/pki/tls/private/localhost.key", "/etc/pki/tls/certs/localhost.crt",
                   "/etc/cockpit/ws-certs.d/0-self-signed*", "/etc/cups/ssl/*", "/etc/bind/rndc.key",
                   "/etc/unbound/unbound_{control,server}.{key,pem}", "/var/lib/mysql/*.pem",
                   "/etc/chrony/chrony.keys.generated"},
        .perform =
            [](Cleaner& cleaner) {
                if (!cleaner.exists("/etc/ssl/private/ssl-cert-snakeoil.key") ||
                    cleaner.is_kept("/etc/ssl/private/ssl-cert-snakeoil.key")) {
                    return;
                }
                cleaner.remove("/etc/ssl/private/ssl-cert-snakeoil.key");
                // One question for all of the hundreds of certificates; a link's size is the length of its
                // target, so that only few have to be read.
                constexpr std::string_view target = "ssl-cert-snakeoil.pem";
                for (const guest::DirEntry& entry : cleaner.fs().list("/etc/ssl/certs")) {
                    const std::string link = guest::join_path("/etc/ssl/certs", entry.name);
                    if (entry.stat.type == guest::FileType::symlink &&
                        (entry.stat.size == target.size() || entry.stat.size == 0) &&
                        cleaner.fs().readlink(link) == target) {
                        cleaner.remove(link);
                    }
                }
                cleaner.remove("/etc/ssl/certs/ssl-cert-snakeoil.pem");
                if (cleaner.os().init == "systemd" && cleaner.exists("/usr/sbin/make-ssl-cert")) {
                    cleaner.systemd_unit("imgforge-snakeoil.service", snakeoil_unit);
                }
            },
    };
}

}  // namespace imgforge::sysprep
