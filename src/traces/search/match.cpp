#include "traces/search/match.hpp"

#include <re2/re2.h>

#include <algorithm>

#include "base/error.hpp"

namespace maru::traces::search {
namespace {

RE2::Options options_of(Comparator comparator) {
    RE2::Options options;
    options.set_log_errors(false);
    options.set_dot_nl(comparator != Comparator::rlike);
    options.set_case_sensitive(comparator != Comparator::ilike);
    options.set_max_mem(4 << 20);
    return options;
}

/// A LIKE as a regular expression: '%' is any text, '_' one character.
std::string expression_of_like(std::string_view pattern) {
    bool open_start = pattern.starts_with('%'), open_end = pattern.ends_with('%');
    while (pattern.starts_with('%')) pattern.remove_prefix(1);
    while (pattern.ends_with('%')) pattern.remove_suffix(1);
    std::string expression = open_start ? "" : "\\A";
    std::size_t literal = 0;
    for (std::size_t i = 0; i <= pattern.size(); ++i) {
        if (i < pattern.size() && pattern[i] != '%' && pattern[i] != '_') continue;
        expression += RE2::QuoteMeta(
            re2::StringPiece(pattern.data() + literal, static_cast<std::size_t>(i - literal)));
        if (i < pattern.size()) expression += pattern[i] == '%' ? ".*" : ".";
        literal = i + 1;
    }
    return open_end ? expression : expression + "\\z";
}

bool has_pattern(Comparator comparator) {
    return comparator == Comparator::like || comparator == Comparator::ilike ||
           comparator == Comparator::rlike;
}

/// The text that an attribute is compared by: of a JSON text what it says, else the JSON.
std::string comparable(const spans::Span& span, const std::string& key) {
    if (auto text = span.text(key)) return *text;
    return *span.attribute(key);
}

}  // namespace

struct Matcher::Test {
    Condition condition;
    std::unique_ptr<RE2> expression;

    explicit Test(Condition given) : condition(std::move(given)) {
        if (!has_pattern(condition.comparator)) return;
        const auto& text = std::get<std::string>(condition.value);
        expression = std::make_unique<RE2>(
            condition.comparator == Comparator::rlike ? text : expression_of_like(text),
            options_of(condition.comparator));
        if (!expression->ok())
            fail(ErrorCode::invalid_argument, "Invalid regular expression '{}': {}", text,
                 expression->error());
    }

    bool holds(std::string_view text) const {
        switch (condition.comparator) {
            case Comparator::not_equal:
                return text != std::get<std::string>(condition.value);
            case Comparator::in:
            case Comparator::not_in: {
                const auto& list = std::get<std::vector<std::string>>(condition.value);
                bool found = std::ranges::find(list, text) != list.end();
                return found == (condition.comparator == Comparator::in);
            }
            case Comparator::like:
            case Comparator::ilike:
            case Comparator::rlike:
                return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *expression);
            default:
                return text == std::get<std::string>(condition.value);
        }
    }

    bool holds(const std::map<std::string, std::string>& pairs) const {
        auto found = pairs.find(condition.key);
        return found != pairs.end() && holds(found->second);
    }

    bool holds(const Trace& trace) const {
        switch (condition.subject) {
            case Subject::id:
                return holds(trace.id);
            case Subject::state:
                return holds(enum_name(trace.state));
            case Subject::name:
                return trace.name && holds(*trace.name);
            case Subject::client_request_id:
                return trace.client_request_id && holds(*trace.client_request_id);
            case Subject::run: {
                auto found = trace.metadata.find("mlflow.sourceRun");
                return found != trace.metadata.end() && holds(found->second);
            }
            case Subject::tag:
                return holds(trace.tags);
            case Subject::metadata:
                return holds(trace.metadata);
            case Subject::feedback:
            case Subject::expectation: {
                auto kind = condition.subject == Subject::feedback ? AssessmentKind::feedback
                                                                   : AssessmentKind::expectation;
                return std::ranges::any_of(trace.assessments, [&](const Assessment& assessment) {
                    return assessment.valid && assessment.kind == kind &&
                           assessment.name == condition.key && holds(assessment.value.text);
                });
            }
            default:
                return true;
        }
    }

    bool holds(const spans::Span& span, const std::string& line) const {
        switch (condition.subject) {
            case Subject::span_name:
                return holds(span.name);
            case Subject::span_type:
                return holds(span.type());
            case Subject::span_status:
                return holds(enum_name(span.status));
            case Subject::span_attribute:
                return span.attribute(condition.key) != nullptr &&
                       holds(comparable(span, condition.key));
            default:
                return holds(line);
        }
    }
};

Matcher::Matcher(const std::vector<Condition>& conditions) {
    bool look_into_spans = std::ranges::any_of(conditions, [](const Condition& condition) {
        return is_span(condition.subject) && (condition.subject >= Subject::span_attribute ||
                                              condition.comparator == Comparator::rlike);
    });
    for (const auto& condition : conditions) {
        // All conditions about spans are about the same span: if one must be looked for in it, all
        // must.
        if (is_span(condition.subject) && look_into_spans)
            span_tests_.push_back(std::make_unique<Test>(condition));
        else if (!is_span(condition.subject) && condition.comparator == Comparator::rlike)
            tests_.push_back(std::make_unique<Test>(condition));
    }
}

Matcher::~Matcher() = default;

bool Matcher::is_empty() const {
    return tests_.empty() && span_tests_.empty();
}

bool Matcher::needs_traces() const {
    return !tests_.empty();
}

bool Matcher::matches(const Trace& trace,
                      const std::function<std::vector<std::string>()>& lines) const {
    for (const auto& test : tests_)
        if (!test->holds(trace)) return false;
    return span_tests_.empty() || matches_spans(lines());
}

bool Matcher::matches_spans(const std::vector<std::string>& lines) const {
    bool parse = std::ranges::any_of(span_tests_, [](const auto& test) {
        return test->condition.subject != Subject::span_content;
    });
    for (const auto& line : lines) {
        // The content is what is quickest to look at.
        bool possible = std::ranges::all_of(span_tests_, [&](const auto& test) {
            return test->condition.subject != Subject::span_content || test->holds(line);
        });
        if (!possible) continue;
        if (!parse) return true;
        auto span = spans::from_line(line);
        if (std::ranges::all_of(span_tests_,
                                [&](const auto& test) { return test->holds(span, line); }))
            return true;
    }
    return false;
}

}  // namespace maru::traces::search
