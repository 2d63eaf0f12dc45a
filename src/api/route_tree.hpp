#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/api.hpp"
#include "base/text.hpp"

namespace maru::api {

/// The segments of a request's path, each decoded, so that an encoded '/' stays inside its segment.
/// Throws invalid_argument on a broken escape.
std::vector<std::string> path_segments(std::string_view target);

/// Finds what a path and a method belong to. Patterns consist of literal segments, `{name}` for one
/// segment and
/// `{name...}` for all the rest; literals win over names.
template <class T>
class RouteTree {
  public:
    struct Match {
        const T* found = nullptr;  // null: no such path, or not with this method
        PathParameters parameters;
        std::vector<std::string> allowed_methods;  // of the path, when only the method is wrong
    };

    void add(std::string_view method, std::string_view pattern, T value) {
        Node* node = &root_;
        std::vector<std::string> names;
        for (auto segment : split(pattern.substr(1), '/')) {
            bool named = segment.starts_with('{') && segment.ends_with('}');
            bool rest = named && segment.ends_with("...}");
            if (named) names.emplace_back(segment.substr(1, segment.size() - (rest ? 5 : 2)));
            auto& next = rest    ? node->rest
                         : named ? node->any
                                 : node->literals[std::string(segment)];
            if (!next) next = std::make_unique<Node>();
            node = next.get();
        }
        node->methods.insert_or_assign(std::string(method),
                                       Leaf{std::move(value), std::move(names)});
    }

    Match find(std::string_view method, const std::vector<std::string>& segments,
               std::size_t from = 0) const {
        Match match;
        std::vector<std::string> values;
        search(root_, method, segments, from, values, match);
        return match;
    }

  private:
    struct Leaf {
        T value;
        std::vector<std::string> names;
    };
    struct Node {
        std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
        std::unique_ptr<Node> any, rest;
        std::map<std::string, Leaf, std::less<>> methods;
    };

    static bool accept(const Node& node, std::string_view method,
                       const std::vector<std::string>& values, Match& match) {
        auto leaf = node.methods.find(method);
        if (leaf == node.methods.end() && method == "HEAD") leaf = node.methods.find("GET");
        if (leaf == node.methods.end()) leaf = node.methods.find("*");
        if (leaf == node.methods.end()) {
            for (const auto& [allowed, unused] : node.methods)
                match.allowed_methods.push_back(allowed);
            return false;
        }
        match.found = &leaf->second.value;
        for (std::size_t i = 0; i < values.size(); ++i)
            match.parameters[leaf->second.names[i]] = values[i];
        return true;
    }

    static bool search(const Node& node, std::string_view method,
                       const std::vector<std::string>& segments, std::size_t at,
                       std::vector<std::string>& values, Match& match) {
        if (at == segments.size()) {
            if (!node.methods.empty()) return accept(node, method, values, match);
            return false;
        }
        auto literal = node.literals.find(segments[at]);
        if (literal != node.literals.end() &&
            search(*literal->second, method, segments, at + 1, values, match))
            return true;
        if (node.any && !segments[at].empty()) {
            values.push_back(segments[at]);
            if (search(*node.any, method, segments, at + 1, values, match)) return true;
            values.pop_back();
        }
        if (node.rest) {
            std::string rest = segments[at];
            for (std::size_t i = at + 1; i < segments.size(); ++i) rest += "/" + segments[i];
            values.push_back(std::move(rest));
            if (accept(*node.rest, method, values, match)) return true;
            values.pop_back();
        }
        return false;
    }

    Node root_;
};

}  // namespace maru::api
