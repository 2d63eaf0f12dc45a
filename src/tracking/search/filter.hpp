#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tracking/search/comparison_reader.hpp"

/// MLflow's search language: comparisons joined by AND, and the fields to order by.
namespace maru::tracking::search {

enum class Subject { attribute, metric, parameter, tag, dataset };

/// One comparison: `metrics.loss < 0.1`.
struct Comparison {
    Subject subject = Subject::attribute;
    std::string key;  // of an attribute: its canonical name
    Comparator comparator = Comparator::equal;
    Literal value;
};

struct Order {
    Subject subject = Subject::attribute;
    std::string key;
    bool ascending = true;
    bool operator==(const Order&) const = default;
};

/// What one kind of resource can be searched by.
struct Grammar {
    struct Attribute {
        std::string canonical;
        bool numeric = false;
        bool lists = false;  // takes IN and NOT IN
        bool filterable = true, orderable = true;
    };
    std::map<std::string, Attribute, std::less<>> attributes;  // with their aliases
    bool metrics = false, parameters = false, tags = false, datasets = false;
    bool tags_null = false;  // IS NULL and IS NOT NULL of tags (and parameters)
};

const Grammar& runs_grammar();
const Grammar& experiments_grammar();
const Grammar& logged_models_grammar();
const Grammar& registered_models_grammar();
const Grammar& model_versions_grammar();

/// Pure. Throws invalid_argument that says which part is wrong and what would be right, in MLflow's
/// words where it has some. An empty filter has no comparisons. Example: filter_test.cpp.
std::vector<Comparison> parse_filter(std::string_view filter, const Grammar& grammar);
/// Parses "metrics.`val acc` DESC".
Order parse_order(std::string_view clause, const Grammar& grammar);

}  // namespace maru::tracking::search
