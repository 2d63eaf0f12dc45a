#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "cli/terminal.hpp"

namespace maru::cli {

/// Columns under capital headings, two spaces apart. On a terminal long texts are cut in the middle
/// so that no row wraps; elsewhere nothing is cut. Example: output_test.cpp.
class Table {
  public:
    enum class Align { left, right };
    struct Column {
        std::string title;
        Align align = Align::left;
        bool may_shorten = false;
    };
    struct Cell {
        std::string text;
        Colour colour = Colour::none;
        Cell(std::string text_, Colour colour_ = Colour::none)
            : text(std::move(text_)), colour(colour_) {}
        Cell(const char* text_, Colour colour_ = Colour::none) : text(text_), colour(colour_) {}
        Cell(std::string_view text_, Colour colour_ = Colour::none)
            : text(text_), colour(colour_) {}
        Cell(std::int64_t number) : text(std::to_string(number)) {}
    };

    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
    void row(std::vector<Cell> cells) { rows_.push_back(std::move(cells)); }
    bool empty() const { return rows_.empty(); }
    std::string render(const Terminal& terminal) const;

  private:
    std::vector<int> widths(const Terminal& terminal) const;

    std::vector<Column> columns_;
    std::vector<std::vector<Cell>> rows_;
};

/// "name   value" lines for one object.
class Sheet {
  public:
    void line(std::string name, std::string value, Colour colour = Colour::none);
    std::string render(const Terminal& terminal) const;

  private:
    struct Line {
        std::string name, value;
        Colour colour;
    };
    std::vector<Line> lines_;
};

/// The colour of a state's name ("running", "ready", "FAILED", ...).
Colour state_colour(std::string_view state);

/// "12s ago", "3m ago", "5h ago", "6d ago", then the date; "in 3m" for what is to come.
std::string relative_time(Time time, Time now);
/// "850ms", "4.2s", "3m05s", "2h10m", "3d04h".
std::string short_duration(std::chrono::milliseconds duration);
/// 1500 is "1.5", 2000 is "2".
std::string format_cpus(std::int64_t cpu_milli);
/// A metric: up to six significant digits.
std::string format_number(double value);
/// A command as one would type it: words with blanks and such in quotes.
std::string command_text(const std::vector<std::string>& command);

}  // namespace maru::cli
