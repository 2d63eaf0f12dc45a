#include "compute/lifecycle.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace maru::compute {
namespace {

constexpr std::chrono::seconds kSampleEvery{5};

}  // namespace

void Lifecycle::sample_loop() {
    while (true) {
        {
            std::unique_lock lock(mutex_);
            if (changed_.wait_for(lock, kSampleEvery, [this] { return stopping_; })) return;
        }
        try {
            sample();
        } catch (...) {
            log::error("cannot keep what workloads use: {}", log::current_exception_message());
        }
    }
}

void Lifecycle::sample() {
    std::vector<std::pair<std::string, UsageSample>> samples;
    for (const auto& active : all_active()) {
        auto record = record_of(*active);
        if (record.workload.job.state != WorkloadState::running) continue;
        const auto& attempt_id = record.workload.attempt_id;
        auto used = engine_.usage(attempt_id, 0);
        if (!used) continue;
        Time now = clock_.now();
        Time since = record.workload.job.started_at.value_or(now);
        double cpu_s_before = 0;
        {
            std::lock_guard lock(mutex_);
            auto& last = active->sampled;
            if (last && last->attempt_id == attempt_id) {
                since = last->at;
                cpu_s_before = last->usage.cpu_s;
            }
            last = {attempt_id, now, *used};
        }
        UsageSample sampled{now, 0, used->memory_bytes};
        auto elapsed_s = std::chrono::duration<double>(now - since).count();
        if (elapsed_s > 0)
            sampled.cpu_milli = static_cast<std::int64_t>(
                std::max(0.0, used->cpu_s - cpu_s_before) / elapsed_s * 1000);
        samples.emplace_back(record.workload.job.id, sampled);
    }
    if (samples.empty()) return;
    database_.write([&](sql::Connection& connection) {
        for (const auto& [id, sampled] : samples) store::append_usage(connection, id, sampled);
    });
}

void Lifecycle::refresh(Job& job) {
    if (job.state == WorkloadState::queued) {
        auto waiting = why(job);
        if (!waiting.reason.empty()) job.reason = waiting.reason;
    } else if (job.state == WorkloadState::running) {
        auto active = find(job.id);
        std::lock_guard lock(mutex_);
        if (!active || !active->sampled ||
            active->sampled->attempt_id != active->record.workload.attempt_id)
            return;
        // What earlier attempts have used is there already.
        const auto& used = active->sampled->usage;
        job.usage.cpu_s += used.cpu_s;
        job.usage.memory_peak_bytes =
            std::max({job.usage.memory_peak_bytes, used.memory_peak_bytes, used.memory_bytes});
    }
}

}  // namespace maru::compute
