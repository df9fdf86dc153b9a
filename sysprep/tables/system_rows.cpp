// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/tables/tables.hpp"

namespace imgforge::sysprep::tables {

std::vector<Operation> system_rows() {
    return {
        {.name = "installer-logs",
         .heading = "Remove logs and answers of the Debian and Ubuntu installers",
         .reason = "preseed answers hold passwords, proxies and keys",
         .source = "debian-installer save-logs; subiquity autoinstall-user-data",
         .rows = {"E6"},
         .paths = "/var/log/installer  /var/lib/preseed/*  /{,root/}preseed.cfg  /var/log/curtin*"},
        {.name = "installer-files",
         .heading = "Remove kickstart, AutoYaST and setup answers",
         .reason = "anaconda writes them after %post, with the password hashes",
         .source = "anaconda boot-options.rst inst.nosave; AutoYaST guide; setup-alpine; archinstall",
         .rows = {"E7"},
         .paths = R"(
             /root/*{anaconda-ks,original-ks,initial-setup-ks,ks}.cfg  /root/anaconda-post.log
             /root/ks-*.log  /root/install.log*  /root/post-install*.log  /var/log/anaconda
             /root/autoinst.xml  /root/inst-sys  /var/adm/autoinstall/*  /var/log/YaST2  /etc/install.inf
             /var/log/agama*  /root/answers  /root/alpine.answers
             /root/user_{configuration,credentials}.json
             /autoinstall.yaml  /autoinstall  /ks.cfg  /root/autoinstall*.yaml  /var/log/archinstall
             /var/lib/YaST2/{install.inf,user_accepted_package_files,cookies}  /root/inst-sys.*
         )"},
        {.name = "debconf-passwords",
         .heading = "Empty the passwords that debconf remembers",
         .reason = "answers to password questions are kept as text",
         .source = "debconf-devel(7) type password",
         .rows = {"E8"},
         .paths = "/var/cache/debconf/*.dat-old  =/var/cache/debconf/passwords.dat"},
        {.name = "password-backups",
         .heading = "Remove backups of the user and package databases",
         .reason = "they keep the hashes of passwords changed later, and what was installed before",
         .source = "passwd(5) backup files; dpkg daily cron job; rpm(8)",
         .rows = {"E9"},
         .paths = R"(
             /etc/{passwd,shadow,group,gshadow,subuid,subgid}-  /var/backups/
             /etc/{passwd,shadow,group,gshadow}.{dpkg-old,dpkg-dist,ucf-old,rpmsave}
             /etc/{passwd,shadow,group,gshadow}.{rpmnew,orig,bak,lock,old}
             /etc/{passwd,shadow,group,gshadow}+  /etc/.pwd.lock.bak  /etc/{shadow,passwd}.[0-9]*
             /etc/security/opasswd.old  /srv/*{.bak,~}
         )"},
        {.name = "etckeeper",
         .heading = "Remove the version history of /etc",
         .reason = "it holds every key and hash that was ever deleted",
         .source = "etckeeper(8)",
         .rows = {"E11"},
         .paths = "/etc/.{git,hg,bzr,etckeeper,svn}  /etc/_darcs  /var/cache/etckeeper  /root/.etc-backup"},
        {.name = "login-records",
         .heading = "Empty records of logins",
         .reason = "they name the builder's users and addresses",
         .source = "utmp(5), lastlog(8), wtmpdb(8), lastlog2(8), sudo(8) lecture, pam_faillock(8)",
         .rows = {"F2"},
         .paths = R"(
             /var/lib/wtmpdb/wtmp.db*  /var/lib/lastlog/lastlog2.db*  /var/lib/sudo/{lectured,ts}/
             /var/db/sudo/{lectured,ts}/  /var/lib/faillock/  /var/lib/pam_{shield,abl,tally*}/*
             =/var/log/{wtmp,btmp,lastlog,faillog,tallylog}  =/run/utmp  =/var/run/utmp
             /var/lib/{elogind,ConsoleKit}/*  /var/log/ConsoleKit/*
         )"},
        {.name = "crash-data",
         .heading = "Remove core dumps and crash reports",
         .reason = "memory holds keys and passwords",
         .source = "core(5), systemd-coredump(8), apport, abrt, kdump",
         .rows = {"F3"},
         .paths = R"(
             /core  /core.*  /{root,tmp,var/tmp}/core.*  ~/core.[0-9]*  ~/{vgcore,hs_err_pid,java_pid}*
             /root/core
             /var/{core,cores}/*  /var/lib/{core,cores}/*  /cores/*  /var/cache/abrt-di/*  /var/crash/
             /var/lib/systemd/{coredump,pstore}/  /var/spool/abrt/  /var/spool/abrt-upload/  /var/tmp/abrt/
             /var/lib/apport/coredump/  /var/lib/{kdump,whoopsie}/*.{crash,log}
             /var/lib/systemd/catalog.dump
             ~/.local/share/{drkonqi,kcrash,gnome-abrt}  ~/.kde/share/apps/drkonqi  /var/lib/mcelog/*.dump
         )"},
        {.name = "temporary-files",
         .heading = "Empty /tmp and /var/tmp",
         .reason = "whatever the build left there",
         .source = "hier(7), tmpfiles.d(5)",
         .rows = {"F4"},
         .order = Operation::order_last,
         .paths = "/tmp/  /var/tmp/"},
        {.name = "indexes",
         .heading = "Remove indexes and histories of system tools",
         .reason = "they list the builder's files, addresses and transactions",
         .source = "updatedb(8), packagekitd, dnf history, apt-listchanges, tmpreaper",
         .rows = {"F5"},
         .paths = R"(
             /var/lib/{plocate,mlocate,slocate}/*.db*  /var/cache/{locate,slocate,mlocate}/*
             /var/lib/slocate/*
             /var/lib/PackageKit/*.db*  /var/lib/dnf/{history*,system-upgrade*}
             /var/lib/yum/{history,yumdb.bak}
             /var/lib/zypp/{SolverTestcase,*.log}  /var/lib/apt/listchanges.db
             /var/lib/apt/extended_states.*
             /var/lib/command-not-found/*.db*  /var/lib/aptitude/pkgstates.old  /var/lib/aptitude/*.old
             /var/lib/ucf/*.{old,[0-9]}  /var/lib/{beagle,tracker,recoll,baloo}/*  /var/lib/needrestart/*
             /var/lib/apt/{mirrors/partial,lists.bak}  /var/lib/synaptic/*.log  /var/lib/pacman/sync.bak
             /var/lib/debsecan/*  /var/lib/tmpreaper/*  /var/lib/arpwatch/*  /var/lib/vnstat/*
             /var/lib/iptraf/*
             /var/lib/darkstat/*  /var/lib/ntopng/*  /var/lib/atop/*  /var/lib/sarpub/*
             /var/lib/pcp/archives/*
         )"},
        {.name = "logrotate-state",
         .heading = "Remove dates of log rotations",
         .reason = "they tell when the builder ran",
         .source = "logrotate(8)",
         .rows = {"F6"},
         .paths = "/var/lib/logrotate/{status,logrotate.status}*  /var/lib/logrotate.status*"},
        {.name = "accounting",
         .heading = "Remove process and system accounting",
         .reason = "what ran on the builder",
         .source = "accton(8), sar(1), auditd(8)",
         .rows = {"F8"},
         .paths = R"(
             /var/account/pacct*  /var/log/{account,sa,sysstat}/*  /var/lib/{acct,sysstat,audit}/*
             /var/adm/pacct*  /var/log/atop/*  /var/log/pcp/*/*
         )"},
        {.name = "package-database-leftovers",
         .heading = "Remove old copies of package databases",
         .reason = "weight, and packages that were removed",
         .source = "rpm(8), dpkg(1), pacman(8)",
         .rows = {"F9"},
         .paths = R"(
             /var/lib/rpm/__db.*  /var/lib/dpkg/*-old  /var/lib/dpkg/lock*  /var/lib/rpm/.dbenv.lock
             /var/lib/rpm/*.{rpmsave,old}  /var/lib/pacman/db.lck  /usr/lib/sysimage/rpm/__db.*
         )"},
    };
}

}  // namespace imgforge::sysprep::tables
