// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/report/site.hpp"

#include <algorithm>
#include <functional>
#include <iterator>

#include <fmt/format.h>

#include "builder/base/byte_size.hpp"
#include "pipelines/report/markup.hpp"

namespace imgforge::report {
namespace {

const SiteGeneration* current_of(const SiteImage& image) {
    const auto found = std::find_if(image.generations.rbegin(), image.generations.rend(),
                                    [](const SiteGeneration& one) { return one.state == "current"; });
    return found == image.generations.rend() ? nullptr : &*found;
}

std::string state_text(const SiteGeneration& generation) {
    const char* const look = generation.state == "current"       ? "ok"
                             : generation.state == "quarantined" ? "bad"
                                                                 : "sub";
    return fmt::format("<span class={}>{}</span>", look, escape(generation.state));
}

std::string size_text(std::uint64_t bytes) {
    return ByteSize::bytes(bytes).text();
}

/// A number of every generation over time: one bar each, with its value for a pointer and a screen reader.
struct Plot {
    const char* title;
    std::function<std::optional<double>(const SiteGeneration&)> value;
    std::function<std::string(double)> text;
};

std::string bars(const SiteImage& image, const Plot& plot) {
    constexpr double height = 120;
    constexpr double width = 960;
    double most = 0;
    for (const SiteGeneration& one : image.generations) {
        most = std::max(most, plot.value(one).value_or(0));
    }
    if (most <= 0) {
        return "";
    }
    const double step = width / static_cast<double>(image.generations.size());
    std::string svg =
        fmt::format("<h2>{}</h2><div class=wide><svg viewBox=\"0 0 960 150\" role=\"img\" aria-label=\"{}\">",
                    plot.title, plot.title);
    double x = 0;
    for (const SiteGeneration& one : image.generations) {
        if (const auto value = plot.value(one)) {
            const double tall = std::max(2.0, height * *value / most);
            svg += fmt::format(
                "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" "
                "fill=\"var({})\"><title>@{}: {}</title></rect>",
                x, height - tall + 8, std::min(60.0, step * 0.8), tall,
                one.state == "quarantined" ? "--bad" : "--ran", one.number, escape(plot.text(*value)));
        }
        svg += fmt::format("<text x=\"{:.1f}\" y=\"144\">@{}</text>", x, one.number);
        x += step;
    }
    return svg + fmt::format("<text x=\"960\" y=\"12\" text-anchor=\"end\">most: {}</text></svg></div>",
                             escape(plot.text(most)));
}

std::string plots(const SiteImage& image) {
    const Plot all[]{
        {"Stored size",
         [](const SiteGeneration& one) { return std::optional(static_cast<double>(one.stored_bytes)); },
         [](double value) { return size_text(static_cast<std::uint64_t>(value)); }},
        {"Packages",
         [](const SiteGeneration& one) {
             return one.packages ? std::optional(static_cast<double>(*one.packages)) : std::nullopt;
         },
         [](double value) { return fmt::format("{:.0f}", value); }},
        {"Build time", [](const SiteGeneration& one) { return one.build_seconds; }, seconds_text}};
    std::string text;
    for (const Plot& plot : all) {
        text += bars(image, plot);
    }
    return text;
}

std::string name_list(const char* title, const std::vector<std::string>& names) {
    if (names.empty()) {
        return "";
    }
    std::string text = fmt::format("<p><b>{}</b> ({})</p><ul>", title, names.size());
    for (const std::string& name : names) {
        text += "<li>" + escape(name) + "</li>";
    }
    return text + "</ul>";
}

/// `first`: there is none before it that it could be compared with.
std::string generation_section(const SiteGeneration& one, bool first) {
    std::string text =
        fmt::format("<h2 id=\"g{}\">@{} · {}</h2><p class=sub>{} · {} stored of {}<br><code>{}</code></p>",
                    one.number, one.number, state_text(one), escape(one.created), size_text(one.stored_bytes),
                    size_text(one.virtual_bytes), escape(one.sha256));
    if (!one.reason.empty()) {
        text += fmt::format("<p class=bad>{}</p>", escape(one.reason));
    }
    std::string links;
    for (const std::string& document : one.documents) {
        links += fmt::format("{}<a href=\"files/{}\">{}</a>", links.empty() ? "" : " · ", escape(document),
                             escape(document));
    }
    text += links.empty() ? "" : "<p>" + links + "</p>";
    text += name_list("Machines on it", one.machines);
    if (first) {
        return text;
    }
    const std::string changes = name_list("Packages changed", one.changed) +
                                name_list("Packages added", one.added) +
                                name_list("Packages removed", one.removed);
    return text +
           (changes.empty() ? "<p class=sub>no package changed against the generation before</p>" : changes);
}

}  // namespace

std::string site_index(const std::vector<SiteImage>& images, std::string_view made) {
    std::string page =
        page_head("Golden images") +
        fmt::format("<h1>Golden images</h1><p class=sub>as of {}</p>", escape(made)) +
        "<div class=wide><table><tr><th>image</th><th>current</th><th>made</th><th class=n>stored</th>"
        "<th class=n>packages</th><th class=n>generations</th><th class=n>machines</th></tr>";
    for (const SiteImage& image : images) {
        const SiteGeneration* const current = current_of(image);
        std::size_t machines = 0;
        for (const SiteGeneration& one : image.generations) {
            machines += one.machines.size();
        }
        page += fmt::format(
            "<tr><td><a href=\"{0}.html\">{0}</a></td><td>{1}</td><td>{2}</td><td class=n>{3}</td>"
            "<td class=n>{4}</td><td class=n>{5}</td><td class=n>{6}</td></tr>",
            escape(image.name), current == nullptr ? "none" : fmt::format("@{}", current->number),
            current == nullptr ? "" : escape(current->created),
            current == nullptr ? "" : size_text(current->stored_bytes),
            current == nullptr || !current->packages ? "" : std::to_string(*current->packages),
            image.generations.size(), machines);
    }
    return page + "</table></div></html>\n";
}

std::string site_page(const SiteImage& image) {
    std::string page =
        page_head(image.name) +
        fmt::format("<p><a href=\"index.html\">all images</a></p><h1>{}</h1>", escape(image.name)) +
        plots(image);
    for (auto one = image.generations.rbegin(); one != image.generations.rend(); ++one) {
        page += generation_section(*one, std::next(one) == image.generations.rend());
    }
    return page + "</html>\n";
}

}  // namespace imgforge::report
