// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/audit/byte_scan.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "builder/base/interrupt.hpp"
#include "builder/image/partition_table.hpp"

namespace imgforge::sysprep::audit {

namespace {

constexpr std::uint64_t piece_size = 4U << 20U;

/// A piece of work: a stretch of the virtual disk, or of the host file of one image.
struct Piece {
    image::ByteRange range;
    std::optional<std::size_t> host_file{};
};

void cut(const std::vector<image::ByteRange>& ranges, std::optional<std::size_t> host_file,
         std::vector<Piece>& out) {
    for (const image::ByteRange& range : ranges) {
        for (std::uint64_t at = range.start; at < range.end(); at += piece_size) {
            out.push_back({{at, std::min(piece_size, range.end() - at)}, host_file});
        }
    }
}

/// The scan's shared state; every worker takes the next piece until none is left or one worker failed.
class Scan {
public:
    Scan(const image::DiskView& view, const Matcher& matcher) : view_(view), matcher_(matcher) {
        cut(view.data(), std::nullopt, pieces_);
        for (std::size_t i = 0; i < view.chain().size(); ++i) {
            cut(view.unmapped(i), i, pieces_);
        }
        for (const Piece& piece : pieces_) {
            total_ += piece.range.length;
        }
        partitions_ = image::read_partitions(
            [&](std::uint64_t at, std::size_t size, std::string& out) { view.read(at, size, out); },
            view.size());
    }

    void run(unsigned threads, Activity& activity) {
        running_ = threads;
        std::vector<std::jthread> workers;
        for (unsigned i = 0; i < threads; ++i) {
            workers.emplace_back([this] { work(); });
        }
        std::unique_lock lock(mutex_);
        while (!ended_.wait_for(lock, std::chrono::milliseconds(100), [this] { return running_ == 0; })) {
            activity.progress(static_cast<double>(done_.load()), static_cast<double>(total_), "bytes");
        }
        lock.unlock();
        workers.clear();
        if (fault_) {
            std::rethrow_exception(fault_);
        }
    }

    std::vector<Finding> take_findings() { return merge_findings(std::move(findings_)); }
    std::uint64_t total() const { return total_; }

private:
    void work() {
        std::exception_ptr fault;
        std::vector<Finding> found;
        try {
            Matcher::Scratch scratch(matcher_);
            std::string buffer;
            for (std::size_t i = next_++; i < pieces_.size() && !stop_; i = next_++) {
                interrupt::check();
                scan(pieces_[i], scratch, buffer, found);
                done_ += pieces_[i].range.length;
            }
        } catch (...) {
            fault = std::current_exception();
            stop_ = true;
        }
        const std::scoped_lock lock(mutex_);
        findings_.insert(findings_.end(), found.begin(), found.end());
        if (fault && !fault_) {
            fault_ = fault;
        }
        --running_;
        ended_.notify_all();
    }

    void scan(const Piece& piece, Matcher::Scratch& scratch, std::string& buffer,
              std::vector<Finding>& found) const {
        const std::uint64_t margin = matcher_.margin();
        const std::uint64_t from = piece.range.start - std::min(piece.range.start, margin);
        const auto length = static_cast<std::size_t>(piece.range.end() + margin - from);
        if (piece.host_file) {
            view_.read_file(*piece.host_file, from, length, buffer);
        } else {
            view_.read(from, length, buffer);
        }
        const auto first = static_cast<std::size_t>(piece.range.start - from);
        for (const Hit& hit :
             matcher_.scan(scratch, buffer, first, first + static_cast<std::size_t>(piece.range.length))) {
            found.push_back(finding(piece, hit, from + hit.span.start));
        }
    }

    Finding finding(const Piece& piece, const Hit& hit, std::uint64_t offset) const {
        const std::size_t image = piece.host_file.value_or(view_.image_at(offset));
        const std::string file = view_.chain().size() > 1
                                     ? fmt::format(", in {}", view_.chain()[image].file.filename().string())
                                     : "";
        return {.rule = hit.pattern->rule,
                .path = piece.host_file ? view_.chain()[image].file.filename().string()
                                        : image::describe_offset(partitions_, offset),
                .offset = offset,
                .layer = piece.host_file ? "host-file" : "disk",
                .detail = hit.pattern->label + (piece.host_file ? "" : file),
                .fingerprint = hit.fingerprint};
    }

    const image::DiskView& view_;
    const Matcher& matcher_;
    std::vector<Piece> pieces_;
    std::vector<image::Partition> partitions_;
    std::uint64_t total_ = 0;
    std::atomic<std::size_t> next_{0};
    std::atomic<std::uint64_t> done_{0};
    std::atomic<bool> stop_{false};
    std::mutex mutex_;
    std::condition_variable ended_;
    unsigned running_ = 0;
    std::exception_ptr fault_;
    std::vector<Finding> findings_;
};

}  // namespace

ByteScan scan_bytes(const image::DiskView& view, const Matcher& matcher, unsigned threads, Monitor& monitor,
                    std::uint64_t parent_activity) {
    const auto start = std::chrono::steady_clock::now();
    Activity activity(monitor, "search the disk's bytes", parent_activity);
    Scan scan(view, matcher);
    scan.run(threads == 0 ? std::max(1U, std::thread::hardware_concurrency()) : threads, activity);
    return {.findings = scan.take_findings(),
            .bytes = scan.total(),
            .seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()};
}

}  // namespace imgforge::sysprep::audit
