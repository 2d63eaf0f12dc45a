#include "serving/inference/scoring.hpp"

#include <algorithm>
#include <map>

#include "base/json.hpp"
#include "base/text.hpp"
#include "serving/inference/csv.hpp"
#include "serving/inference/tensor_json.hpp"

namespace maru::serving {

namespace {

constexpr std::string_view kFormats = "dataframe_split, dataframe_records, instances, inputs";

/// dataframe_records: objects whose keys are columns; the first one says which.
void read_records(JsonCursor& cursor, ScoringInput& input) {
    std::map<std::string, std::size_t, std::less<>> index;
    cursor.array([&] {
        auto row = input.row_count++;
        std::size_t seen = 0;
        input.cells.resize(input.row_count * input.columns.size());
        cursor.object([&](std::string_view key) {
            auto found = index.find(key);
            if (found == index.end()) {
                if (row > 0)
                    fail(ErrorCode::invalid_argument,
                         "row {} has the column \"{}\", which row 0 has not", row, key);
                found = index.emplace(key, input.columns.size()).first;
                input.columns.emplace_back(key);
                input.cells.emplace_back();
            }
            auto& cell = input.cells[row * input.columns.size() + found->second];
            if (!cell.empty())
                fail(ErrorCode::invalid_argument, "row {} has the column \"{}\" twice", row, key);
            cell = cursor.value();
            ++seen;
        });
        if (seen != input.columns.size())
            fail(ErrorCode::invalid_argument, "row {} has {} columns, row 0 has {}", row, seen,
                 input.columns.size());
    });
}

/// dataframe_split: {"columns": [...], "data": [[...], ...]}.
void read_split(JsonCursor& cursor, ScoringInput& input) {
    bool has_columns = false, has_data = false;
    std::size_t width = 0;
    cursor.object([&](std::string_view key) {
        if (key == "columns") {
            has_columns = true;
            cursor.array([&] {
                input.columns.emplace_back(cursor.peek() == '"' ? cursor.string()
                                                                : cursor.scalar());
            });
        } else if (key == "data") {
            has_data = true;
            cursor.array([&] {
                auto before = input.cells.size();
                cursor.array([&] { input.cells.push_back(cursor.value()); });
                auto cells = input.cells.size() - before;
                if (input.row_count == 0) width = cells;
                if (cells != width)
                    fail(ErrorCode::invalid_argument,
                         "dataframe_split: row {} has {} values, row 0 has {}", input.row_count,
                         cells, width);
                ++input.row_count;
            });
        } else {
            cursor.value();
        }
    });
    if (!has_data) fail(ErrorCode::invalid_argument, "dataframe_split: data is missing");
    if (!has_columns)
        for (std::size_t i = 0; i < width; ++i) input.columns.push_back(std::to_string(i));
    if (input.row_count > 0 && width != input.columns.size())
        fail(ErrorCode::invalid_argument, "dataframe_split: the rows have {} values for {} columns",
             width, input.columns.size());
}

bool is_array_of_objects(JsonCursor cursor) {
    return cursor.take('[') && cursor.peek() == '{';
}

void read_format(JsonCursor& cursor, std::string_view format, ScoringInput& input) {
    using Kind = ScoringInput::Kind;
    if (format == "dataframe_split") {
        input.kind = Kind::table;
        read_split(cursor, input);
    } else if (format == "dataframe_records") {
        input.kind = Kind::table;
        read_records(cursor, input);
    } else if (is_array_of_objects(cursor)) {
        input.kind = format == "instances" ? Kind::stacked : Kind::table;
        read_records(cursor, input);
    } else if (format == "inputs" && cursor.peek() == '{') {
        input.kind = Kind::named;
        cursor.object(
            [&](std::string_view name) { input.values.emplace_back(name, cursor.value()); });
    } else {
        input.kind = Kind::single;
        input.values.emplace_back("", cursor.value());
    }
}

ScoringInput parse_json(std::string_view body) {
    ScoringInput input;
    std::string format;
    JsonCursor cursor(body);
    if (cursor.peek() != '{')
        fail(ErrorCode::invalid_argument,
             "expected a JSON object with one of {}; the body is something else", kFormats);
    cursor.object([&](std::string_view key) {
        if (key != "dataframe_split" && key != "dataframe_records" && key != "instances" &&
            key != "inputs") {
            cursor.value();
            return;
        }
        if (!format.empty())
            fail(ErrorCode::invalid_argument, "expected exactly one of {}; got {} and {}", kFormats,
                 format, key);
        format = key;
        read_format(cursor, key, input);
    });
    cursor.expect_end();
    if (format.empty()) fail(ErrorCode::invalid_argument, "expected one of {}; got none", kFormats);
    return input;
}

/// Appends one cell to the tensor; returns the cell's own shape (none for a scalar).
std::vector<std::int64_t> append_cell(const ScoringInput& input, std::string_view cell,
                                      Tensor& tensor) {
    if (!input.csv) {
        JsonCursor cursor(cell);
        return parse_values(cursor, tensor);
    }
    if (tensor.type == DataType::bytes) {
        tensor.strings.append(csv_text(cell));
        return {};
    }
    auto text = csv_text(cell);
    auto trimmed = trim(text);
    if (trimmed.empty() || trimmed == "nan" || trimmed == "NA") trimmed = "null";
    if (trimmed == "True" || trimmed == "TRUE") trimmed = "true";
    if (trimmed == "False" || trimmed == "FALSE") trimmed = "false";
    JsonCursor cursor(trimmed);
    auto shape = parse_values(cursor, tensor);
    cursor.expect_end();
    return shape;
}

std::size_t column_index(const ScoringInput& input, std::string_view name,
                         std::string_view wanted_by) {
    auto found = std::find(input.columns.begin(), input.columns.end(), name);
    if (found == input.columns.end())
        fail(ErrorCode::invalid_argument, "the column \"{}\" of {} is missing; got {}", name,
             wanted_by, fmt::join(input.columns, ", "));
    return static_cast<std::size_t>(found - input.columns.begin());
}

/// One input out of the given columns: [rows, columns], or [rows, ...] where one column's cells are
/// arrays.
Tensor from_columns(const ScoringInput& input, const TensorSpec& spec,
                    const std::vector<std::size_t>& columns, bool one_each) {
    Tensor tensor;
    tensor.name = spec.name;
    tensor.type = spec.type;
    tensor.data.reserve(input.row_count * columns.size() * element_size(spec.type));
    std::optional<std::vector<std::int64_t>> cell_shape;
    for (std::size_t row = 0; row < input.row_count; ++row) {
        for (auto column : columns) {
            auto shape =
                append_cell(input, input.cells[row * input.columns.size() + column], tensor);
            if (!cell_shape) cell_shape = shape;
            if (*cell_shape != shape)
                fail(ErrorCode::invalid_argument,
                     "row {}, column \"{}\": expected a value of shape {} like the others, got {}",
                     row, input.columns[column], format_shape(*cell_shape), format_shape(shape));
        }
    }
    tensor.shape = {static_cast<std::int64_t>(input.row_count)};
    bool scalars = !cell_shape || cell_shape->empty();
    bool flat = spec.shape && spec.shape->size() == 1;
    // A column by itself is [rows] to MLflow; models converted from scikit-learn want [rows, 1].
    bool wants_matrix = spec.shape && spec.shape->size() == 2 && (*spec.shape)[1] <= 1;
    if (columns.size() > 1 || (scalars && (one_each ? wants_matrix : !flat)))
        tensor.shape.push_back(static_cast<std::int64_t>(columns.size()));
    if (!scalars) tensor.shape.insert(tensor.shape.end(), cell_shape->begin(), cell_shape->end());
    return tensor;
}

std::vector<Tensor> from_table(const ScoringInput& input, const std::vector<TensorSpec>& specs,
                               const std::vector<std::string>& signature_columns) {
    std::vector<Tensor> tensors;
    if (specs.size() == 1 && input.kind == ScoringInput::Kind::table) {
        std::vector<std::size_t> columns;
        if (signature_columns.empty())
            for (std::size_t i = 0; i < input.columns.size(); ++i) columns.push_back(i);
        for (const auto& name : signature_columns)
            columns.push_back(column_index(input, name, "the model's signature"));
        tensors.push_back(from_columns(input, specs[0], columns, false));
        return tensors;
    }
    for (const auto& spec : specs)
        tensors.push_back(from_columns(
            input, spec, {column_index(input, spec.name, "the model's inputs")}, true));
    return tensors;
}

Tensor from_value(const TensorSpec& spec, std::string_view value) {
    Tensor tensor;
    tensor.name = spec.name;
    tensor.type = spec.type;
    JsonCursor cursor(value);
    tensor.shape = parse_values(cursor, tensor);
    return tensor;
}

std::string_view mlflow_code(ErrorCode code) {
    switch (code) {
        case ErrorCode::invalid_argument:
        case ErrorCode::failed_precondition:
        case ErrorCode::out_of_range:
        case ErrorCode::unimplemented:
            return "BAD_REQUEST";
        case ErrorCode::not_found:
            return "RESOURCE_DOES_NOT_EXIST";
        case ErrorCode::unauthenticated:
            return "UNAUTHENTICATED";
        case ErrorCode::permission_denied:
            return "PERMISSION_DENIED";
        case ErrorCode::resource_exhausted:
            return "REQUEST_LIMIT_EXCEEDED";
        case ErrorCode::unavailable:
        case ErrorCode::deadline_exceeded:
            return "TEMPORARILY_UNAVAILABLE";
        default:
            return "INTERNAL_ERROR";
    }
}

unsigned scoring_status(ErrorCode code) {
    switch (code) {
        case ErrorCode::invalid_argument:
        case ErrorCode::failed_precondition:
        case ErrorCode::out_of_range:
            return 400;
        case ErrorCode::unimplemented:
            return 415;
        case ErrorCode::unauthenticated:
            return 401;
        case ErrorCode::permission_denied:
            return 403;
        case ErrorCode::not_found:
            return 404;
        case ErrorCode::resource_exhausted:
            return 429;
        case ErrorCode::unavailable:
            return 503;
        case ErrorCode::deadline_exceeded:
            return 504;
        default:
            return 500;
    }
}

/// A table's answer: every output flattened to a column, as MLflow's DataFrame of outputs.
void append_records(std::string& out, const Prediction& prediction) {
    std::vector<std::pair<std::string_view, std::size_t>> lengths;
    for (const auto& tensor : prediction.tensors)
        lengths.emplace_back(tensor.name,
                             static_cast<std::size_t>(element_count(tensor.name, tensor.shape)));
    for (const auto& [name, elements] : prediction.lists)
        lengths.emplace_back(name, elements.size());
    std::size_t rows = lengths.empty() ? 0 : lengths[0].second;
    for (auto [name, length] : lengths)
        if (length != rows)
            fail(ErrorCode::invalid_argument,
                 "the outputs have different lengths ({}: {}, {}: {}), so they are no table: send "
                 "the "
                 "request as \"inputs\" to get them as tensors",
                 lengths[0].first, rows, name, length);
    std::vector<std::string> keys;
    for (auto [name, length] : lengths) keys.push_back(json_string(name) + ":");
    out += '[';
    for (std::size_t row = 0; row < rows; ++row) {
        out += row > 0 ? ",{" : "{";
        std::size_t key = 0;
        for (const auto& tensor : prediction.tensors) {
            if (key > 0) out += ',';
            out += keys[key++];
            append_element(out, tensor, row);
        }
        for (const auto& [name, elements] : prediction.lists) {
            if (key > 0) out += ',';
            out += keys[key++] + elements[row];
        }
        out += '}';
    }
    out += ']';
}

void append_outputs(std::string& out, const Prediction& prediction) {
    out += '{';
    bool first = true;
    auto key = [&](std::string_view name) {
        if (!first) out += ',';
        first = false;
        append_json_string(out, name);
        out += ':';
    };
    for (const auto& tensor : prediction.tensors) {
        key(tensor.name);
        append_nested(out, tensor);
    }
    for (const auto& [name, elements] : prediction.lists) {
        key(name);
        fmt::format_to(std::back_inserter(out), "[{}]", fmt::join(elements, ","));
    }
    out += '}';
}

}  // namespace

ScoringInput parse_scoring(std::string_view body, std::string_view content_type) {
    auto type = trim(content_type.substr(0, content_type.find(';')));
    if (type == "application/json" || type.empty()) return parse_json(body);
    if (type == "text/csv") {
        ScoringInput input;
        input.kind = ScoringInput::Kind::table;
        input.csv = true;
        auto table = parse_csv(body);
        input.columns = std::move(table.columns);
        input.cells = std::move(table.cells);
        input.row_count = table.row_count;
        return input;
    }
    fail(ErrorCode::unimplemented,
         "expected the content type application/json or text/csv, got \"{}\"", content_type);
}

std::vector<Tensor> scoring_tensors(const ScoringInput& input, const std::vector<TensorSpec>& specs,
                                    const std::vector<std::string>& signature_columns) {
    using Kind = ScoringInput::Kind;
    if (input.kind == Kind::table || input.kind == Kind::stacked)
        return from_table(input, specs, signature_columns);
    std::vector<Tensor> tensors;
    if (input.kind == Kind::single) {
        if (specs.size() != 1)
            fail(ErrorCode::invalid_argument,
                 "the model has {} inputs ({}): send \"inputs\" as an object with a value for each",
                 specs.size(), fmt::join(input_names(specs), ", "));
        tensors.push_back(from_value(specs[0], input.values[0].second));
        return tensors;
    }
    for (const auto& [name, value] : input.values) {
        auto spec =
            std::find_if(specs.begin(), specs.end(), [&](auto& s) { return s.name == name; });
        if (spec == specs.end())
            fail(ErrorCode::invalid_argument, "the model has no input \"{}\"; its inputs are {}",
                 name, fmt::join(input_names(specs), ", "));
        tensors.push_back(from_value(*spec, value));
    }
    return tensors;
}

net::Response write_predictions(const ScoringInput& input, const Prediction& prediction) {
    std::string out = "{\"predictions\":";
    if (input.kind == ScoringInput::Kind::table)
        append_records(out, prediction);
    else
        append_outputs(out, prediction);
    out += '}';
    return net::Response::json(std::move(out));
}

net::Response write_scoring_error(const Error& error) {
    return net::Response::json("{\"error_code\":" + json_string(mlflow_code(error.code())) +
                                   ",\"message\":" + json_string(error.message()) + "}",
                               scoring_status(error.code()));
}

}  // namespace maru::serving
