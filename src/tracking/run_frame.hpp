#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sql/database.hpp"
#include "tracking/search/conditions.hpp"

namespace maru::tracking {

/// What one run has in one column.
struct Cell {
    enum class Kind : std::uint8_t { value, not_a_number, absent };
    Kind kind = Kind::absent;
    double number = 0;  // of a metric or a time
    std::string text;   // of everything else
};

/// One column of a frame, a cell for each run.
using Cells = std::vector<Cell>;

/// Which texts of a column are compared as numbers.
enum class TextOrder {
    bytes,    // as MLflow does: "10" is before "9"
    natural,  // numbers by their value, before all other texts
};

/// The runs of some experiments, newest first, whose columns are read one at a time: each is one
/// stretch of an index, so that a search over tens of thousands of runs takes some milliseconds for
/// each column that it mentions, and the same for its last page as for its first.
///
/// Lifetime: one transaction's. Not thread-safe. Example: run_frame_test.cpp.
class RunFrame {
  public:
    /// Keys of metrics are numbers, found by the caller; -1 is one that was never logged.
    using FindKey = std::function<std::int64_t(std::string_view)>;

    /// `condition` appends conditions on tracking_runs r joined with tracking_experiments e.
    RunFrame(sql::Connection& connection, std::vector<std::int64_t> experiments,
             const std::function<void(search::Statement&)>& condition, FindKey find_key);

    std::size_t size() const { return numbers_.size(); }
    /// The row's key of the run at a position.
    std::int64_t number(std::size_t position) const { return numbers_[position]; }
    std::optional<std::size_t> position_of(std::int64_t number) const;

    /// Leaves those positions in `kept` that match; of metrics, parameters, tags and datasets only.
    void keep_matching(std::vector<char>& kept, const search::Comparison& comparison) const;

    /// Reads a column: metrics as numbers, attributes as the filter language names them.
    Cells column(search::Subject subject, const std::string& key) const;
    /// Calls `visit(position, text)` for each run that has the parameter or tag; the text is valid
    /// until it returns.
    void each_text(search::Subject subject, const std::string& key,
                   const std::function<void(std::size_t, std::string_view)>& visit) const;

  private:
    void mark(const search::Statement& statement, std::vector<char>& marked) const;
    void each_row(const search::Statement& statement,
                  const std::function<void(std::size_t, const sql::Row&)>& visit) const;

    sql::Connection& connection_;
    std::vector<std::int64_t> experiments_;
    FindKey find_key_;
    std::vector<std::int64_t> numbers_;
    std::vector<std::pair<std::int64_t, std::uint32_t>> by_number_;
};

/// The column of tracking_runs r or tracking_experiments e that holds an attribute.
std::string_view run_attribute_column(std::string_view attribute);

/// One term of an order over the columns of a frame.
struct OrderColumn {
    Cells cells;
    bool ascending = true;
    TextOrder texts = TextOrder::bytes;
};

/// Negative, zero or positive as the run at `left` is before, beside or after the one at `right`.
/// What is not a number, and what is absent, comes last in both directions.
int compare(const OrderColumn& column, std::size_t left, std::size_t right);

/// The number that a text is all of, as people write them in parameters: "1e-3", "-2".
std::optional<double> number_in(std::string_view text);

}  // namespace maru::tracking
