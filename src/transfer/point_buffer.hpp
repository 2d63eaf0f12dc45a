#pragma once

#include <map>

#include "transfer/source.hpp"

namespace maru::transfer {

/// Gathers a run's points by metric, and hands them on before they become too many.
class PointBuffer {
  public:
    PointBuffer(std::size_t run, const Source::VisitPoints& visit) : run_(run), visit_(visit) {}

    void add(const std::string& key, std::int64_t step, std::int64_t at_ms, double value) {
        auto& series = series_[key];
        series.steps.push_back(step);
        series.times_ms.push_back(at_ms);
        series.values.push_back(value);
        if (++count_ >= Source::kPointsAtOnce) flush();
    }
    void flush() {
        for (auto& [key, series] : series_) {
            series.key = key;
            visit_(run_, std::move(series));
        }
        series_.clear();
        count_ = 0;
    }

  private:
    std::size_t run_;
    const Source::VisitPoints& visit_;
    std::map<std::string, tracking::ImportSeries> series_;
    std::size_t count_ = 0;
};

}  // namespace maru::transfer
