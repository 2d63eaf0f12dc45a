#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace maru::serving {

/// CSV as RFC 4180 has it, a header line first. Cells are the text between separators, quotes
/// included.
struct CsvTable {
    std::vector<std::string> columns;
    std::vector<std::string_view> cells;  // row by row; valid as long as the text
    std::size_t row_count = 0;
};

/// Throws invalid_argument for a quote that doesn't end, or a row of another length than the
/// header.
CsvTable parse_csv(std::string_view text);

/// A cell's text without its quotes.
std::string csv_text(std::string_view cell);

}  // namespace maru::serving
