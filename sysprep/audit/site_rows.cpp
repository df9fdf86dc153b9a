// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/audit/site_rules.hpp"

namespace imgforge::sysprep::audit {

namespace {

constexpr const char* tls_paths = R"(
    /etc/{ssl,pki/tls}/private/*
    /etc/{letsencrypt,acme,acme.sh,lego,dehydrated,certbot}/{live,archive,accounts,keys,certs}/*
    /etc/{letsencrypt,acme,lego,dehydrated}/{live,archive,accounts,keys,certs}/*/*
    /etc/letsencrypt/accounts/*/*/*/*  /var/lib/{acme,dehydrated,lego,acme.sh}/{*,*/*,*/*/*}
    ~/.acme.sh/*/*.key
    /var/lib/{caddy,traefik}/{acme.json,.local/share/caddy/*/*/*/*.key,*/*.key}  /etc/traefik/acme.json
    /{letsencrypt,acme.json}
    /etc/{nginx,apache2,httpd,haproxy,lighttpd,caddy,traefik,envoy,stunnel}/{*,*/*}.{key,pem,p12,pfx}
    /etc/{postfix,exim4,dovecot,cyrus,prosody,ejabberd}/{*,*/*}.{key,pem,p12,pfx}
    /etc/{mosquitto,rabbitmq,mysql,postgresql,redis,mongodb}/{*,*/*}.{key,pem,p12,pfx}
    /etc/{openldap,ldap,freeradius,bind,named,unbound}/{*,*/*,*/*/*}.{key,pem,p12,pfx}
    /etc/{knot,powerdns,vault.d,consul.d,nomad.d,etcd}/{*,*/*,*/*/*}.{key,pem,p12,pfx}
    /etc/{docker,containerd,registry,harbor,gitlab}/{*,*/*}.{key,pem,p12,jks}
    /etc/{gitea,grafana,prometheus,loki,kibana,elasticsearch}/{*,*/*}.{key,pem,p12,jks}
    /etc/pki/{*/private,private,nssdb/key4.db,*/*.key}  /etc/ssl/{*.key,*/*.key,certs/*.key}
    /etc/{certs,keys,tls,certificates}/{*,*/*}
    /{opt,srv,usr/local}/{*,*/*,*/*/*}/*.{key,pem,p12,pfx,jks,keystore,ppk}
    /usr/local/etc/{ssl,pki,certs}/{*,*/*}
)";

constexpr const char* vpn_paths = R"(
    /etc/wireguard/*  /etc/wireguard/*/*  /etc/openvpn/{*,*/*,*/*/*}.{ovpn,key,p12,pem,secret,auth,pass,txt}
    /etc/openvpn/{*,*/*}{auth,pass,cred,secret,login}*  /etc/ipsec.secrets
    /etc/ipsec.d/{private/*,*.secrets,*.p12}
    /etc/swanctl/{private,rsa,ecdsa,pkcs8,pkcs12}/*
    /etc/strongswan/{ipsec.secrets,ipsec.d/private/*,swanctl/private/*}
    /etc/{vpnc,openconnect,openfortivpn,sstp*}/{*.conf,config,*secret*,*pass*,*.key,*.pem,*/*.key}
    /etc/{pptpd,xl2tpd,ocserv,softether*}/{*.conf,config,*secret*,*pass*,*.key,*.pem,*/*.key}
    /etc/{openfortivpn/config,vpnc.conf,ocserv.conf,fastd/*/secret.conf}  /etc/fastd/*/*secret*
    /etc/tinc/*/*.priv  /etc/n2n/*.conf
    /{usr/local,opt,usr/libexec,var/lib}/{vpn*,softether*}/{,*/}vpn_*.config
    /etc/{shadowsocks*,v2ray,xray,sing-box,hysteria,trojan*,brook,clash}/{*.json,*.yaml,*.yml,*/*.json}
    /etc/sing-box.json
    /etc/{stunnel,ssh-vpn,sshuttle,autossh}/{*.key,psk*,*secret*}  /var/lib/{openvpn,wireguard}/*
    /etc/vtund.conf  /etc/gost/*.{json,yml}
    /etc/{racoon,isakmpd,libreswan}/{psk.txt,private/*,*.secrets}  /etc/zerotier/*
    /etc/headscale/*.{key,yaml}  /etc/amnezia*/{*,*/*}.conf
    /opt/{cisco,forticlient,paloalto*,globalprotect*}/{*,*/*,*/*/*}.{pfx,p12,key}
)";

constexpr const char* wireless_paths = R"(
    /etc/wpa_supplicant/*.conf  /etc/wpa_supplicant*.conf  /etc/hostapd/{*.conf,*.psk,*.wpa_psk,*.eap_user}
    /etc/wireless/*
    /etc/ppp/{chap,pap,srp,eaptls}-secrets*  /etc/ppp/peers/*pass*  /etc/{chatscripts,isdn}/*pass*
    /etc/radcli/servers
    /etc/{freeradius,raddb}/{clients.conf,users,*/clients.conf,*/users,3.0/clients.conf}.local
    /etc/pam_radius*.conf  /etc/raddb/server
    /etc/radiusclient*/servers  /etc/iwd/*.psk
)";

constexpr const char* directory_paths = R"(
    /etc/{krb5kdc,kdc}/{stash,.k5*,*.stash,*.keytab}  /var/lib/krb5kdc/{principal*,.k5.*,stash,*.keytab}
    /var/kerberos/krb5kdc/{principal*,.k5.*,*.keytab}  /etc/*.keytab  /etc/*/*.keytab  /etc/*/*/*.keytab
    /etc/samba/{smbpasswd,passdb*,credentials,*cred*,*pass*,*secret*}
    /etc/{cifs,smb,nas,mount,fstab,share}*{cred,pass,secret}*
    /etc/*.{cred,creds,credentials,smbcredentials,cifs}  /etc/.*{cred,smb,cifs,pass,secret}*
    /etc/{creds,credentials,secrets,passwords}/{,*/}*
    /etc/{ldap,openldap}/*.{secret,pass,passwd}  /etc/{libnss-ldap,pam_ldap,ldap}.secret /etc/nslcd.conf.d/*
    /etc/davfs2/secrets
    /etc/autofs*{cred,pass,secret}*  /etc/auto.{smb,cifs}.*  /var/lib/ldap/*.mdb  /var/lib/slapd/*.mdb
    /etc/sssd/conf.d/*.conf
)";

constexpr const char* login_paths = R"(
    /etc/containers/{auth.json,*auth*.json}
    /etc/{docker,crio,kubernetes,kubelet}/{config.json,auth.json,*pull-secret*,.dockercfg}
    /var/lib/kubelet/{config.json,.dockercfg,.docker/config.json}  /.docker{/config.json,cfg}
    /etc/{ostree,rpm-ostreed}*/auth.json
    /{root,run,etc}/ostree/auth.json  /etc/rancher/{k3s,rke2}/{registries.yaml,config.yaml*}
    /etc/rancher/{k3s,rke2}/config.yaml.d/*
    /etc/containerd/{certs.d,conf.d}/{*,*/*}  /etc/docker/certs.d/*/*.{key,cert}
    /etc/{zot,registry,distribution,harbor}/{htpasswd,*.yml}
    /etc/apt/auth.conf  /etc/apt/auth.conf.d/*  /etc/{yum,dnf}/vars/*{user,pass,token,key}*
    /etc/pip.conf.d/*  /etc/npmrc.d/*
    /etc/{netrc,.netrc,git-credentials,.git-credentials,composer/auth.json,nix/netrc}  /etc/conda/*token*
    /usr/{local/,}etc/npmrc.token
)";

constexpr const char* kubeconfig_paths = R"(
    /etc/{kubernetes,k0s,k3s,rke2,microshift,openshift}/{*,*/*}.{kubeconfig,conf}  /etc/kubeconfig*
    /{opt,srv,etc}/{,*/,*/*/}*kubeconfig*
    /{opt,srv,usr/local,var/lib}/{,*/}.kube/*  /var/lib/*/*kubeconfig*  /usr/local/etc/*kubeconfig*
    /{opt,srv}/*/*.kube
)";

constexpr const char* password_paths = R"(
    /etc/credstore/*  /etc/credstore.encrypted/*  /usr/lib/credstore/*  /etc/exim4/passwd.client
    /etc/postfix/{sasl/*,sasl_passwd*,*passw*}
    /etc/msmtprc  /etc/{ssmtp/ssmtp.conf,nullmailer/remotes,dma/auth.conf,esmtprc}
    /etc/{sendmail/*auth*,mail/auth/*,mail/authinfo*,fetchmailrc}
    /etc/{dovecot,courier,cyrus,vsftpd,proftpd}/{users,passwd*,*.passwd,*passw*,userdb,*.pdb}
    /etc/{pure-ftpd,ircd*,ngircd,znc,inspircd}/{users,passwd*,*.passwd,*passw*,userdb,*.pdb}
    /etc/{nginx,apache2,httpd,lighttpd,haproxy,squid,caddy}/{,*/}{.ht,ht,}passw*
    /etc/{monit,munin,nagios*,icinga*,prometheus,grafana,loki}/{,*/}{.ht,ht,}passw*
    /etc/{squid,mosquitto,redis,rabbitmq,memcached}/{passwd*,userlist.txt,users*}
    /etc/{squid,mosquitto,redis,rabbitmq,memcached}/{*.acl,pool_passwd,*secret*}
    /etc/{pgbouncer,pgpool2,proxysql,maxscale,haproxy}/{passwd*,userlist.txt,users*}
    /etc/{pgbouncer,pgpool2,proxysql,maxscale,haproxy}/{*.acl,pool_passwd,*secret*}
    /etc/{pgbouncer/userlist.txt,pgpool2/pool_passwd,mosquitto/pwfile}
    /etc/{stunnel/psk*,rsyncd.secrets,rsync*.secret*,nut/upsd.users}
    /etc/{bacula,bareos,amanda,borgmatic,restic}/{*pass*,*secret*,*.key,*.env,*.conf.d/*pass*,repo*key*}
    /etc/{duplicity,duply,kopia,rclone,backup*,autorestic*}/{*pass*,*secret*,*.key}
    /etc/{duplicity,duply,kopia,rclone,backup*,autorestic*}/{*.env,*.conf.d/*pass*,repo*key*}
    /etc/duply/*/conf
    /etc/passwd-s3fs
    /etc/{vnc,x11vnc,tigervnc}/*pass*  /etc/x11vnc.pass  /etc/cockpit/machines.d/*
    /etc/{webmin,usermin}/miniserv.users  /etc/shinken/*pass*
    /etc/{ldap,mysql,postgresql,mongo*,influxdb}/{*.pass*,*secret*,.*pass*,*.token,*.pwd}
    /etc/{grafana,zabbix,telegraf,datadog*,newrelic*}/{*.pass*,*secret*,.*pass*,*.token,*.pwd}
    /etc/{ddclient.conf,inadyn.conf,dyndns*.conf,noip*.conf}
    /etc/{no-ip2.conf,ddclient/*.conf,cloudflare*.ini,certbot*/*.ini,letsencrypt/*.ini}
    /etc/letsencrypt/*/*.ini  /usr/local/etc/no-ip2.conf
    /etc/{luks,cryptsetup-keys.d,keys,cryptkeys,crypttab.d,luks-keys}/{,*/}*
    /{crypto_keyfile.bin,keyfile,luks.key,root.key,boot/keyfile*,boot/*.key}
    /etc/{zfs/keys/*,zfs/*.key,ceph/*secret*,glusterfs/*.key}
    /etc/{ipmitool,freeipmi,fence*,ipmi*,redfish*,bmc*}/{*pass*,*secret*,*.conf.d/*}
    /etc/{icinga2,nagios*}/{conf.d/api-users.conf,resource.cfg,private/*}
    /etc/{librenms,observium,phpmyadmin,roundcube}/{*-db.php,config-db.php,*.conf,config*.php,.env}
    /etc/{nextcloud,owncloud,wordpress,dbconfig-common}/{*-db.php,config-db.php,*.conf,config*.php,.env}
    /etc/{tacacs*,tac_plus*,racoon,snmp}/{tac_plus.conf,*secret*,snmptrapd.conf.local}
    /etc/{default,sysconfig}/*{secret,token,password,cred}*
)";

constexpr const char* secret_paths = R"(
    /{opt,srv,etc,usr/local,var/www,app,data}/{,*/,*/*/,*/*/*/}{.env,.env.*,*.env}
    /{opt,srv,usr/local}/{,*/,*/*/,*/*/*/}{*secret*,*credential*,*password*,*passwd*}
    /{var/www,var/lib,app,data}/{,*/,*/*/,*/*/*/}{*secret*,*credential*,*password*,*passwd*}
    /{opt,srv,usr/local,var/www,var/lib,app,data}/{,*/,*/*/,*/*/*/}{*apikey*,*api_key*}
    /{opt,srv,usr/local,var/www,var/lib,app,data}/{,*/,*/*/,*/*/*/}{*api-key*,*private_key*,*privkey*}
    /{opt,srv,usr/local,var/www,app,data}/{,*/,*/*/}{*token*,.htpasswd,wp-config.php,settings_local.py}
    /{opt,srv,usr/local,var/www,app,data}/{,*/,*/*/}{local_settings.py,database.yml}
    /{opt,srv,usr/local,var/www,app,data}/{,*/,*/*/}{master.key,auth.json,id_rsa*}
    /etc/*/{*token,*.token,token}
    /etc/*/{*_token.*,*-token.*,*credential*,*secret*.{yml,yaml,json,conf,key,txt,env}}
    /etc/*/*/{*.token,*credential*.{json,yaml,yml,conf}}
    /var/lib/*/{*token,*.token,*_token,*-token,api_key,apikey,*.psk}
    /var/lib/*/{auth.key,authkey,*.secret,*.credentials,*.password,private.key,privkey.pem}
    /var/lib/*/*/{*token,*.token,*.psk,*.secret,private.key,*credentials.json,auth.json}
    /var/lib/private/*/{,*/}*
    /{root,home/*}/{,*/}{.env,.env.*,*.env}
    /{root,home/*}/{,*/}{secrets.*,credentials.*,*service-account*.json,*client_secret*.json}
    /etc/{consul-template,nomad,vault,boundary,teleport,step-ca}/{*.token,*token*,*.key}
    /etc/{vault,consul,nomad}.d/*token*
)";

constexpr const char* service_paths = R"(
    /var/lib/grafana/grafana.db*
    /var/lib/{jenkins,hudson}/{secret.key,secrets/*,identity.key.enc,credentials.xml,users/*/config.xml}
    /var/lib/{gitea,forgejo,gogs}/{data/*.db,custom/conf/app.ini,conf/app.ini}
    /etc/{gitea,forgejo,gogs}/app.ini
    /etc/gitlab/{gitlab-secrets.json,gitlab.rb,initial_root_password}
    /var/opt/gitlab/{gitlab-rails/etc/secrets.yml,redis/dump.rdb,.ssh/*}
    /var/lib/{vaultwarden,bitwarden*,keycloak,authentik,authelia}/{*.db,*.sqlite*,rsa_key*,*.key,*.pem}
    /var/lib/{zitadel,kanidm,lldap,dex,ory*,casdoor}/{*.db,*.sqlite*,rsa_key*,*.key,*.pem}
    /var/lib/{home-assistant,hass,homeassistant}/{.storage/*,secrets.yaml,*.db,flows_cred.json,*.yaml}
    /var/lib/{node-red,zigbee2mqtt,openhab*,domoticz}/{.storage/*,secrets.yaml}
    /var/lib/{node-red,zigbee2mqtt,openhab*,domoticz}/{*.db,flows_cred.json,*.yaml}
    /{opt,srv}/*/{.storage/auth*,flows_cred.json,secrets.yaml,*.sqlite,*.sqlite3,*.kdbx}
    /var/lib/uptime-kuma/*.db
    /var/lib/{nessus,openvas,gvm,greenbone,wazuh*,thehive,misp}/{*.db,private/*,CA/*}
    /opt/splunk{,forwarder}/etc/{passwd,auth/*.secret,auth/*/*.pem}
    /var/lib/{redis,valkey,keydb}/{*.rdb,*.aof,appendonlydir/*}
    /var/lib/{vault,openbao}/{data,raft,core}/{*,*/*}  /opt/{vault,openbao}/{data,tls}/{*,*/*}
    /etc/{vault,vault.d,openbao}/{*unseal*,*root*token*,init*.json}
    /var/lib/{samba,lam,389ds,dirsrv}/{private/sam.ldb,*.passwd}
    /etc/dirsrv/slapd-*/{pin.txt,pwdfile.txt,key4.db}
    /var/lib/pki/*/alias/*  /root/{.dogtag/*,ca-agent.p12,cacert.p12}
    /etc/pki/pki-tomcat/{password.conf,alias/*}
    /var/lib/{step-ca,ejbca,xca,easy-rsa}/{secrets,private,pki}/{*,*/*}
    /{etc,root,opt}/{openvpn/,}easy-rsa/{,pki/,keys/}{private/*,*.key}  /etc/step-ca/{secrets,config,db}/*
    /var/lib/{softhsm*,opendnssec,opencryptoki,tpm2-pkcs11,tpm2_pkcs11,yubihsm*}/{,*/}tokens/*
    /var/lib/{opencryptoki,tpm2-pkcs11,tpm2_pkcs11}/*
    /root/.step/{secrets,authorities/*/secrets}/*
)";

constexpr const char* trust_paths = R"(
    /usr/local/share/ca-certificates/{*,*/*,*/*/*}  /etc/pki/ca-trust/source/{anchors/*,blocklist/*}
    /etc/pki/trust/{anchors,blocklist}/*
    /etc/ca-certificates/trust-source/{anchors,blocklist}/*  /usr/share/pki/trust/anchors/* /etc/ssl/local/*
    /etc/apt/trusted.gpg
    /usr/local/etc/ca-certificates/*  /etc/sudoers.d/*agent*
)";

constexpr const char* host_paths = R"(
    /etc/ssh/ssh_known_hosts*
    /etc/ssh/{ca,user_ca,trusted-user-ca-keys,ca.pub,*_ca,*_ca.pub,revoked_keys,authorized_principals*}
    /etc/ssh/authorized_keys{,.d/*,/*}
    /etc/ssh/{keys,authorized-keys,userkeys,keys.d}/{*,*/*}  /etc/dropbear/authorized_keys
    /etc/{hosts.equiv,shosts.equiv}  /etc/dropbear/initramfs/{authorized_keys,id_*}
    /etc/tinyssh/*authorized*  /var/lib/*/.ssh/*  /{opt,srv}/{,*/}*/.ssh/*
)";

}  // namespace

const std::vector<SiteRow>& site_rows() {
    static const std::vector<SiteRow> all{
        {"tls-key", "a TLS key", tls_paths, SiteState::private_key},
        {"vpn-key", "a key or password of a tunnel", vpn_paths, SiteState::private_key},
        {"network-secret", "a password of a network", wireless_paths, SiteState::has_lines},
        {"directory-secret", "a password or key of a directory service or a share", directory_paths,
         SiteState::has_lines},
        {"registry-login", "a login to a registry or repository", login_paths, SiteState::has_lines},
        {"kubeconfig", "a login to a cluster", kubeconfig_paths},
        {"stored-password", "a stored password", password_paths, SiteState::has_lines},
        {"stored-secret", "a stored token, key or password", secret_paths, SiteState::has_lines},
        {"service-data", "data of a service, with its keys or accounts", service_paths},
        {"trusted-ca", "a certificate authority that all clones would trust", trust_paths},
        {"ssh-trust", "a host, key or authority that SSH would trust", host_paths},
    };
    return all;
}

}  // namespace imgforge::sysprep::audit
