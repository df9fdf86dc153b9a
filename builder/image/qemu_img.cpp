// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/image/qemu_img.hpp"

#include <charconv>
#include <chrono>
#include <system_error>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/json.hpp"
#include "builder/image/backing_chain.hpp"

namespace imgforge::image::qemu_img {

namespace {

using std::chrono::minutes;

/// A name that qemu cannot take for a protocol or an option.
std::string file_name(const std::filesystem::path& file) {
    const std::string text = file.string();
    return names_a_protocol(text) || text.starts_with('-') ? "./" + text : text;
}

std::string format_name(DiskFormat format) {
    return std::string(imgforge::image::to_string(format));
}

std::string bytes(ByteSize size) {
    return std::to_string(size.in_bytes());
}

ProcessSpec qemu_img(std::vector<std::string> args, std::chrono::milliseconds timeout = minutes(10)) {
    return ProcessSpec{.program = "qemu-img", .args = std::move(args), .timeout = timeout};
}

void append(std::vector<std::string>& args, std::initializer_list<std::string> more) {
    args.insert(args.end(), more);
}

}  // namespace

ProcessSpec info(const std::filesystem::path& image, DiskFormat format, bool backing_chain, bool looking) {
    std::vector<std::string> args{"info", "--output=json", "-f", format_name(format)};
    if (backing_chain) {
        args.emplace_back("--backing-chain");
    }
    if (looking) {
        args.emplace_back("-U");
    }
    args.push_back(file_name(image));
    return qemu_img(std::move(args), minutes(2));
}

ProcessSpec create(const std::filesystem::path& image, DiskFormat format, ByteSize size,
                   const std::vector<std::string>& options) {
    std::vector<std::string> args{"create", "-q", "-f", format_name(format)};
    for (const std::string& option : options) {
        append(args, {"-o", option});
    }
    append(args, {file_name(image), bytes(size)});
    return qemu_img(std::move(args));
}

ProcessSpec create_overlay(const std::filesystem::path& overlay, const std::string& backing_name,
                           DiskFormat backing_format, std::optional<ByteSize> size) {
    std::vector<std::string> args{
        "create",          "-q", "-f", "qcow2", "-b", backing_name, "-F", format_name(backing_format),
        file_name(overlay)};
    if (size) {
        args.push_back(bytes(*size));
    }
    return qemu_img(std::move(args));
}

ProcessSpec resize(const std::filesystem::path& image, DiskFormat format, ByteSize size, bool shrink) {
    std::vector<std::string> args{"resize", "-q", "-f", format_name(format)};
    if (shrink) {
        args.emplace_back("--shrink");
    }
    append(args, {file_name(image), bytes(size)});
    return qemu_img(std::move(args));
}

ProcessSpec check(const std::filesystem::path& image, DiskFormat format, bool looking) {
    std::vector<std::string> args{"check", "--output=json", "-f", format_name(format)};
    if (looking) {
        args.emplace_back("-U");
    }
    args.push_back(file_name(image));
    return qemu_img(std::move(args), minutes(30));
}

ProcessSpec rebase_unsafe(const std::filesystem::path& image, const std::string& backing_name,
                          DiskFormat backing_format) {
    return qemu_img({"rebase", "-u", "-f", "qcow2", "-b", backing_name, "-F", format_name(backing_format),
                     file_name(image)});
}

ProcessSpec rebase_standalone(const std::filesystem::path& image) {
    return qemu_img({"rebase", "-p", "-f", "qcow2", "-b", "", file_name(image)}, std::chrono::hours(4));
}

ProcessSpec commit(const std::filesystem::path& overlay) {
    return qemu_img({"commit", "-q", "-f", "qcow2", file_name(overlay)}, std::chrono::hours(4));
}

ProcessSpec measure(const std::filesystem::path& image, DiskFormat format, DiskFormat target) {
    return qemu_img(
        {"measure", "--output=json", "-f", format_name(format), "-O", format_name(target), file_name(image)});
}

ProcessSpec map(const std::filesystem::path& image, DiskFormat format, bool looking) {
    std::vector<std::string> args{"map", "--output=json", "-f", format_name(format)};
    if (looking) {
        args.emplace_back("-U");
    }
    args.push_back(file_name(image));
    return qemu_img(std::move(args));
}

ProcessSpec compare(const std::filesystem::path& a, DiskFormat a_format, const std::filesystem::path& b,
                    DiskFormat b_format) {
    return qemu_img({"compare", "-q", "-f", format_name(a_format), "-F", format_name(b_format), file_name(a),
                     file_name(b)},
                    std::chrono::hours(1));
}

std::string_view to_string(Compression compression) {
    switch (compression) {
        case Compression::none: return "none";
        case Compression::zlib: return "zlib";
        case Compression::zstd: return "zstd";
    }
    return "none";
}

ProcessSpec convert(const ConvertSpec& spec) {
    std::vector<std::string> args{"convert"};
    if (spec.progress) {
        args.emplace_back("-p");
    }
    append(args, {"-f", format_name(spec.from_format), "-O", format_name(spec.to_format), "-m",
                  std::to_string(spec.coroutines)});
    const bool compressed = spec.to_format == DiskFormat::qcow2 && spec.compression != Compression::none;
    if (compressed) {
        append(args, {"-c", "-o", fmt::format("compression_type={}", to_string(spec.compression))});
    }
    if (compressed || spec.to_format == DiskFormat::raw) {
        args.emplace_back("-W");
    }
    for (const std::string& option : spec.options) {
        append(args, {"-o", option});
    }
    append(args, {file_name(spec.from), file_name(spec.to)});
    return qemu_img(std::move(args), spec.timeout);
}

std::optional<double> parse_progress(std::string_view line) {
    // qemu-img redraws with a carriage return: "    (12.34/100%)\r    (13.35/100%)".
    const auto open = line.rfind('(');
    if (open == std::string_view::npos) {
        return std::nullopt;
    }
    line.remove_prefix(open + 1);
    const auto slash = line.find("/100%)");
    double value = 0;
    const auto [end, code] = std::from_chars(line.data(), line.data() + line.size(), value);
    if (slash == std::string_view::npos || code != std::errc{} || end != line.data() + slash) {
        return std::nullopt;
    }
    return value;
}

ImageInfo read_info(ProcessRunner& runner, const std::filesystem::path& image, DiskFormat format,
                    bool looking) {
    return parse_info(run_checked(runner, info(image, format, false, looking)).out).front();
}

CheckResult run_check(ProcessRunner& runner, const std::filesystem::path& image, DiskFormat format,
                      bool looking) {
    if (format == DiskFormat::raw) {
        return {};
    }
    const ProcessSpec spec = check(image, format, looking);
    const ProcessResult result = runner.run(spec);
    // qemu-img(1) "check": 2 = corruptions, 3 = leaked clusters, 63 = the format has no checks; 1 = the check
    // itself failed.
    const bool answered = result.outcome == ProcessResult::Outcome::exited &&
                          (result.code == 0 || result.code == 2 || result.code == 3);
    if (result.outcome == ProcessResult::Outcome::exited && result.code == 63) {
        return {};
    }
    if (!answered) {
        throw process_error(spec, result);
    }
    return parse_check(result.out);
}

void run_convert(ProcessRunner& runner, const ConvertSpec& spec,
                 const std::function<void(double percent)>& progress) {
    try {
        run_checked(runner, convert(spec), [&](std::string_view line, bool is_error) {
            const auto percent = is_error ? std::nullopt : parse_progress(line);
            if (percent && progress) {
                progress(*percent);
            }
        });
    } catch (...) {
        std::error_code ignored;
        std::filesystem::remove(spec.to, ignored);
        throw;
    }
}

}  // namespace imgforge::image::qemu_img
