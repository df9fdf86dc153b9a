#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A header for Doxygen: in comments the characters that begin its commands, tags and links stand for themselves.
exec awk '{
    at = index($0, "///")
    if (!at) { print; next }
    text = substr($0, at + 3)
    mark = "///"
    if (substr(text, 1, 1) == "<") { mark = "///<"; text = substr(text, 2) }
    gsub(/[\\@<>#&%$]/, "\\\\&", text)
    print substr($0, 1, at - 1) mark text
}' "$1"
