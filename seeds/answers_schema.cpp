// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/answers.hpp"

namespace imgforge::seeds {
namespace {

constexpr const char* schema_text = R"json({
  "type": "object", "additionalProperties": false,
  "description": "answers for the installer, with the same keys for every distribution",
  "properties": {
    "locale": {"type": "string", "default": "en_US.UTF-8", "pattern": "^[A-Za-z]{1,8}([_.@A-Za-z0-9-]*)$",
        "x-message": "must be a locale such as en_US.UTF-8",
        "description": "locale of the installed system"},
    "keyboard": {"type": "string", "default": "us", "pattern": "^[a-z0-9_-]+$",
        "x-message": "must be a keyboard layout such as us or de",
        "description": "keyboard layout (XKB name)"},
    "keyboard-variant": {"type": "string", "pattern": "^[A-Za-z0-9_-]*$",
        "description": "variant of the layout, such as nodeadkeys"},
    "timezone": {"type": "string", "default": "UTC", "pattern": "^[A-Za-z0-9_+/-]+$",
        "x-message": "must be a time zone such as Europe/Berlin",
        "description": "time zone, such as Europe/Berlin"},
    "hostname": {"type": "string", "pattern": "^[A-Za-z0-9]([A-Za-z0-9-]{0,62})$",
        "x-message": "must be a host name: letters, digits and hyphens, at most 63",
        "description": "name of the installed system; clones get their own"},
    "domain": {"type": "string", "pattern": "^[A-Za-z0-9.-]*$",
        "x-message": "must be a domain such as example.org",
        "description": "domain of the installed system"},
    "root": {
      "type": "object", "additionalProperties": false,
          "description": "the root account; locked by default",
      "properties": {
        "password-hash": {"type": "string",
            "description": "crypt(5) hash, from mkpasswd(1) or openssl passwd -6"},
        "ssh-keys": {"type": "array", "items": {"type": "string"},
            "description": "public keys that may log in as root"}
      }
    },
    "users": {
      "type": "array", "description": "accounts to create",
      "items": {
        "type": "object", "additionalProperties": false, "required": ["name"],
        "properties": {
          "name": {"type": "string", "pattern": "^[a-z_][a-z0-9_-]{0,31}$",
            "x-message": "must be a login name: small letters, digits, '_' and '-', at most 32",
            "description": "login name"},
          "full-name": {"type": "string", "description": "the person's name"},
          "password-hash": {"type": "string",
              "description": "crypt(5) hash; without it the password is locked"},
          "ssh-keys": {"type": "array", "items": {"type": "string"},
              "description": "public keys that may log in"},
          "groups": {"type": "array", "items": {"type": "string", "pattern": "^[a-z_][a-z0-9_-]{0,31}$",
            "x-message": "must be a group name: small letters, digits, '_' and '-', at most 32"},
              "description": "additional groups"},
          "sudo": {"type": "boolean", "default": false,
              "description": "may run any command as root without a password"}
        }
      }
    },
    "disk": {
      "type": "object", "additionalProperties": false, "description": "layout of the one disk",
      "properties": {
        "device": {"type": "string", "pattern": "^/dev/[A-Za-z0-9/_-]+$",
            "description": "the disk to install on; default: the machine's first"},
        "layout": {"type": "string", "enum": ["plain", "lvm", "separate"], "default": "plain",
            "description": "one root partition, an LVM volume group, or /var and /home on separate partitions"},
        "filesystem": {"type": "string", "enum": ["ext4", "xfs", "btrfs"], "default": "ext4",
            "description": "file system of the partitions"},
        "swap": {"type": "integer", "minimum": 0, "maximum": 1048576, "default": 0,
            "description": "swap in MiB; 0: none"}
      }
    },
    "packages": {"type": "array", "items": {"type": "string",
        "pattern": "^[@^A-Za-z0-9][A-Za-z0-9.+:_~=^@/-]*$"}, "description": "packages to install"},
    "mirror": {"type": "string", "pattern": "^https?://[^\\s\"'\\\\]+$",
        "x-message": "must be an http or https URL",
        "description": "package mirror; default: the ISO, or the distribution's own"},
    "offline": {"type": "boolean",
        "description": "use only the ISO; default: if the ISO allows it"},
    "security-updates": {"type": "boolean", "default": false,
        "description": "install updates during the installation (needs a network)"},
    "kernel": {"type": "string", "pattern": "^[a-z0-9][a-z0-9.+-]*$",
        "description": "kernel package; default: the distribution's (Debian: the cloud kernel)"},
    "recommends": {"type": "boolean", "default": false, "description": "also install recommended packages"},
    "eatmydata": {"type": "boolean", "default": true,
        "description": "skip flushing to disk during the installation, if the ISO has eatmydata"},
    "post": {"type": "array", "items": {"type": "string"},
        "description": "shell lines run as root in the installed system, last"}
  }
})json";

}  // namespace

const Json& answers_schema() {
    static const Json schema = Json::parse(schema_text);
    return schema;
}

}  // namespace imgforge::seeds
