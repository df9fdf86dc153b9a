// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"
#include "sysprep/tables/tables.hpp"

namespace imgforge::sysprep::tables {

namespace {

constexpr const char* container_paths = R"(
    /etc/docker/key.json  /var/lib/docker/{engine-id,swarm,runtimes.lock,tmp}  /var/lib/docker/containers/*
    /var/lib/docker/buildkit/*.{db,lock}  /run/containers/0/auth.json  /var/lib/docker/trust/private
    /var/lib/docker/network/files/local-kv.db  /etc/docker/certs.d/*/client.key
    ~/.docker/{.token_seed*,run,trust}
    /var/lib/containerd/io.containerd.grpc.v1.introspection/uuid
    /var/lib/containerd/io.containerd.metadata.v1.bolt/*.lock
    /var/lib/containers/storage/{overlay,vfs,btrfs}-containers/*  /var/lib/containers/storage/secrets
    /var/lib/containers/storage/{libpod/bolt_state.db,db.sql*}  /etc/containers/podman-machine*
    ~/.local/share/containers/storage/{libpod,secrets,overlay-containers}  ~/.config/containers/podman*.json
    /var/lib/lxc/*/config.bak  /var/lib/lxd/{server.*,database,devlxd}  /var/lib/incus/{server.*,database}
    /var/snap/lxd/common/lxd/{server.*,database,cluster.*}
    /var/snap/docker/*/{etc/docker/key.json,engine-id}
    ~/.config/{lxc,incus}/client.{key,crt}  /var/lib/buildkit/*  /var/lib/cri-o/version-persist
    /var/lib/crio/{version,clean.shutdown}*  /var/lib/kata-containers/*.id
)";

constexpr const char* node_id_paths = R"(
    /var/lib/mysql*/{auto.cnf,gvwstate.dat,grastate.dat,galera.cache,*.pem,mysql_upgrade_info}
    /var/lib/{percona*,mariadb}/{auto.cnf,gvwstate.dat,grastate.dat,galera.cache}
    /var/lib/rabbitmq/.erlang.cookie  /var/lib/{couchdb,ejabberd,riak,emqx,vernemq}/.erlang.cookie
    ~/.erlang.cookie  /var/lib/rabbitmq/mnesia/*.pid
    /{opt,var/lib,srv,etc}/{consul,consul.d,nomad}/{,*/,*/*/}{node,client,secret}-id
    /{opt,var/lib,srv,etc}/{nomad.d,vault,vault.d,serf}/{,*/,*/*/}{node,client,secret}-id
    /{opt,var/lib}/consul/{,data/}{serf,raft,checkpoint-signature}
    /{opt,var/lib}/consul/{,data/}{server_metadata.json,proxy,acl-tokens.json}
    /{opt,var/lib}/consul/{,data/}{services,checks}  /{opt,var/lib}/nomad/{,data/}{server,client,alloc}
    /opt/{consul,nomad,vault}/*.{token,unseal}  /etc/{consul,nomad,vault}.d/*.{token,hclic}
    /opt/boundary/data/*
    /var/lib/elasticsearch/{node.lock,nodes/*/_state,nodes/*/node.lock,_state}
    /etc/elasticsearch/elasticsearch.keystore  /etc/kibana/kibana.keystore  /var/lib/kibana/uuid
    /etc/opensearch/opensearch.keystore  /etc/logstash/logstash.keystore  /etc/*beat/*.keystore
    /var/lib/{logstash,opensearch-dashboards}/uuid  /var/lib/apm-server/*
    /var/lib/opensearch/{nodes,node.lock}
    /var/lib/{graylog,graylog-server,graylog-datanode}/node-id  /etc/graylog/server/node-id
    /etc/graylog/*/node-id  /etc/graylog/sidecar/node-id  /var/lib/graylog-sidecar/*
    /var/lib/{kafka,confluent,zookeeper,kraft*}/{,*/,*/*/}{meta.properties,myid}  /etc/zookeeper/conf/myid
    /tmp/kafka-logs  /tmp/zookeeper  /var/lib/cassandra/{data/system/local*,saved_caches,hints}/*
    /var/lib/scylla/{data/system/local*,uuid}  /etc/scylla/scylla.uuid  /var/lib/scylla-housekeeping/*
    /var/lib/cockroach/{node*.id,*.lock}  /var/lib/clickhouse/uuid
    /var/lib/clickhouse/preprocessed_configs/*
    /var/lib/redis/nodes*.conf  /var/lib/{valkey,keydb}/nodes*.conf  /etc/redis/sentinel.conf.bak
    /var/lib/mongodb/{mongod.lock,storage.bson.bak}  /var/lib/mongo/mongod.lock  /var/lib/influxdb/meta/*
    /var/lib/influxdb{,2}/{influxd.bolt,engine,hh}  /etc/influxdb*/*.token  /var/lib/ceph/bootstrap-*/*
    /var/lib/ceph/{crash,mon,mgr,osd,mds,radosgw}/*  /etc/ceph/*.keyring  /etc/glusterfs/*.pem
    /var/lib/glusterd/{glusterd.info,peers,secret.pem*,options}  /var/lib/heketi/*.pub  /etc/drbd.d/*.key
    /var/lib/drbd/*  /etc/corosync/{authkey,uidgid.d/*}  /etc/pacemaker/authkey
    /var/lib/pacemaker/{cib,pengine,blackbox}/*
    /var/lib/corosync/*  /var/lib/pcsd/*  /etc/pcsd/*  /var/lib/heartbeat/*  /etc/heartbeat/authkeys
    /etc/keepalived/*.auth  /var/lib/minio/.minio.sys/format.json  /etc/linstor/*.key  /var/lib/linstor*/*
    /var/lib/iscsi/{nodes,send_targets,isns,ifaces}/*  /etc/iscsi/{nodes,send_targets}/*
    /etc/target/{saveconfig.json,backup}
    /etc/rtslib-fb-target/{saveconfig.json,backup}  /etc/tgt/conf.d/*.auth
    =/var/lib/nfs/state  /var/lib/nfs/{sm,sm.bak}/  /var/lib/nfs/{v4recovery,nfsdcltrack,nfsdcld}/*
    =/var/lib/nfs/{rmtab,xtab}  /var/lib/rpcbind/*  /run/rpcbind/*.xdr  /var/lib/nslcd/*
    /var/lib/{named,bind}/{*.jnl,managed-keys.bind*,*.mkeys*}
    /var/lib/unbound/unbound_{control,server}.{key,pem}
    /etc/unbound/unbound_{control,server}.{key,pem}  /etc/{bind,named}/{rndc.key,session.key}  /etc/rndc.key
    /var/lib/{knot,knot-resolver}/keys/*  /var/lib/samba/private/{secrets,schannel_store}.tdb
    /var/lib/pdns/*.lock
    /var/lib/cups/certs/*  /etc/cups/ssl/*  /var/cache/cups/*
    /etc/cups/{classes,subscriptions,printers}.conf*
    /var/lib/postgresql/*/*/{postmaster.pid,server.key,server.crt,root.key}
    /var/lib/pgsql/*/data/{postmaster.pid,server.key}
    /var/lib/pgsql/data/{postmaster.pid,server.key}
    /var/lib/{dovecot,dovecot/instances,dovecot/ssl-parameters.dat}
    /etc/dovecot/private/*.{key,pem}  /etc/ssl/private/dovecot.{pem,key}  /etc/pki/dovecot/private/*
    /var/lib/postfix/{master.lock,*_scache.*,prng_exch}  /var/lib/exim4/{config.autogenerated.tmp,*.pem}
    /var/lib/{spamassassin,spamass-milter,opendmarc}/{.razor,.pyzor,.spamassassin}
    /var/lib/rspamd/{rspamd.uuid,*.key,bayes*}
    /var/lib/mailman*/{data/adm.pw,locks}  /var/lib/prosody/*.{key,cnf}  /var/lib/ejabberd/spool
    /etc/prosody/certs/localhost.key
    /var/lib/{matrix-synapse,synapse,dendrite,conduit}/*.{signing.key,pem,key}
    /etc/matrix-synapse/*.signing.key
    /var/lib/syncthing/{,.config/syncthing/,.local/state/syncthing/}{key,cert,https-key,https-cert}.pem
    ~/.{config,local/state}/syncthing/{key,cert,https-key,https-cert}.pem  ~/.config/syncthing/config.xml
    ~/.{config,local/state}/syncthing/{config.xml,index-*}  /var/lib/{resilio-sync,btsync}/*
    ~/.config/resilio-sync
    /var/lib/{ipfs,kubo,lotus,geth,bitcoind,lnd}/{config,keystore,repo.lock,nodekey,.cookie,tls.key,peerid}
    /var/lib/{ipfs,kubo}/.ipfs/{config,keystore}
    ~/.ipfs/{config,keystore}  ~/.ethereum/{,*/}{keystore,nodekey}  ~/.bitcoin/{wallet.dat,.cookie,peers.dat}
    ~/.lnd
    /var/lib/{transmission*,deluge*,qbittorrent*,rtorrent,aria2}/{.config,info,state}
    /var/lib/{transmission*,deluge*}/{*.dht*,dht.dat,auth,settings.json.bak}
    /var/lib/{qbittorrent*,rtorrent,aria2}/{*.dht*,dht.dat,auth,settings.json.bak}
    /etc/lighttpd/*.pem.gen
    /var/lib/{caddy,traefik,acme}/{.local/share/caddy/instance.uuid,instance.uuid,*.lock}
    /var/lib/caddy/.local/share/caddy/pki/authorities/local/*.key  /etc/cockpit/ws-certs.d/0-self-signed*
    /etc/webmin/{miniserv.pem,miniserv.users.bak,version-id}  /var/webmin/sessiondb*
    /etc/usermin/miniserv.pem
    /etc/pki/tls/private/{localhost,postfix,sendmail}.key  /etc/pki/tls/certs/localhost.crt
    /var/lib/{openqa,gerrit,sonarqube,nexus,artifactory}/{etc/security/*.key,node-id}
    /var/lib/{openqa,gerrit,sonarqube,nexus,artifactory}/{ha-node.properties,*.lock}
    /var/lib/openvswitch/conf.db  /etc/openvswitch/{conf.db,system-id.conf}  /var/lib/ovn/*.db /etc/ovn/*.db
    /var/lib/frr/*.json  /var/lib/{bird,quagga,babeld}/*.{state,dat}  /var/lib/babeld/babel-state
    /var/lib/lldpd/*
    /var/lib/lldpad/lldpad.conf  /var/lib/avahi-autoipd/*  /var/lib/snmp/*  /var/net-snmp/*
    /var/lib/net-snmp/*.conf
    /var/lib/smokeping/*  /var/lib/smolt/*  /etc/sysconfig/smolt.uuid  /etc/smolt/{hw-uuid,pub-uuid*}
    /var/lib/{nut,apcupsd}/*  /var/lib/geoclue/*  /var/lib/libuuid/*
    /var/lib/{roundcube,php,php*}/{sessions,session,temp}/*
    /var/lib/php/{session,wsdlcache,opcache}/*  /var/lib/{tomcat*,jetty*}/{work,temp}/*
    /var/lib/tomcat*/conf/*.bak
    /{opt,var/lib,srv}/*/{,data/}{node,agent,client,server,instance,device,host,peer,member}-id
    /{opt,var/lib,srv}/*/{,data/}{node,agent,client,server,instance,device,host,peer,member}_id
    /{opt,var/lib,srv}/*/{,data/}{nodeid,hostid,agentid,deviceid,installation_id,installation-id,install_id}
    /{opt,var/lib,srv}/*/{,data/}{node,agent,client,server}{-,_,.}{uuid,guid,key}
    /{opt,var/lib,srv}/*/{,data/}{instance,device,host,machine,system}{-,_,.}{uuid,guid,key}
    /var/lib/*/{uuid,guid,UUID,id,*.id}  /var/lib/*/{,*/}*_seed.json
    /var/lib/{[!d],d[!b]}*/machine-id  /var/lib/{[!d],d[!b]}*/machine_id
    /var/opt/*/{,*/}{node,agent,client,server,instance,machine,host}{-,_}{id,uuid}
    /etc/[!lm]*/{node,agent,client,server,instance,machine,host}{-,_}id
    /etc/*/.{node,agent,machine,system,runner}*id
    /etc/foundationdb/fdb.cluster  /var/opt/mssql/secrets/*  /var/lib/garage/{,*/}node_key*
    /var/lib/meilisearch/{,*/}instance-uid  /var/lib/nova/compute_id
    /opt/couchbase/var/lib/couchbase/{ip,config/*}
    /var/lib/unifi/system.properties  /usr/lib/unifi/data/system.properties  /etc/sanlock/sanlock.conf
    /var/lib/homebridge/{persist,accessories}/*  /var/lib/{nats,nats-server}/{,*/}{*.nk,*.creds,jwt}
    /var/lib/pulsar/{,*/,*/*/}{cookie*,current/VERSION,*/*/VERSION,*/current/VERSION}
    /var/lib/solr/{,*/}zoo_data/*  /var/lib/{jellyfin,emby}/{,*/}device.txt  /var/lib/vmware/{,*/}*uuid
    /var/lib/longhorn/longhorn-disk.cfg  /var/lib/rook/*  /etc/pwx/{.private.json,config.json,cluster*}
    /var/lib/{private/,}systemd/journal-upload/*  /var/lib/boinc*/{gui_rpc_auth.cfg,client_state*,account_*}
    /var/lib/plexmediaserver/*/*/Preferences.xml  /var/lib/{tidb,tikv,pd}/*.{id,toml}
    /var/lib/private/*/{,*/}{*token*,*.key,*secret*,*-id,*_id,uuid,identity*,*credential*}
)";

constexpr const char* domain_paths = R"(
    /etc/krb5.keytab  /etc/krb5/*.keytab  /var/lib/sss/{db,mc,secrets,keytabs,deskprofile,gpo_cache}/*
    /var/lib/sss/pubconf/{kdcinfo.*,kpasswdinfo.*,known_hosts*}  /var/lib/sss/pubconf/krb5.include.d/*
    /var/lib/ipa-client/*  /var/lib/ipa-client/*/*  /var/lib/ipa/{sysrestore,sysupgrade,backup}/*
    /etc/ipa/{default.conf,ca.crt,nssdb/*}  /var/lib/certmonger/{requests,cas,local}/*
    /var/lib/samba/{private/*.tdb,private/*.ldb,private/tls/*,secrets.tdb}
    /var/lib/samba/{*.tdb,winbindd_*,smb_*,usershares/*}
    /var/lib/samba/private/{krb5.conf,sam.ldb.d,dns_update_*,*.keytab}  /var/cache/samba/*.tdb
    /var/lib/samba/{gencache*,account_policy.tdb,group_mapping.tdb,passdb.tdb,registry.tdb,share_info.tdb}
    /var/lib/samba/lock/*.tdb  /var/lib/samba/winbindd_privileged/*
    /etc/samba/{secrets,passdb,smbpasswd}.tdb
    /etc/samba/MACHINE.SID  /etc/krb5.conf.d/*realmd*  /var/lib/realmd/*  /var/lib/{pbis,likewise}/db/*
    /var/opt/quest/vas/*/*  /etc/opt/quest/vas/{host.keytab,*.bak}  /var/centrifydc/{kset.*,*.cache}
    /etc/centrifydc/*.keytab
    /var/lib/oddjobd/*  /var/lib/authselect/backups/*  /var/db/sudo/ts/*  /var/lib/nscd/*  /var/db/nscd/*
    /var/cache/nscd/*
    /var/lib/krb5kdc/*.ok  /var/kerberos/krb5/user/*/client.keytab  /var/lib/krb5/rcache/*  /var/tmp/krb5*_*
    /tmp/krb5cc_*  /var/lib/gssproxy/{clients,rcache}/*  /var/lib/adcli/*  /var/lib/himmelblaud/*
    /var/cache/himmelblaud*/*
    /etc/{passwd,shadow,group,gshadow,oslogin_passwd,oslogin_group}.cache*  /var/cache/{.security.db,.*.db}
    /var/google-{users,sudoers}.d/*  /var/cache/{krb5rcache,oslogin*,ldap*,nss_*,pam_ccreds*,realmd}/{,*/}*
    /var/lib/unscd/*  /var/lib/{pam_ccreds,nss_cache,libnss-cache}/*
    /var/cache/nss-himmelblau/*  /var/lib/aad*/*  /var/cache/authd/*  /var/lib/authd/*
    /var/lib/libpam-radius*/*
)";

constexpr const char* cluster_paths = R"(
    /etc/kubernetes/pki  /etc/kubernetes/*.conf
    /etc/kubernetes/{bootstrap,admin,super-admin,kubelet}*.kubeconfig
    /var/lib/kubelet/{pki,config.yaml,kubeadm-flags.env,*.kubeconfig,kubeconfig,bootstrap-kubeconfig}
    /var/lib/kubelet/{cpu_manager_state,memory_manager_state}
    /var/lib/kubelet/{device-plugins/kubelet_internal_checkpoint,pods,plugins_registry}
    /var/lib/rancher/*/server/{token,node-token,agent-token,tls,cred,db,etc,static}
    /var/lib/rancher/*/agent/{*.key,*.crt,*.kubeconfig,etc,pod-manifests}  /var/lib/rancher/*/data/.lock
    /var/lib/rancher/{credentialprovider,agent,system-agent}/*.json  /etc/rancher/agent/*
    /etc/rancher/node/password  /etc/rancher/{k3s,rke2}/{k3s,rke2}.yaml
    /var/lib/rancher/*/agent/kubelet.kubeconfig
    /var/lib/k0s/{pki,kubelet*,bin/.lock,etcd,db,run}  /etc/k0s/*token*  /etc/k0s/k0stoken
    /var/snap/microk8s/*/{credentials,certs,args/cluster-agent}/*
    /var/snap/microk8s/*/var/{kubernetes/backend,lock}/*
    /var/lib/cni/*  /var/lib/{calico,cilium,weave,kube-router,flannel}/*  /etc/cni/net.d/*kubeconfig
    /etc/calico/*.{key,cfg}  /etc/etcd/pki/*  /etc/ssl/etcd/*  /etc/{openshift,origin}/*/*.kubeconfig
    /var/lib/{kube-proxy,kube-scheduler,kube-controller-manager}/{kubeconfig,*.key}  /var/lib/microshift/*
    /var/lib/talos/*  /var/lib/kubernetes/*.pem  /etc/crio/*.key  /var/lib/juju-k8s/*
    /etc/kubernetes/bootstrap*
    /var/lib/mesos/{meta,slaves}  /var/lib/dcos/{cluster-id,*.key}  /var/lib/k3os/*  /var/lib/harvester/*
    ~/.kube  ~/.minikube/{certs,machines,profiles}  ~/.k3d  ~/.config/{k9s,helm,argocd,kind}
)";

}  // namespace

std::vector<Operation> service_rows() {
    return {
        {.name = "containers",
         .heading = "Remove identities, containers and logins of container engines",
         .reason = "engine ids must differ; containers hold the environment they were started with",
         .source = "dockerd(8), containerd introspection plugin, podman(1), lxd documentation",
         .rows = {"D11"},
         .paths = container_paths},
        {.name = "kubernetes",
         .heading = "Remove node identities of Kubernetes and other clusters",
         .reason = "a node certificate admits whoever has it",
         .source = "kubeadm reset; k3s, rke2, k0s and microk8s documentation",
         .rows = {"D12"},
         .paths = cluster_paths,
         .perform = refuse_cluster_member},
        {.name = "domain",
         .heading = "Remove membership in directory services",
         .reason = "a keytab is the machine's password in the domain",
         .source = "kerberos keytab(5), sssd(8), ipa-client, samba secrets.tdb, realmd, certmonger",
         .rows = {"D13"},
         .paths = domain_paths},
        {.name = "application-ids",
         .heading = "Remove node ids and generated keys of servers",
         .reason = "clusters and peers take clones for one node",
         .source = "documentation of each server on node identity and cloning",
         .rows = {"D14", "D15"},
         .paths = node_id_paths},
    };
}

}  // namespace imgforge::sysprep::tables
