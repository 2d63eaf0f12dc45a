#include "traces/spans/span.hpp"

#include <algorithm>
#include <boost/json/value.hpp>
#include <tuple>
#include <unordered_map>

#include "base/json.hpp"
#include "traces/spans/json_text.hpp"

namespace maru::traces::spans {

const std::string* Span::attribute(std::string_view key) const {
    for (const auto& item : attributes)
        if (item.key == key) return &item.json;
    return nullptr;
}

std::optional<std::string> Span::text(std::string_view key) const {
    const std::string* found = attribute(key);
    if (found == nullptr || !found->starts_with('"')) return std::nullopt;
    boost::system::error_code error;
    auto value = parse_value(*found, error);
    if (error || !value.is_string()) return std::nullopt;
    return std::string(view(value.get_string()));
}

void Span::set(std::string_view key, std::string json) {
    for (auto& item : attributes)
        if (item.key == key) {
            item.json = std::move(json);
            return;
        }
    attributes.push_back({std::string(key), std::move(json)});
}

std::string Span::type() const {
    return text(kType).value_or("UNKNOWN");
}

namespace {

constexpr std::int64_t kNanosecondsPerMicrosecond = 1000;

std::string name_of_type(const Span& span) {
    return span.type();
}

Json json_of(const std::string* text) {
    if (text == nullptr) return {};
    boost::system::error_code error;
    auto value = parse_dumped(*text, error);
    // What a client wrote without encoding it is shown as it is.
    return {error ? json_string(*text) : dump_strictly(value)};
}

std::map<std::string, Json> decoded(const std::vector<Attribute>& attributes) {
    std::map<std::string, Json> result;
    for (const auto& item : attributes) result.emplace(item.key, json_of(&item.json));
    return result;
}

}  // namespace

TraceSpan to_resource(const Span& span, std::int64_t origin_ns) {
    TraceSpan shown{.id = span.id,
                    .name = span.name,
                    .type = name_of_type(span),
                    .status = span.status,
                    .status_message = span.status_message,
                    .offset_us = (span.started_ns - origin_ns) / kNanosecondsPerMicrosecond,
                    .inputs = json_of(span.attribute(kInputs)),
                    .outputs = json_of(span.attribute(kOutputs)),
                    .attributes = decoded(span.attributes)};
    if (!span.parent_id.empty()) shown.parent_id = span.parent_id;
    if (span.ended_ns != 0)
        shown.duration_us =
            std::max<std::int64_t>(0, span.ended_ns - span.started_ns) / kNanosecondsPerMicrosecond;
    for (std::string_view apart : {kInputs, kOutputs, kType, kRequestId})
        shown.attributes.erase(std::string(apart));
    for (const auto& event : span.events)
        shown.events.push_back({event.name, (event.at_ns - origin_ns) / kNanosecondsPerMicrosecond,
                                decoded(event.attributes)});
    return shown;
}

void sort_as_tree(std::vector<Span>& spans) {
    std::sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) {
        return std::tuple(a.started_ns, std::string_view(a.id)) <
               std::tuple(b.started_ns, std::string_view(b.id));
    });
    std::unordered_map<std::string_view, std::size_t> places;
    for (std::size_t i = 0; i < spans.size(); ++i) places.emplace(spans[i].id, i);
    std::vector<std::vector<std::size_t>> children(spans.size());
    std::vector<std::size_t> stack;
    for (std::size_t i = spans.size(); i-- > 0;) {
        auto parent = places.find(spans[i].parent_id);
        if (parent == places.end() || parent->second == i)
            stack.push_back(i);
        else
            children[parent->second].push_back(i);
    }
    // Spans whose parents form a circle are reached from none of the roots: they come last.
    std::vector<bool> placed(spans.size());
    std::vector<Span> ordered;
    ordered.reserve(spans.size());
    while (!stack.empty()) {
        std::size_t at = stack.back();
        stack.pop_back();
        if (placed[at]) continue;
        placed[at] = true;
        for (std::size_t child : children[at]) stack.push_back(child);
        ordered.push_back(std::move(spans[at]));
    }
    for (std::size_t i = 0; i < spans.size(); ++i)
        if (!placed[i]) ordered.push_back(std::move(spans[i]));
    spans = std::move(ordered);
}

std::map<std::string, double> numbers_of(std::string_view text) {
    boost::system::error_code error;
    auto value = parse_value(text, error);
    std::map<std::string, double> numbers;
    if (error || !value.is_object()) return numbers;
    for (const auto& item : value.get_object()) {
        std::string key(item.key().data(), item.key().size());
        if (item.value().is_double())
            numbers[key] = item.value().get_double();
        else if (item.value().is_int64())
            numbers[key] = static_cast<double>(item.value().get_int64());
    }
    return numbers;
}

std::map<std::string, double> sum_usage(const std::vector<UsageNode>& nodes) {
    std::unordered_map<std::string_view, const UsageNode*> by_id;
    for (const auto& node : nodes) by_id.emplace(node.id, &node);
    // For each span whether it or an ancestor has values; found once.
    std::unordered_map<const UsageNode*, bool> covered;
    std::map<std::string, double> totals;
    for (const auto& node : nodes) {
        std::vector<const UsageNode*> way;
        const UsageNode* at = &node;
        bool above = false;
        while (true) {
            auto parent = by_id.find(at->parent_id);
            if (at->parent_id.empty() || parent == by_id.end() || way.size() > nodes.size()) break;
            at = parent->second;
            if (auto known = covered.find(at); known != covered.end()) {
                above = known->second;
                break;
            }
            way.push_back(at);
        }
        for (auto ancestor = way.rbegin(); ancestor != way.rend(); ++ancestor) {
            above = above || !(*ancestor)->values.empty();
            covered.emplace(*ancestor, above);
        }
        if (!above)
            for (const auto& [key, value] : node.values) totals[key] += value;
    }
    return totals;
}

}  // namespace maru::traces::spans
