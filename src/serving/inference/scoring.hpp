#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "net/http.hpp"
#include "serving/inference/model.hpp"

namespace maru::serving {

/// What MLflow's POST /invocations was given, its values still as text of the body.
///
/// Lifetime: not longer than the body.
struct ScoringInput {
    enum class Kind {
        table,    // dataframe_split, dataframe_records, CSV: rows of named columns
        stacked,  // instances of objects: like a table, answered like tensors
        named,    // inputs as an object: a value for each name
        single,   // inputs or instances as an array: one value
    };
    Kind kind = Kind::single;
    std::vector<std::string> columns;
    std::size_t row_count = 0;
    std::vector<std::string_view> cells;  // row by row
    bool csv = false;                     // cells are CSV text rather than JSON
    std::vector<std::pair<std::string, std::string_view>>
        values;  // named: all; single: one without a name
};

/// Parses a request by its content type. Throws invalid_argument, or unimplemented for a type that
/// isn't JSON or CSV.
ScoringInput parse_scoring(std::string_view body, std::string_view content_type);

/// Makes the model's input tensors, as MLflow's onnx flavour maps them: the columns of a table
/// become the one input, or each the input of its name. `signature_columns` (may be empty): the
/// order and the set of columns that the model's signature asks for. Values are parsed straight
/// into the input's data type.
std::vector<Tensor> scoring_tensors(const ScoringInput& input, const std::vector<TensorSpec>& specs,
                                    const std::vector<std::string>& signature_columns);

/// {"predictions": ...}: for a table a list of records, an output a column; else an object of
/// outputs.
net::Response write_predictions(const ScoringInput& input, const Prediction& prediction);

/// {"error_code": ..., "message": ...}, as MLflow's scoring server answers.
net::Response write_scoring_error(const Error& error);

}  // namespace maru::serving
