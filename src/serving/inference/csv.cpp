#include "serving/inference/csv.hpp"

#include "base/error.hpp"

namespace maru::serving {

namespace {

/// Takes one cell off the front of `text`, up to its separator or line end.
std::string_view take_cell(std::string_view& text, std::size_t row) {
    std::size_t end = 0;
    if (!text.empty() && text[0] == '"') {
        end = 1;
        while (true) {
            end = text.find('"', end);
            if (end == std::string_view::npos)
                fail(ErrorCode::invalid_argument, "CSV line {}: a quote doesn't end", row + 1);
            ++end;
            if (end == text.size() || text[end] != '"') break;
            ++end;
        }
        if (end < text.size() && text[end] != ',' && text[end] != '\n' && text[end] != '\r')
            fail(ErrorCode::invalid_argument, "CSV line {}: text after a closing quote", row + 1);
    } else {
        end = text.find_first_of(",\n\r");
        if (end == std::string_view::npos) end = text.size();
    }
    auto cell = text.substr(0, end);
    text.remove_prefix(end);
    return cell;
}

/// Takes one line; true if a cell was read.
std::size_t take_row(std::string_view& text, std::size_t row,
                     std::vector<std::string_view>& cells) {
    std::size_t count = 0;
    while (true) {
        cells.push_back(take_cell(text, row));
        ++count;
        if (text.empty() || text[0] != ',') break;
        text.remove_prefix(1);
    }
    if (text.starts_with("\r\n"))
        text.remove_prefix(2);
    else if (!text.empty())
        text.remove_prefix(1);
    return count;
}

void skip_blank_lines(std::string_view& text) {
    while (!text.empty() && (text[0] == '\n' || text[0] == '\r')) text.remove_prefix(1);
}

}  // namespace

CsvTable parse_csv(std::string_view text) {
    CsvTable table;
    skip_blank_lines(text);
    if (text.empty()) fail(ErrorCode::invalid_argument, "the CSV is empty; expected a header line");
    std::vector<std::string_view> header;
    take_row(text, 0, header);
    for (auto cell : header) table.columns.push_back(csv_text(cell));
    skip_blank_lines(text);
    while (!text.empty()) {
        auto count = take_row(text, ++table.row_count, table.cells);
        if (count != table.columns.size())
            fail(ErrorCode::invalid_argument, "CSV line {}: {} cells for {} columns",
                 table.row_count + 1, count, table.columns.size());
        skip_blank_lines(text);
    }
    return table;
}

std::string csv_text(std::string_view cell) {
    if (cell.size() < 2 || cell[0] != '"') return std::string(cell);
    std::string text;
    for (std::size_t i = 1; i + 1 < cell.size(); ++i) {
        text += cell[i];
        if (cell[i] == '"') ++i;
    }
    return text;
}

}  // namespace maru::serving
