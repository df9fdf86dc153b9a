// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/tables/tables.hpp"

namespace imgforge::sysprep::tables {

std::vector<Operation> network_rows() {
    return {
        {.name = "dhcp-client",
         .heading = "Remove DHCP leases, client identifiers and secrets",
         .reason = "a shared DUID gives every clone the same address",
         .source = "dhclient.leases(5), dhcpcd(8), RFC 7217",
         .rows = {"B1", "B2", "B3"},
         .paths = R"(
             /var/lib/NetworkManager/*.lease  /var/lib/NetworkManager/dhclient*.conf
             /etc/dhcpcd.duid  /etc/dhcpcd.secret  /var/lib/wicked/*.xml  /var/lib/dhcp6c/*
             /var/lib/{dhclient,dhcp,dhcp3,dhcpd,dhcpcd,connman,udhcpc}/  /var/db/dhcpcd/
             /var/lib/systemd/network/  /var/lib/dhcpcd5/  /var/lib/pump.lease
             /var/lib/misc/{dnsmasq,udhcpd}*.leases  /var/lib/kea/*  /etc/dhcp6c_duid
             /var/lib/dnsmasq/*.leases  /var/lib/ndppd/*  /var/lib/dibbler/*
         )"},
        {.name = "networkmanager-state",
         .heading = "Remove NetworkManager's secret key and memory",
         .reason = "key and machine-id together make stable addresses, cloned MACs and DUIDs",
         .source = "NetworkManager.conf(5) connection.stable-id; iwd(8), connman(8)",
         .rows = {"B4"},
         .paths = R"(
             /var/lib/NetworkManager/{secret_key,timestamps,seen-bssids,no-auto-default.state}
             /var/lib/NetworkManager/{NetworkManager-intern.conf,*.nmmeta,user-id}  /var/lib/iwd/*
             /var/lib/ModemManager/*  /etc/NetworkManager/conf.d/*-auto-uuid.conf
             /var/lib/wpa_supplicant/*  /var/lib/hostapd/*
         )"},
        {.name = "vpn-identity",
         .heading = "Remove node identities of overlay networks",
         .reason = "two nodes with one identity push each other out",
         .source = "documentation of tailscaled, zerotier-one, netbird, nebula, cloudflared, twingate, "
                   "netmaker, warp-svc, yggdrasil, tinc, tor, headscale, ockam, husarnet, frp",
         .rows = {"B13"},
         .paths = R"(
             /var/lib/tailscale/  /var/snap/tailscale/*/*.state  /var/snap/tailscale/*/*.log*
             /var/snap/tailscale/*/certs  /etc/default/tailscaled.authkey  ~/.local/share/tailscale
             /var/lib/headscale/*.{key,sqlite,sqlite-*}
             /var/lib/zerotier-one/{identity.*,authtoken.secret,networks.d,peers.d,planet.d,metrics*}
             /var/lib/zerotier-one/controller.d  ~/.zeroTierOneAuthToken
             /etc/netbird/*  /var/lib/netbird/  /etc/wiretrustee/*
             /etc/nebula/*.{key,crt}  /etc/nebula/host.*  /etc/defined/  /var/lib/defined/
             /etc/cloudflared/*.{json,pem,token}  ~/.cloudflared  /usr/local/etc/cloudflared/*.{json,pem}
             /var/lib/cloudflare-warp/*  /etc/twingate/*.{json,key,token}  /etc/twingate/service_key*
             /var/lib/twingate/*  /etc/netclient/*  /root/.netclient  /var/lib/netclient/*
             /var/lib/yggdrasil/*  /etc/yggdrasil.conf  /etc/yggdrasil/yggdrasil.conf
             /etc/tinc/*/{rsa_key,ed25519_key,invitation-data}*  /etc/tinc/{rsa_key,ed25519_key}*
             /var/lib/tor/*/{hs_*_secret_key,private_key,hostname,client.keys}  /var/lib/tor/{keys,state}
             /var/lib/{husarnet,innernet,firezone,pangolin,openziti,netmaker,ockam}/
             /etc/{innernet,firezone,openziti,pangolin,newt}/*.{key,token,json,conf}
             /var/lib/husarnet/id  /etc/ziti/*.json  /opt/openziti/etc/identities/*
             /var/lib/i2p*/router.keys*  /var/lib/i2pd/router.*  /var/lib/cjdns/*  /etc/cjdroute.conf
             /var/lib/ngrok/*  ~/.config/ngrok  ~/.ngrok2  ~/.ssh-tunnel*  /etc/ngrok.yml
             /var/lib/frp/*  /var/lib/n2n/*  /var/lib/dsnet/*  /etc/dsnetconfig.json
             /etc/pritunl*.conf  /var/lib/pritunl*/*  /var/lib/openvpn*/*.{key,crt,ccd}
             /etc/mullvad-vpn/{device,account-history}.json  /var/lib/{nordvpn,expressvpn,surfshark}/{,*/}*
             /var/lib/{pritunl-client,omr-tracker,zrok,edgevpn,nebula}/{,*/}*  ~/.{zrok,zrok2,nordvpn,chisel}
             /etc/rosenpass/{,*/}*.{sk,rosenpass-secret-key}  /etc/edgevpn/*  /etc/zrok/*
             /opt/perimeter81/*.json  /var/lib/strongswan/*  /var/lib/ipsec/nss/*  /etc/ipsec.d/*.db
         )"},
    };
}

}  // namespace imgforge::sysprep::tables
