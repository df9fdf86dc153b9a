// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/provision/checks.hpp"

namespace imgforge::provision {

namespace {

constexpr const char* schema_text = R"J({
        "type": "object",
        "description":
            "Checks on throw-away clones of the published generation; a failure quarantines it.",
        "additionalProperties": false,
        "properties": {
            "services": {"type": "array",
                "description":
                    "services that must be active and enabled; or {name: {active: false, enabled: false}}",
                "items": {"type": ["string", "object"],
                "additionalProperties": {"type": ["object", "null"], "additionalProperties": false,
                    "properties": {
                    "active": {"type": "boolean", "description": "whether it runs; default true"},
                    "enabled": {"type": "boolean",
                        "description": "whether it starts at boot; default true"}}}}},
            "ports": {"type": "array", "description": "TCP ports of the clone that this host must reach",
                "items": {"type": "integer", "minimum": 1, "maximum": 65535}},
            "files": {"type": "array",
                "description":
                    "files that must exist; or {path: {mode, owner, group, contains, sha256, absent}}",
                "items": {"type": ["string", "object"],
                "additionalProperties": {"type": ["object", "null"], "additionalProperties": false,
                    "properties": {
                    "mode": {"type": ["string", "integer"], "description": "octal mode, 0644"},
                    "owner": {"type": "string", "description": "user"},
                    "group": {"type": "string", "description": "group"},
                    "contains": {"type": "string", "description": "text that must be in it"},
                    "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$",
                        "x-message": "must be 64 hexadecimal digits in small letters",
                        "description": "digest of its content"},
                    "absent": {"type": "boolean", "description": "true: it must not exist"}}}}},
            "packages": {"type": "array",
                "description": "packages that must be installed; {name: {absent: true}} must not be",
                "items": {"type": ["string", "object"],
                "additionalProperties": {"type": ["object", "null"], "additionalProperties": false,
                    "properties": {
                    "absent": {"type": "boolean", "description": "true: it must not be installed"}}}}},
            "run": {"type": ["string", "array"], "x-secrets": true,
                "description":
                    "shell lines, run as root, that must exit with 0; or {command, name, expect}",
                "items": {"type": ["string", "object"],
                "additionalProperties": false, "required": ["command"], "properties": {
                    "command": {"type": "string", "x-secrets": true, "description": "shell line"},
                    "name": {"type": "string", "description": "name of the check"},
                    "expect": {"type": "string", "description": "text that its output must contain"}}}},
            "script": {"type": ["string", "object", "array"], "format": "path", "x-affects-result": false,
                "description":
                    "scripts of the host that must exit with 0 in the clone; or {file, args, env, name}",
                "additionalProperties": false, "required": ["file"], "properties": {
                    "file": {"type": "string", "format": "path", "description": "script of the host"},
                    "args": {"type": "array", "items": {"type": "string"}, "x-secrets": true,
                        "description": "its arguments"},
                    "env": {"type": "object", "x-secrets": true,
                        "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$",
                            "x-message": "must be letters, digits and '_', starting with a letter"},
                        "additionalProperties": {"type": ["string", "number", "boolean"]},
                        "description": "environment variables of this script"},
                    "name": {"type": "string", "description": "name of the check"}},
                "items": {"type": ["string", "object"], "format": "path", "additionalProperties": false,
                    "required": ["file"], "properties": {}}},
            "testinfra": {"type": ["string", "array"], "format": "path", "x-affects-result": false,
                "description":
                    "file of tests for testinfra (python3-testinfra on this host); each test is a check",
                    "items": {"type": "string", "format": "path"}},
            "env": {"type": "object", "x-secrets": true,
                "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$",
                            "x-message": "must be letters, digits and '_', starting with a letter"},
                "additionalProperties": {"type": ["string", "number", "boolean"]},
                "description": "environment variables of commands and scripts"},
            "count": {"type": "integer", "minimum": 1, "maximum": 10, "default": 1,
                "description": "how many clones; every check runs on each"},
            "boot-timeout": {"type": "string", "pattern": "^[0-9]+[smhd]?$", "x-affects-result": false,
                "x-message": "must be a time such as 90s, 10m or 1h",
                "description": "how long a clone may take to come up; default 5m with KVM, 15m without"},
            "timeout": {"type": "string", "pattern": "^[0-9]+[smhd]?$", "x-affects-result": false,
                "x-message": "must be a time such as 90s, 10m or 1h",
                "default": "5m", "description": "longest time for one check"}
        }
})J";

}  // namespace

Json clone_properties() {
    return {{"size",
             {{"type", "string"},
              {"default", "small"},
              {"description", "small, medium, large, or a size defined in the settings"}}},
            {"network",
             {{"type", "array"},
              {"items", {{"type", "string"}}},
              {"description", "networks, as for imgforge spawn --network; default: from the settings"}}},
            {"firmware",
             {{"enum", {"bios", "uefi", "uefi-secure"}},
              {"description", "firmware of the clones; default: the recipe's machine.firmware"}}}};
}

const Json& verify_schema() {
    static const Json schema = [] {
        Json made = Json::parse(schema_text);
        Json& properties = made["properties"];
        properties.update(clone_properties());
        // A list of scripts takes for each what a single one takes.
        properties["script"]["items"]["properties"] = properties["script"]["properties"];
        return made;
    }();
    return schema;
}

}  // namespace imgforge::provision
