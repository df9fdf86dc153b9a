# SPDX-License-Identifier: GPL-3.0-or-later
"""What Debian's cloud-init makes of each user-data file in a directory: one line "NAME
taken|dropped|refused".

taken: every part is loaded and passes cloud-init's own schema; dropped: a part cannot be loaded, is not a map
or has no handler; refused: the schema has errors. One process for all, because importing cloud-init takes
longer than judging."""
import logging
import os
import sys

from cloudinit import helpers, safeyaml, user_data
from cloudinit.config.schema import SchemaValidationError, get_schema, validate_cloudconfig_schema

logging.disable(logging.CRITICAL)
SCHEMA = get_schema()
KNOWN = {"text/cloud-config", "text/x-shellscript", "text/cloud-boothook", "text/jinja2", "text/part-handler",
         "text/cloud-config-jsonp", "text/x-include-url"}


def verdict(data):
    message = user_data.UserDataProcessor(helpers.Paths({"cloud_dir": "/nonexistent"})).process(data)
    result = "taken"
    for part in message.walk():
        kind = part.get_content_type()
        if part.get_content_maintype() == "multipart":
            continue
        if kind not in KNOWN:
            return "dropped"
        if kind != "text/cloud-config":
            continue
        try:
            config = safeyaml.load(part.get_payload(decode=True).decode("utf-8"))
        except Exception:  # whatever cloud-init would catch and log
            return "dropped"
        if config is not None and not isinstance(config, dict):
            return "dropped"
        try:
            # A key without a value is an empty one to the modules, although not to the schema.
            validate_cloudconfig_schema(
                {key: value for key, value in (config or {}).items() if value is not None},
                schema=SCHEMA,
                strict=True,
            )
        except SchemaValidationError:
            result = "refused"
        except Exception:  # a key that is not text stops the validator itself
            result = "refused"
    return result


for name in sorted(os.listdir(sys.argv[1])):
    with open(os.path.join(sys.argv[1], name), "rb") as file:
        try:
            print(name, verdict(file.read()))
        except Exception:
            print(name, "dropped")
