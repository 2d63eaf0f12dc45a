#include "tracking/column_names.hpp"

#include <array>
#include <utility>

#include "base/error.hpp"

namespace maru::tracking {

ColumnName parse_column(std::string_view name, std::string_view field) {
    using search::Subject;
    static constexpr std::array<std::pair<std::string_view, Subject>, 4> kSubjects{
        {{"metrics.", Subject::metric},
         {"params.", Subject::parameter},
         {"tags.", Subject::tag},
         {"attributes.", Subject::attribute}}};
    for (const auto& [start, subject] : kSubjects) {
        if (!name.starts_with(start) || name.size() == start.size()) continue;
        std::string key(name.substr(start.size()));
        if (subject == Subject::attribute) {
            const auto& attributes = search::runs_grammar().attributes;
            auto found = attributes.find(key);
            if (found == attributes.end())
                fail_field(field, fmt::format("\"{}\" is no attribute of runs", key));
            key = found->second.canonical;
        }
        return {subject, std::move(key)};
    }
    fail_field(field, fmt::format("\"{}\" is no column; expected metrics.KEY, params.KEY, tags.KEY "
                                  "or attributes.NAME",
                                  name));
}

}  // namespace maru::tracking
