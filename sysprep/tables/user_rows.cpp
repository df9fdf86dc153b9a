// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/tables/tables.hpp"

namespace imgforge::sysprep::tables {

namespace {

/// Histories lie in the home itself, under the XDG directories, or in a directory of the program.
constexpr const char* history_paths = R"(
    ~/.*history  ~/.*history-*  ~/.*_history*  ~/.*-history*  ~/.*.history  ~/.histfile*  ~/.*hist ~/.*_hist
    ~/.history*
    ~/.zhistory*  ~/.lesshst*  ~/.viminfo*  ~/.vim/{viminfo,.netrwhist,undo,backup,swap,view}  ~/.netrwhist
    ~/.nviminfo
    ~/.wget-hsts  ~/.curl-hsts  ~/.selected_editor  ~/.sudo_as_admin_successful  ~/.hushlogin.bak
    ~/.lastlogin
    ~/.{local/share,local/state,config,cache}/*/{,*/}{*history*,*_hist,*.hst,*hst,*-hist}
    ~/.{local/share,local/state}/{*history*,*hst,*_hist,recently-used.xbel*,recently-used}
    ~/.local/share/direnv/{allow,deny}/*
    ~/.local/share/{atuin,mcfly,hstr,zoxide,z,autojump,fasd,nvim,vim,kak,helix,RecentDocuments,mc}
    ~/.local/share/{gvfs-metadata,tracker,tracker3,zeitgeist,Trash,xorg,nano,fish,zsh,bash,ranger,lf,yazi}
    ~/.local/state/{bash,zsh,fish,nvim,vim,less,psql,mysql}
    ~/.local/state/{python,node,wireplumber,nix,kak,helix,lesshst,atuin}
    ~/.config/{atuin/key,nvim/shada,mc/history}
    ~/.config/{procps,htop/htoprc.bak,ranger/{bookmarks,tagged,history},fish/fish_variables}
    ~/.ipython/profile_*/{history.sqlite*,db,log,security,startup/README.bak}
    ~/.jupyter/{migrated,lab/workspaces}
    ~/.local/share/jupyter/{runtime,notebook_secret,nbsignatures.db}  ~/.ipynb_checkpoints
    ~/.mongodb/{mongosh,compass,*history*}  ~/.dbshell  ~/.mongorc.js.bak
    ~/.{mysql,mariadb,psql,sqlite,rediscli}_history*
    ~/.{cqlsh,cassandra}/{*history*,cqlsh_history}  ~/.clickhouse-client-history*  ~/.influx*history*
    ~/.config/{pgcli,mycli,litecli}
    ~/.{pgcli,mycli,litecli}/{history,log}  ~/.{pgadmin,dbeaver*,dbeaver4}  ~/.local/share/DBeaverData
    ~/.squirrel-sql
    ~/.{irb,pry,rdbg,node_repl,python,scala,ghci,ghc,ocaml}*history*
    ~/.{utop,lua,julia,R,php,psysh,erlang-history,iex,groovy,jshell}*history*
    ~/.Rhistory  ~/.RData  ~/.rstudio*  ~/.local/share/rstudio  ~/.julia/logs  ~/.octave_hist*
    ~/.config/psysh
    ~/.{ghc,sbt,scala,groovy,irb,ammonite,utop}/{ghci_history,history,*history*}  ~/.jshell*
    ~/.kotlin_history  ~/.dotty_history
    ~/.local/share/powershell  ~/.config/powershell/*history*
    ~/.{xonsh,nu,elvish,ksh,mksh,tcsh,dash}*history*
    ~/.config/{nushell,elvish,xonsh}/history*  ~/.local/share/{xonsh,elvish,nushell}  ~/.elvish/db  ~/.oil/*
    ~/.gdb_history  ~/.lldb/*history*  ~/.guile_history  ~/.calc_history  ~/.bc_history  ~/.units_history
    ~/.{ftp,lftp,sftp,ncftp,tftp}/{*history*,rl_history,cwd_history,bookmarks,trace,firewall}
    ~/.local/share/lftp
    ~/.{emacs.d,config/emacs}/{auto-save-list,backups,recentf,savehist,saveplace}
    ~/.{emacs.d,config/emacs}/{history,places,eshell,tramp,bookmarks,url}
    ~/.{recentf,emacs-history,emacs-places,ido.last,bookmarks.bak,smex-items}  ~/.emacs.desktop*  ~/.saves-*
    ~/.config/{Code,VSCodium,Cursor}/{User/{History,globalStorage,workspaceStorage},Backups,logs}
    ~/.config/{Code,VSCodium,Cursor}/{Cookies*,machineid,storage.json}
    ~/.vscode-server*  ~/.cursor-server  ~/.config/{JetBrains,sublime-text*,zed,Atom}
    ~/.local/share/{JetBrains,zed,sublime-text}
    ~/.java/.userPrefs  ~/.config/{gedit,kate,geany,xed,pluma,mousepad}/*history*
    ~/.local/share/{gedit,kate,geany}
    ~/.{tig,links,elinks,lynx,w3m}*{history,cookies,gotohist,globhist,formhist}  ~/.w3m/{history,cookie}
    ~/.elinks/{*hist,cookies}
    ~/.tig_history  ~/.lynx_cookies  ~/.links*/*his*  ~/.config/{links,elinks}/*hist*  ~/.minicom.log
    ~/.screen/*
    ~/.{claude,codex,gemini,aider*,copilot,continue}  ~/.claude.json*
    ~/.config/{claude,github-copilot,aider}  ~/.local/share/opencode
    ~/.fasd  ~/.z  ~/.autojump  ~/.zcompdump*  ~/.zsh_sessions  ~/.bash_sessions  ~/.cdargs  ~/.kshrc_hist
    ~/.sh_history*
    ~/.{wine,steam,minecraft}/*history*  ~/.virtualbox/*.log  ~/.vagrant.d/{data,insecure_private_key*,tmp}
    ~/.tmux/resurrect
    ~/.local/share/tmux/resurrect  ~/.cache/*  ~/.cache/.[!.]*  ~/nohup.out  ~/typescript
    ~/.xsession-errors*  ~/.X.err
    ~/.local/state/*  ~/.{nmcli-history,guestfish,pythonhist,hivehistory,impalahistory,bluetoothctl_history}
    ~/.{rlwrap,beeline,ptpython,bpython,lnav,newsboat,dlv,evcxr,cgdb,byobu,pudb}
    ~/.config/{dlv,evcxr,ptpython,pudb,bpython,lnav,newsboat,harlequin,usql,iredis,tmuxinator,tmuxp}
    ~/.local/share/{harlequin,newsboat,zellij,usql,ptpython,bpython,lnav,sqlite,gdb,octave,maxima}
    ~/.config/{btop/*.log,ipython,octave/*hist*}  ~/.{radian_history,trino_history,presto_history}
    /.*history  /.*_history*  /.{lesshst,viminfo,wget-hsts,cache,selected_editor}
)";

constexpr const char* credential_paths = R"(
    ~/.aws  ~/.azure  ~/.config/gcloud  ~/.gsutil  ~/.boto  ~/.s3cfg  ~/.s3cmd  ~/.mc/config.json
    ~/.config/{rclone,s3cmd,mc,minio}
    ~/.{oci,bluemix,ibmcloud,aliyun,tccli,volcengine,huaweicloud}
    ~/.{hcloud,linode-cli,scw,exoscale,civo*,vultr-cli*,packet*}
    ~/.config/{hcloud,linode-cli,scw,exoscale,doctl,civo,vultr-cli,ovh}
    ~/.config/{upcloud*,equinix,fly,heroku,netlify,vercel,now,railway}
    ~/.config/{configstore,firebase,gcsfuse,yandex-cloud,ionosctl,glab-cli,glab}
    ~/.config/{hub,gh,tea,gitlab*,bitbucket,jira*,.jira*,sentry}
    ~/.{fly,netlify,vercel,heroku,surge,firebaserc,netlifyrc}
    ~/.{sentryclirc,jira.d,huggingface,kaggle,wandb,comet.config,databrickscfg}
    ~/.{openstack,config/openstack}  /{root,home/*}/{*openrc*.sh,clouds.yaml}  ~/.novarc  ~/.ovh.conf
    ~/.dnsimple*
    ~/.cloudflare*  ~/.wrangler
    ~/.config/{.wrangler,cloudflare,wandb,huggingface,kaggle,snowflake}
    ~/.config/{dbt,databricks,openai,anthropic,mistral,llm,fabric}
    ~/.snowsql  ~/.snowflake  ~/.dbt/profiles.yml  ~/.config/io.datasette.llm/keys.json  ~/.modal.toml
    ~/.replicate*  ~/.ollama/id_*
    ~/.docker/{config.json,contexts,machine}  ~/.dockercfg
    ~/.config/{containers,helm,oras,cosign,notation,crane,skopeo}
    ~/.local/share/containers/auth.json  ~/.cosign  ~/.sigstore  ~/.config/containers/auth.json
    ~/.helm/{repository,*.key}
    ~/.gnupg  ~/.local/share/gnupg  ~/.var/app/*  ~/snap/*/{common,current,[0-9]*,x[0-9]*}
    ~/.{b2_account_info,passwd-s3fs,cf,jfrog,twilio-cli,runpod,vast_api_key,supabase,sf,sfdx,clasprc.json}

    ~/.{cloudmonkey,cmk,triton,stackit,railway,paperspace,qovery}
    ~/.{exercism.json,render,expo,lambda_cloud,nebius}

    ~/.config/{stripe,vastai,ocm,storj,b2,neonctl,atlascli,stackit}
    ~/.config/{exercism,cloudsmith,planetscale,turso,nebius}
    ~/.config/{Mattermost,Postman,Insomnia,hexchat,Microsoft*,discord*,obs-studio,rambox,Rambox,Bruno}
    ~/.config/*/{Cookies*,IndexedDB,Local?Storage,Session?Storage,Login?Data*,Local?State,blob_storage}
    /{root,home/*}/*{rc_admin,rc.sh,-openrc}
    ~/.config/{sops,age,pass,gopass,keybase,op,1Password,Bitwarden*,rbw,lpass,KeePass*,keepassxc}
    ~/.{password-store,gopass,sops,age,keybase,op,lpass,bw,bitwarden,keychain,pki,pwsafe*,keepass*}
    /{root,home/*}/*.kdbx
    ~/.local/share/{keyrings,kwalletd,gopass,password-store,lpass,seahorse}
    ~/.local/share/{pki,keybase,rbw,sops,age,fwupd,gvfs}
    ~/.gnome2/keyrings  ~/.kde*/share/apps/kwallet  ~/.config/kwalletrc  ~/.mozilla  ~/.thunderbird
    ~/.config/mozilla
    ~/.config/{google-chrome*,chromium*,BraveSoftware,microsoft-edge*,opera*}
    ~/.config/{vivaldi*,epiphany,falkon,qutebrowser,midori}
    ~/.local/share/{epiphany,falkon,qutebrowser,midori,evolution}
    ~/.local/share/{geary,thunderbird,kmail2,akonadi,local-mail,flatpak/db}
    ~/.config/{evolution,geary,kmail*,akonadi,Slack,discord,Signal}
    ~/.config/{Element,TelegramDesktop,Skype*,teams*,zoom*,Zulip,weechat,irssi}
    ~/.{irssi,weechat,purple,epiphany,opera,icedove,evolution}
    ~/.{claws-mail,sylpheed-*,mutt/*pass*,muttrc,neomuttrc,msmtp*,msmtprc}
    ~/.config/{msmtp,mutt,neomutt,aerc,himalaya,isync*,offlineimap}
    ~/.config/{goimapnotify,getmail,vdirsyncer,khard,khal,davmail*,profanity}
    ~/.{offlineimaprc,mbsyncrc,getmail,fetchmailrc,mailrc}
    ~/.{procmailrc.bak,esmtprc,sendxmpprc,s-nailrc,mail.rc,forward}
    ~/.local/share/{TelegramDesktop,weechat,profanity,dino,gajim,tox,remmina,teamviewer*}
    ~/.config/{remmina,filezilla,freerdp,tox}
    ~/.{remmina,filezilla,putty,config/putty,freerdp,vnc,x11vnc*}
    ~/.{nx,x2go*,rdesktop,anydesk*,tightvnc,config/tigervnc,vncrc}
    ~/.netrc*  ~/_netrc  ~/.git-credentials*  ~/.git-credential-*  ~/.config/git  ~/.gitconfig  ~/.hgrc
    ~/.config/hg  ~/.subversion/auth
    ~/.{bazaar,config/breezy,cvspass,p4tickets,p4enviro,p4config,arcrc}
    ~/.{gitcookies,gist*,hub,lab,github*,gitlab*,stgitrc,reviewboardrc}
    ~/.pgpass*  ~/.pg_service.conf  ~/.my.cnf*  ~/.mylogin.cnf  ~/.mariadb.cnf  ~/.mongorc.js  ~/.cqlshrc
    ~/.cassandra  ~/.odbc.ini
    ~/.{influxdbv2,redis*rc,rediscli_auth,clickhouse-client,ldaprc}
    ~/.{freetds.conf,sqlite*rc.bak,tnsnames*,usqlpass,dbclirc}
    ~/.npmrc*  ~/.yarnrc*  ~/.yarn-integrity  ~/.pypirc*
    ~/.config/{pip,pypoetry,uv,pdm,twine,conda,npm,yarn,bun,composer,configstore}
    ~/.{pip,condarc,conda/*token*,continuum,anaconda/*token*}
    ~/.{composer/auth.json,bundle/config,gem/credentials,cpanm,pause*,ctan*}
    ~/.local/share/{pypoetry,gem/credentials,uv/credentials,python_keyring,ghcup/*auth*,pnpm/auth*}
    ~/.cargo/credentials*
    ~/.{m2/settings*.xml,gradle/gradle.properties,gradle/init.gradle}
    ~/.{ivy2/.credentials,sbt/.credentials,lein/profiles.clj}
    ~/.sbt/*/*credential*  ~/.coursier/credentials.properties  ~/.config/{coursier,nuget,NuGet}
    ~/.nuget/NuGet  ~/.config/NuGet
    ~/.{terraform.d,terraformrc,tofurc,pulumi,packer.d,vault*,consul*}
    ~/.{nomad*,boundary*,chef,knife*,vagrant.d/data,ansible,ansible-vault*}
    ~/.config/{pulumi,terraform,packer,vault,teleport,step}
    ~/.config/{boundary,infisical,doppler,akeyless,conjur*,1password-credentials*}
    ~/.{tsh,step,doppler,infisical*,conjurrc,conjur*,akeyless*,cfssl}
    ~/.{acme.sh,lego,dehydrated,certbot,sft,saml2aws,aws-vault,granted}
    ~/.{rclone.conf,rclonerc,borg*,restic*,duplicity,duply}
    ~/.{kopia,backup*pass*,rsync*pass*,rsyncpass*,smb*credential*,cifs*,smbpasswd}
    ~/.config/{borg,borgmatic,restic,kopia,duplicati,rustic,resticprofile,rclone,duplicacy}
    ~/.{smb,davfs2,config/davfs2}/secrets
    ~/.{smbclient*,smb/*.conf,davfs2,sshfs*,nextcloud*,owncloud*}
    ~/.{dropbox*,megaCmd,onedrive,insync,gdrive,config/onedrive}
    ~/.config/{Nextcloud,ownCloud,onedrive,Insync,google-drive*,rsync,megasync,dropbox}
    ~/.local/share/{Nextcloud,data/Mega*}
    ~/.{Xauthority,ICEauthority,esd_auth,serverauth.*,dbus,dmrc,pulse-cookie,fetchmail*}
    ~/.config/{pulse/cookie,goa-1.0,ibus}
    ~/.{rnd,rhosts,shosts,k5login,k5users,k5identity,klogin,ecryptfs,Private,encfs*,gocryptfs*,snort*}
    ~/.config/{cni,dconf/user.bak}
    ~/.{google_authenticator,yubico,totp*,oathtool*,otpkeys,otp,mfa*,authenticator*,u2f_keys}
    ~/.config/{Yubico,authenticator*,otpclient}
    ~/.{hsqldb.properties,jenkins*,jenkins-cli*,travis,circleci,buildkite*}
    ~/.{drone*,woodpecker*,argocd,tekton,spin*,bamboo*}
    ~/.config/{argocd,tkn,circleci,travis,drone*,woodpecker*,buildkite}
    ~/.config/{act,earthly,dagger,nix/*netrc*,nix/*token*,cachix,attic}
    ~/.{docker-machine,multipass*,lxc,virt-manager,config/libvirt}
    ~/.{libvirt,kimchi,ovirtshellrc,vmware,govmomi*,govc*}
    ~/.{rpmmacros.bak,config/{copr,koji,osc,obs,fedora*,mock*},copr*,fedora*cert*,fedora.upn}
    ~/.{oscrc,koji,dput.cf,devscripts,reportbugrc}
    ~/.{config,local/share,local/state}/*/{*credential*,*token*,*cookie*,*secret*}
    ~/.{config,local/share,local/state}/*/{*password*,*passwd*,auth.json,auth.toml,auth.yml}
    ~/.{config,local/share}/*/{hosts.yml,session*,login*,keyring*,*.key}
    ~/.{config,local/share}/*/{*.pem,id_rsa*,id_ed25519*,key.txt,keys.txt,api*key*}
    ~/.*{credential,Credential,secret,Secret,password,passwd,token,Token}*
    ~/.config/*{credential,secret,password,token}*
    ~/.{env,envrc,secrets,auth,apikey*,api_key*,api-key*,*apikey}
    ~/.{*_key,*-key,*.key,*.pem,*.p12,*.pfx,*.jks,*.ovpn,*.keytab}
    /{root,home/*}/{*.pem,*.p12,*.pfx,*.ppk,*.key,*.ovpn}  /{root,home/*}/{*.keytab,id_rsa*,id_ed25519*}
    /{root,home/*}/{id_ecdsa*,*credentials*.{csv,json,txt},*secret*.{txt,json,yml,yaml}}
)";

}  // namespace

std::vector<Operation> user_rows() {
    return {
        {.name = "histories",
         .heading = "Remove shell, editor, REPL and database histories",
         .reason = "they tell commands, hosts and passwords typed",
         .source = "bash(1) HISTFILE, XDG base directories, and the manuals of the programs",
         .rows = {"E4"},
         .paths = history_paths},
        {.name = "credentials",
         .heading = "Remove credential stores, browser profiles and keyrings from every home",
         .reason = "tokens of the builder's accounts",
         .source = "documentation of the programs named",
         .rows = {"E5"},
         .paths = credential_paths},
        {.name = "desktop",
         .heading = "Remove desktop identities",
         .reason = "users, paired devices and printers of the builder",
         .source = "AccountsService, bluez, colord, upower, fprintd, CUPS documentation",
         .rows = {"F7"},
         .paths = R"(
             /etc/cups/ppd/*
             /var/lib/AccountsService/{users,icons}/  /var/lib/fprint/  /var/lib/bluetooth/ /var/lib/colord/
             /var/lib/upower/  /var/cache/gdm/
             /var/lib/{gdm,gdm3,lightdm,sddm}/{.cache,.config/pulse,.ICEauthority}
             /var/lib/{gdm,gdm3,lightdm,lightdm-data,sddm}/{.local/share,.Xauthority,state.conf,*/.cache}
             /var/lib/sddm/.local/share/sddm/wayland-session.log  /var/lib/flatpak/{appstream,.changed}
             /var/lib/{xdm,kdm,slim,lxdm}/{authdir,.Xauthority,*.log}  /etc/gdm*/Init/*.bak
         )"},
    };
}

}  // namespace imgforge::sysprep::tables
