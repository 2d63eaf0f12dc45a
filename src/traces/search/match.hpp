#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "traces/search/filter.hpp"
#include "traces/search/statement.hpp"
#include "traces/spans/span.hpp"
#include "traces/types.hpp"

namespace maru::traces::search {

/// Appends " AND (a span meets all conditions about spans that columns answer)".
void append_span_conditions(Statement& statement, const std::vector<Condition>& conditions,
                            const std::vector<std::int64_t>& experiments);

/// The conditions of a filter that no database answers: regular expressions, attributes and content
/// of spans. Patterns are matched by RE2, in time that grows with the text alone.
///
/// Lifetime: a search's. Threads: one at a time. Errors: invalid_argument for a wrong pattern.
class Matcher {
  public:
    explicit Matcher(const std::vector<Condition>& conditions);
    ~Matcher();
    Matcher(const Matcher&) = delete;
    Matcher& operator=(const Matcher&) = delete;

    /// True if there is nothing to look at beside what the database has answered.
    bool is_empty() const;
    /// True if more of a trace than its number must be there to look at.
    bool needs_traces() const;
    /// `lines` reads the trace's spans, as spans::to_line writes them; called if they are needed.
    bool matches(const Trace& trace, const std::function<std::vector<std::string>()>& lines) const;

  private:
    struct Test;
    bool matches_spans(const std::vector<std::string>& lines) const;
    std::vector<std::unique_ptr<Test>> tests_, span_tests_;
};

}  // namespace maru::traces::search
