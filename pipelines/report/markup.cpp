// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/report/markup.hpp"

#include <chrono>
#include <cstdint>

#include <fmt/format.h>

#include "builder/base/clock.hpp"
#include "pipelines/report/report.hpp"

namespace imgforge::report {
namespace {

constexpr const char* page_style = R"(
:root{--ink:#1c2430;--soft:#5b6675;--line:#d9dee5;--paper:#fff;
--ran:#2f6fb3;--cached:#a9b6c4;--bad:#b3261e;--good:#1d7a46}
@media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#9aa6b4;--line:#38424f;
--paper:#14191f;--ran:#6aa6e6;--cached:#56636f;--bad:#ff8a80;--good:#6fd19b}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);
max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--line)}
.sub{color:var(--soft)}.ok{color:var(--good);font-weight:600}.bad{color:var(--bad);font-weight:600}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.3rem .6rem .3rem 0;border-bottom:1px solid var(--line);vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
pre{background:color-mix(in srgb,var(--line) 40%,transparent);padding:.7rem;overflow:auto;font-size:13px}
pre.said{white-space:pre-wrap;overflow-wrap:anywhere}td pre{margin:0}
.wide{overflow-x:auto}.wide svg{min-width:44rem}
details{margin-top:1.5rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1.2rem;margin:1.2rem 0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
ul{margin:.3rem 0;padding-left:1.2rem;columns:24rem;font-size:13px}li{word-break:break-word}
summary{cursor:pointer}summary h2{display:inline-block;border:0;margin:.5rem 0}
svg{width:100%;height:auto;display:block}a{color:var(--ran)}
svg text{fill:var(--ink);font:12px system-ui,sans-serif}img{max-width:100%;border:1px solid var(--line)}
code{word-break:break-all;font-size:13px}
)";

}  // namespace

std::string escape(std::string_view text) {
    std::string result;
    for (const char c : text) {
        switch (c) {
            case '&': result += "&amp;"; break;
            case '<': result += "&lt;"; break;
            case '>': result += "&gt;"; break;
            case '"': result += "&quot;"; break;
            default: result += c;
        }
    }
    return result;
}

std::string seconds_text(double seconds) {
    return duration_text(std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000)));
}

std::string page_head(std::string_view title) {
    return fmt::format(
        "{}<meta name=viewport content=\"width=device-width,initial-scale=1\"><title>{} – imgforge</title>"
        "<style>{}</style>",
        page_start, escape(title), page_style);
}

}  // namespace imgforge::report
