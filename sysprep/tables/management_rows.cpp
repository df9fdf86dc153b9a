// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"
#include "sysprep/tables/tables.hpp"

namespace imgforge::sysprep::tables {

namespace {

constexpr const char* cloud_paths = R"(
    /var/lib/waagent/  /etc/instance_id  /etc/default/instance_configs.cfg  /etc/.ignition-result.json
    /var/lib/amazon/ssm/  /var/lib/amazon/ecs/*  /var/log/amazon  /var/lib/ecs/data/*  /etc/ecs/ecs.config
    /var/snap/amazon-ssm-agent/*/*  /opt/aws/amazon-cloudwatch-agent/var/*
    /etc/amazon/ssm/seelog.xml.bak  /var/lib/awslogs/*  /etc/codedeploy-agent/conf/codedeploy*.yml
    /opt/codedeploy-agent/{deployment-root,state}/*  /var/.cfn-init  /var/lib/cfn-hup/*  /var/lib/cfn-init
    /etc/greengrass  /greengrass/v2/{config,work,credentials}  /greengrass/*/*.{key,crt,pem}
    /var/opt/azcmagent/{certs,tokens}/  /var/opt/azcmagent/{agentconfig.json,*.db,*.tlog}
    /var/opt/microsoft/{omsagent,azuremonitoragent,mdatp,scx,dsc}/
    /etc/opt/microsoft/mdatp/mdatp_onboard.json
    /etc/opt/microsoft/omsagent/*/certs  /etc/opt/microsoft/{azuremonitoragent,dsc}/*.{pem,key}
    /var/lib/GuestConfig  /etc/aziot/*.toml  /var/lib/aziot/*/*  /etc/iotedge/config.yaml
    /etc/sudoers.d/google_sudoers  /etc/sudoers.d/waagent  /var/lib/google/*  /etc/google_instance_id
    /var/lib/google-guest-agent/* /etc/boto.cfg.template.bak /run/google-*
    /etc/google-cloud-ops-agent/*.json
    /var/lib/google-cloud-ops-agent/*  /var/lib/stackdriver-agent/*  /var/lib/oracle-cloud-agent/*
    /etc/oracle-cloud-agent/*.{pem,key} /var/lib/cloudbase-init/* /var/lib/vmware-tools/*
    /var/lib/aliyun*/*
    /usr/local/share/aliyun-assist/hybrid /usr/local/share/assist-daemon/*.id
    /opt/digitalocean/*/*.{key,token}
    /etc/cloud/.installed-by-*  /var/lib/hetzner/*  /etc/.updated-by-cloud
    /var/lib/droplet-agent/*  /var/lib/cloud/.bootstrap-complete  /etc/scw-*  /var/lib/scaleway/*
    /var/lib/nova/instances/*  /var/lib/openstack-agent/*  /etc/equinix*  /var/lib/vultr/*
)";

constexpr const char* registration_paths = R"(
    /var/lib/ubuntu-advantage/private/  /var/lib/ubuntu-advantage/{machine-id,*token*,marker-*,status.json}
    /etc/apt/auth.conf.d/90ubuntu-advantage*  /var/lib/ubuntu-pro/*  /etc/ubuntu-advantage/*.token
    /var/lib/landscape/client/*  /etc/landscape/*.pem  /var/lib/whoopsie/whoopsie-id
    /var/cache/pollinate/seeded  /var/lib/ubuntu-report/*  /var/lib/livepatch/*  ~/.cache/ubuntu-report
    /var/snap/canonical-livepatch/*/*.{json,db}  /var/snap/canonical-livepatch/*/{machine-token,client*}
)";

constexpr const char* suse_paths = R"(
    /etc/SUSEConnect  /etc/zypp/credentials.d/*  /var/lib/zypp/{AnonymousUniqueId,LastDistributionFlavor}
    /var/lib/suseconnect/*  /etc/zypp/credentials.cat  /etc/regionserverclnt.cfg.bak
    /var/lib/regionService/*  /usr/lib/regionService/*.pem  /var/cache/cloudregister/*
    /var/lib/cloudregister/*  /etc/products.d/*.token
)";

constexpr const char* configuration_paths = R"(
    /etc/puppetlabs/puppet/ssl/  /opt/puppetlabs/puppet/cache/  /var/lib/puppet/  /etc/puppet/ssl/
    /etc/puppetlabs/{puppetdb,bolt,facter,mcollective}/ssl/  /etc/puppetlabs/puppet/csr_attributes.yaml
    /opt/puppetlabs/server/data/*/certs  /var/cache/puppet/*  /etc/puppet/csr_attributes.yaml
    /etc/{chef,cinc}/*.pem  /etc/{chef,cinc}/{client.pem,validation.pem,encrypted_data_bag_secret}
    /etc/{chef,cinc}/{accepted_licenses,trusted_certs,ohai/hints}  /var/{chef,cinc}  /{root,etc}/.chef
    /var/lib/{chef,cinc}/*  /var/cache/{chef,cinc}/*  ~/.chef  ~/.cinc
    /etc/salt/minion_id  /etc/salt/pki/  /var/cache/salt/  /etc/salt/minion.d/_schedule.conf
    /var/cfengine/{ppkeys,state,outputs,lastseen}/ /var/cfengine/policy_server.dat
    /var/lib/cfengine*/ppkeys/*
    ~/.ansible  /etc/ansible/facts.d/*  /etc/ansible/*vault*pass*  ~/.vault_pass*  /var/lib/awx/*
    /var/lib/rudder-agent/* /opt/rudder/etc/{uuid.hive,agent.cert,ssl}
    /var/rudder/{cfengine-community,tmp}
    /opt/rudder/etc/ssl/*.key  /var/lib/foreman-proxy/ssl/*  /etc/foreman-proxy/*.pem
    /etc/mcollective/ssl/*  /etc/choria/*.{key,pem}  /var/lib/juju/*  /var/lib/itamae/*
    /var/lib/saltstack/*  /etc/bcfg2.{key,crt}  /var/lib/fusioninventory-agent/*  /var/lib/glpi-agent/*
    /var/lib/ocsinventory-agent/* /etc/ocsinventory-agent/*.conf.bak /var/lib/spacewalk/*
    /etc/sysconfig/osad/*
    /etc/venv-salt-minion/{minion_id,pki}  /var/cache/venv-salt-minion/*  /opt/morpheus-node/*/*.key
)";

constexpr const char* agent_paths = R"(
    /etc/datadog-agent/{auth_token,*.pem,install_info,install.json}  /opt/datadog-agent/run/*
    /var/lib/newrelic-infra/*  /var/db/newrelic-infra/{data,newrelic-infra.db*}  /etc/newrelic-infra/*.id
    /etc/zabbix/*.psk  /etc/zabbix/*/*.psk  /var/lib/zabbix/*.{psk,db}
    /var/lib/netdata/registry/* /var/lib/netdata/cloud.d/*
    /var/lib/netdata/{netdata.api.key,*.public.unique.id}
    /var/lib/netdata/bearer_tokens  /var/lib/netdata/lock
    /var/osquery/*.db*  /var/lib/osquery/*  /etc/osquery/*{secret,enroll}*
    /var/lib/wazuh-agent/client.keys
    /var/ossec/etc/{client.keys,authd.pass,sslmanager.*}  /var/ossec/queue/{rids,db,fim,agent-groups}/*
    /var/ossec/etc/local_internal_options.conf.bak  /var/ossec/etc/shared/*/*.psk
    /opt/CrowdStrike/{falconstore,falconstore.bak,*.cache}  /opt/CrowdStrike/*.dat
    /opt/sentinelone/configuration/*  /etc/opt/SentinelOne/*
    /var/opt/ds_agent/*  /var/lib/sophos*/*  /opt/sophos-spl/base/{mcs,etc}/*{policy,.config,registration}*
    /etc/opt/eset/*/*.dat /var/opt/eset/* /var/opt/kaspersky/*/* /etc/cylance/* /opt/cylance/desktop/*.db
    /opt/carbonblack/psc/{cfg.ini,data} /var/lib/cb/* /var/opt/carbonblack/* /etc/panw/*
    /opt/traps/{persist,db}
    /etc/qualys/{hostid,cloud-agent/*.{dat,conf.bak}} /etc/qualys/hostid*
    /usr/local/qualys/cloud-agent/*.{dat,db}
    /etc/tenable_tag /opt/nessus*/var/nessus/{uuid,global.db*,*.key,agent.db}
    /opt/rapid7/*/components/*/common/*.{pem,key,id}
    /opt/rapid7/ir_agent/components/bootstrap/common/*  /etc/machine-fingerprint
    /opt/Tanium/TaniumClient/{*.db,*.dat,*.pub,Backup}  /var/opt/BESClient/*  /etc/opt/BESClient/*
    /opt/splunk{,forwarder}/etc/instance.cfg
    /opt/splunk*/var/lib/splunk/fishbucket
    /var/lib/{filebeat,metricbeat,heartbeat,auditbeat,packetbeat,journalbeat,winlogbeat,functionbeat}/*
    /var/lib/elastic-agent/*  /opt/Elastic/Agent/{fleet.enc,state.enc,.secret,.vault,data/*/run}
    /etc/elastic-agent/{fleet.enc,*.enc,.secret} /var/lib/fleet-server/* /var/lib/orbit/*
    /opt/orbit/{osquery.db,secret*,identifier,*.token}
    /var/lib/{telegraf,influxdb-telegraf}/*  /etc/telegraf/.telegraf-id  /etc/telegraf/*.token
    /var/lib/{promtail,vector,fluent-bit,fluentd,grafana-agent,alloy,otelcol*}/*  /etc/td-agent/*.pos
    /var/lib/{td-agent,rsyslog,syslog-ng,logstash,nxlog}/*  /etc/logstash/logstash.keystore
    /var/lib/check_mk_agent/{cmk-agent-ctl.*,registered_connections.json,pre_configured*,cache}
    /var/lib/cmk-agent/*  /var/lib/icinga2/{certs,ca,api,*.state,icinga2.vars}  /etc/icinga2/pki/*
    /var/lib/nagios*/{rw,spool}/* /etc/nrpe/*.key /var/lib/munin*/* /var/lib/monit/{id,state}
    ~/.monit.{id,state}
    /etc/monit/.id  /var/.monit.id  /var/lib/collectd/*  /var/lib/sensu/*  /var/cache/sensu/*
    /etc/sensu/{agent.id,*.key} /var/lib/instana*/*
    /opt/instana/agent/etc/instana/com.instana.agent.main.config.*
    /opt/dynatrace/oneagent/agent/{conf/ruxitagenthost.conf,runtime,watchdog}  /var/lib/dynatrace/*
    /etc/dynatrace/*.token /opt/appdynamics/*/conf/*.id /var/lib/appoptics/*
    /etc/scalyr-agent-2/agent-secret*
    /var/lib/scalyr-agent-2/*  /opt/[sS]umo*/config/creds*  /opt/draios/etc/*.{id,key}
    /var/lib/lacework/* /var/lib/lacework/config/config.json /var/lib/threatstack/*
    /opt/threatstack/*/*.{id,key}
    /var/lib/aide/aide.db*  /var/lib/tripwire/*  /etc/tripwire/*.key  /var/lib/samhain/*
    /var/lib/rkhunter/db/*.dat  /var/lib/ossec/*  /var/lib/fail2ban/*  /var/lib/denyhosts/*
    /var/lib/crowdsec/data/crowdsec.db*  /etc/crowdsec/{local_api_credentials,online_api_credentials}.yaml
    /var/lib/sshguard/*  /var/lib/psad/*  /var/lib/portsentry/*  /var/lib/clamav/mirrors.dat
    /etc/teamviewer/*.conf  /opt/teamviewer/config/*  ~/.config/teamviewer  /etc/anydesk/*  ~/.anydesk
    /root/.config/rustdesk ~/.config/rustdesk /opt/tacticalagent/*.{json,db} /etc/tacticalagent
    /usr/local/mesh_services/*/*.{db,msh}
    /opt/meshagent/*.{db,msh} /usr/local/mesh/* /opt/screenconnect*/*.xml /var/lib/atera/*
    /opt/ltechagent/*
    /etc/dwagent* /usr/share/dwagent/config.json /var/lib/xrdp/*
    /opt/jumpcloud/{*.conf,*.json,*.crt,*.key}
    /var/lib/kolide*/*  /var/kolide-k2/*  /etc/kolide-k2/secret  /etc/uptycs/*  /var/lib/teleport/*
    /etc/teleport.token /var/lib/boundary/* /var/lib/pomerium/* /var/lib/strongdm/*
    /opt/strongdm/*/*.{key,token}
    /var/lib/bastillion/*  /var/lib/sftd/*  /etc/sft/*.token  /var/lib/aws-replication-agent/*
    /var/lib/veeam/*  /etc/veeam/*.key  /etc/CommVaultRegistry  /usr/openv/var/*  /opt/bacula/working/*
    /var/lib/{bacula,bareos,urbackup,duplicati,backuppc}/*  /etc/urbackup/*.key
    /var/McAfee/agent/{keystore,db}/*  /etc/cma.d/*/config.xml  /opt/McAfee/*/var/*.{db,id}
    /var/opt/{McAfee,trellix,ds_agent,trend}/*/*  /opt/{trendmicro,ds_agent,bitdefender*}/{,*/}{guid,*.crt}
    /opt/bitdefender-security-tools/etc/*.json  /etc/opt/omi/ssl/*  /var/opt/omi/omiauth/*
    /etc/{bindplane,observiq}*/manager.yaml  /opt/{observiq*,bindplane*}/manager.yaml
    /opt/{illumio_ven*,cybereason*,FortiEDR*,Symantec*}/{,*/}etc/*{auth,activation,token,guid}*
    /var/lib/{rport,prey,sysaidagent,action1,ninjarmm,pulseway,kaseya,automox,fleetd}/*
    /opt/{NinjaRMMAgent,automox-agent,pulseway}/{,*/}*.{db,id,token,key}
    /opt/{ManageEngine,site24x7}/{,*/,*/*/}*{Agent,Server}Info.json
)";

constexpr const char* runner_paths = R"(
    /etc/gitlab-runner/{config.toml,.runner_system_id,certs,*.token}  ~/.gitlab-runner
    /{opt,srv,var/lib,home,usr/local,root,data}/{,*/}{actions-runner*,*runner*}/.{runner,credentials}*
    /{opt,srv,var/lib,home,usr/local,root,data}/{,*/}{actions-runner*,*runner*}/{_diag,.path,.service}
    ~/actions-runner/.{runner,credentials}*  ~/.{runner,credentials,credentials_rsaparams,credential_store}
    ~/{.runner,.credentials*,_diag}  /var/lib/{act_runner,act-runner,forgejo-runner,gitea-runner}/.runner
    /etc/{act_runner,forgejo-runner,gitea-runner}/{.runner,*.token}  /var/lib/*runner*/.runner
    /etc/buildkite-agent/{*.token,buildkite-agent.cfg,token}  /var/lib/buildkite-agent/{.ssh,builds,*.token}
    ~/.buildkite-agent  /etc/{drone,woodpecker}*/{*.env,agent.conf}  /etc/{drone,woodpecker}*.{conf,env}
    /etc/drone-runner-*/config  ~/.drone-runner-*  /var/lib/woodpecker*/*  /etc/woodpecker/agent.conf
    /etc/default/{drone,woodpecker}*  /etc/sysconfig/{drone,woodpecker}*
    /{opt,srv,home}/{,*/}jenkins*/{secret-file,remoting,*.jnlp}
    /var/lib/jenkins-{agent,slave}/{secret*,remoting} /etc/jenkins/{secret,agent}*
    /etc/default/jenkins-agent
    /opt/{teamcity,TeamCity,buildAgent,*gent}/conf/buildAgent.properties
    ~/buildAgent/conf/buildAgent.properties
    /var/lib/go-agent/{config,pipelines}/*  /var/lib/go-agent/.agent-bootstrapper.running
    /opt/{vsts-agent,azagent,azure-pipelines*,myagent}/.{agent,credentials*,env,path}
    /azagent/.{agent,credentials}*
    /opt/*/.{agent,credentials,credentials_rsaparams,credential_store}  /srv/*/.{agent,credentials*}
    /var/lib/bamboo*/*/bamboo-agent.cfg.xml  ~/bamboo-agent-home/bamboo-agent.cfg.xml
    /etc/circleci-runner/* /var/lib/circleci*/* /etc/circleci/*.yaml /var/opt/circleci/*.yaml ~/.circleci
    /etc/{concourse,concourse-worker}/*key* /var/lib/concourse*/* /etc/nix-build-worker*
    /var/lib/hercules-ci-agent/*
    /var/lib/{cirrus,bitrise,harness,spacelift,tfc-agent}*/*.{token,key,json,yaml}
    /var/lib/{earthly,semaphore,agola,laminar,builder}*/*.{token,key,json,yaml}
    /etc/{cirrus-worker,spacelift,harness-delegate,tfc-agent,semaphore*}*/*  /opt/harness*/*.{token,json}
    /etc/cirrus-worker.yml /opt/semaphore/agent/config.yaml /etc/buildbot*/*.pass
    /var/lib/buildbot/*/*/{buildbot.tac,info}
    /etc/tekton*/*.token /etc/renovate/config.js /var/lib/{buildarea,buildd}/.{sbuildrc,netrc}
    /etc/atlantis*.yaml
    ~/*/.{runner,credentials,credentials_rsaparams,credential_store}
    /opt/appveyor/*/appsettings.json  /etc/octopus/*/*.config  /var/lib/teamcity*/{,*/}buildAgent.properties
    /opt/atlassian/*runner*/*.env  /{opt,var/lib}/*agent*/conf/buildAgent.properties
    /etc/koji/*.{pem,key}  /etc/kojid/*.{pem,key,keytab}  /etc/copr/*  /etc/obs/*/*.key  /var/lib/lava*/*
)";

}  // namespace

std::vector<Operation> management_rows() {
    return {
        {.name = "cloud-agents",
         .heading = "Remove the state of cloud agents",
         .reason = "instance identities of the builder",
         .source = "waagent, google-guest-agent, amazon-ssm-agent, azcmagent, ignition documentation",
         .rows = {"D4"},
         .paths = cloud_paths},
        {.name = "ubuntu-pro",
         .heading = "Remove Ubuntu Pro and Landscape identities",
         .reason = "clones would share one machine token",
         .source = "pro(1), landscape-config(1), whoopsie(8), pollinate(1), canonical-livepatch",
         .rows = {"D5"},
         .paths = registration_paths,
         .perform = forget_landscape},
        {.name = "suse-registration",
         .heading = "Remove SUSE registrations",
         .reason = "clones would share one set of credentials",
         .source = "SUSEConnect(8), zypper(8), cloud-regionsrv-client",
         .rows = {"D9"},
         .paths = suse_paths},
        {.name = "config-management",
         .heading = "Remove identities of configuration management",
         .reason = "one certificate for all clones; the server mixes them up",
         .source = "puppet.conf(5) ssldir, chef-client, salt minion_id, cf-key(8), rudder agent, juju",
         .rows = {"D10"},
         .paths = configuration_paths,
         .perform = forget_node_names},
        {.name = "monitoring-agents",
         .heading = "Remove identities of monitoring, security, backup and remote access agents",
         .reason = "consoles take clones for one machine, and keys admit whoever has them",
         .source = "documentation of each agent on cloning or golden images",
         .rows = {"D15"},
         .paths = agent_paths},
        {.name = "ci-runners",
         .heading = "Remove registrations of CI runners",
         .reason = "a runner's token takes jobs, and their secrets, for whoever holds it",
         .source = "documentation of GitLab, GitHub, Buildkite, Jenkins, Drone, Woodpecker, Azure Pipelines, "
                   "TeamCity, GoCD, CircleCI, Concourse",
         .rows = {"D15"},
         .paths = runner_paths},
    };
}

}  // namespace imgforge::sysprep::tables
