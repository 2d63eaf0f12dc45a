#pragma once

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <boost/describe/enumerators.hpp>
#include <boost/describe/members.hpp>
#include <boost/mp11/algorithm.hpp>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/time.hpp"

namespace maru {

/// A piece of JSON that is passed through as it came: any value, as its text. Empty means null.
struct Json {
    std::string text;
    bool operator==(const Json&) const = default;
};

}  // namespace maru

/// A run-time description of plain structs, made from Boost.Describe, so that JSON reading and
/// writing, query parameters, validation and OpenAPI schemas are one piece of ordinary code each
/// instead of templates in every file that uses them.
///
/// A struct takes part with BOOST_DESCRIBE_STRUCT(T, (), (fields...)); fields that a request must
/// name are listed with MARU_REQUIRED(T, "a", "b"), all others keep the struct's own initial value
/// when absent. An enumeration takes part with BOOST_DESCRIBE_ENUM; its enumerators are spelled as
/// on the wire. Example: json_test.cpp.
namespace maru::reflection {

enum class Kind {
    boolean,
    integer,
    number,
    string,
    time,
    json,
    object,
    list,
    map,
    optional,
    enumeration
};

struct Type;

struct Field {
    std::string_view name;
    const Type& (*type)();
    void* (*get)(void* object);
    bool required;
};

struct Type {
    Kind kind;
    std::string name{};  // of an object or enumeration, else empty
    std::int64_t integer_min = 0, integer_max = 0;
    std::span<const Field> fields{};     // object
    const Type& (*element)() = nullptr;  // list, map, optional
    std::span<const std::string_view> enumerators{};

    // Access to a value of this type, by kind.
    std::int64_t (*get_integer)(const void*) =
        nullptr;  // integer; enumeration: index into enumerators
    void (*set_integer)(void*, std::int64_t) = nullptr;
    std::size_t (*size)(const void*) = nullptr;             // list, map
    const void* (*at)(const void*, std::size_t) = nullptr;  // list
    void* (*append)(void*) = nullptr;                       // list
    void (*clear)(void*) = nullptr;                         // list, map, optional
    void (*each)(const void*, void (*)(void*, std::string_view, const void*),
                 void*) = nullptr;                       // map
    void* (*insert)(void*, std::string_view) = nullptr;  // map
    const void* (*value)(const void*) = nullptr;         // optional: null when empty
    void* (*emplace)(void*) = nullptr;                   // optional
};

template <class T>
const Type& type_of();

namespace detail {

template <class T>
struct is_vector : std::false_type {};
template <class E>
struct is_vector<std::vector<E>> : std::true_type {};
template <class T>
struct is_optional : std::false_type {};
template <class E>
struct is_optional<std::optional<E>> : std::true_type {};
template <class T>
struct is_string_map : std::false_type {};
template <class E>
struct is_string_map<std::map<std::string, E>> : std::true_type {};

template <class T>
concept has_required = requires { maru_required_fields(static_cast<const T*>(nullptr)); };

template <class T>
bool is_required(std::string_view name) {
    if constexpr (has_required<T>) {
        for (std::string_view required : maru_required_fields(static_cast<const T*>(nullptr)))
            if (required == name) return true;
    }
    return false;
}

/// A type's name without namespaces; Page<Job> is "JobPage".
template <class T>
std::string type_name() {
    // __PRETTY_FUNCTION__ ends with "[T = maru::jobs::Job]" under clang, "[with T = ...; ...]"
    // under GCC.
    std::string_view text = __PRETTY_FUNCTION__;
    auto from = text.find("T = ") + 4;
    text = text.substr(from, text.find_first_of(";]", from) - from);
    auto last_part = [](std::string_view name) {
        auto colon = name.rfind("::");
        return std::string(colon == std::string_view::npos ? name : name.substr(colon + 2));
    };
    auto open = text.find('<');
    if (open == std::string_view::npos) return last_part(text);
    return last_part(text.substr(open + 1, text.rfind('>') - open - 1)) +
           last_part(text.substr(0, open));
}

template <class T>
std::span<const Field> fields_of() {
    using Members = boost::describe::describe_members<T, boost::describe::mod_public>;
    static const auto fields = [] {
        std::vector<Field> list;
        boost::mp11::mp_for_each<Members>([&]<class D>(D) {
            using M = std::remove_reference_t<decltype(std::declval<T&>().*D::pointer)>;
            list.push_back(
                {D::name, &type_of<M>,
                 [](void* object) -> void* { return &(static_cast<T*>(object)->*D::pointer); },
                 is_required<T>(D::name)});
        });
        return list;
    }();
    return fields;
}

template <class T>
std::span<const std::string_view> enumerators_of() {
    static const auto names = [] {
        std::vector<std::string_view> list;
        boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>(
            [&](auto enumerator) { list.push_back(enumerator.name); });
        return list;
    }();
    return names;
}

template <class T>
Type make_type() {
    if constexpr (std::same_as<T, bool>) {
        return {.kind = Kind::boolean};
    } else if constexpr (std::integral<T>) {
        return {
            .kind = Kind::integer,
            .integer_min = static_cast<std::int64_t>(std::numeric_limits<T>::min()),
            .integer_max = static_cast<std::int64_t>(std::numeric_limits<T>::max()),
            .get_integer =
                [](const void* p) { return static_cast<std::int64_t>(*static_cast<const T*>(p)); },
            .set_integer = [](void* p,
                              std::int64_t v) { *static_cast<T*>(p) = static_cast<T>(v); }};
    } else if constexpr (std::same_as<T, double>) {
        return {.kind = Kind::number};
    } else if constexpr (std::same_as<T, std::string>) {
        return {.kind = Kind::string};
    } else if constexpr (std::same_as<T, Time>) {
        return {.kind = Kind::time};
    } else if constexpr (std::same_as<T, Json>) {
        return {.kind = Kind::json};
    } else if constexpr (is_vector<T>::value) {
        using E = typename T::value_type;
        static_assert(!std::same_as<E, bool>, "std::vector<bool> has no addressable elements");
        return {.kind = Kind::list,
                .element = &type_of<E>,
                .size = [](const void* p) { return static_cast<const T*>(p)->size(); },
                .at = [](const void* p, std::size_t i) -> const void* {
                    return &(*static_cast<const T*>(p))[i];
                },
                .append = [](void* p) -> void* { return &static_cast<T*>(p)->emplace_back(); },
                .clear = [](void* p) { static_cast<T*>(p)->clear(); }};
    } else if constexpr (is_string_map<T>::value) {
        return {.kind = Kind::map,
                .element = &type_of<typename T::mapped_type>,
                .size = [](const void* p) { return static_cast<const T*>(p)->size(); },
                .clear = [](void* p) { static_cast<T*>(p)->clear(); },
                .each =
                    [](const void* p, void (*visit)(void*, std::string_view, const void*),
                       void* state) {
                        for (const auto& [key, value] : *static_cast<const T*>(p))
                            visit(state, key, &value);
                    },
                .insert = [](void* p, std::string_view key) -> void* {
                    return &(*static_cast<T*>(p))[std::string(key)];
                }};
    } else if constexpr (is_optional<T>::value) {
        return {.kind = Kind::optional,
                .element = &type_of<typename T::value_type>,
                .clear = [](void* p) { static_cast<T*>(p)->reset(); },
                .value = [](const void* p) -> const void* {
                    const auto& held = *static_cast<const T*>(p);
                    return held ? &*held : nullptr;
                },
                .emplace = [](void* p) -> void* { return &static_cast<T*>(p)->emplace(); }};
    } else if constexpr (std::is_enum_v<T>) {
        return {
            .kind = Kind::enumeration,
            .name = type_name<T>(),
            .enumerators = enumerators_of<T>(),
            .get_integer = [](const void* p) -> std::int64_t {
                std::int64_t found = 0, index = 0;
                boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>([&](auto e) {
                    if (e.value == *static_cast<const T*>(p)) found = index;
                    ++index;
                });
                return found;
            },
            .set_integer =
                [](void* p, std::int64_t wanted) {
                    std::int64_t index = 0;
                    boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>([&](auto e) {
                        if (index++ == wanted) *static_cast<T*>(p) = e.value;
                    });
                }};
    } else {
        return {.kind = Kind::object, .name = type_name<T>(), .fields = fields_of<T>()};
    }
}

}  // namespace detail

template <class T>
const Type& type_of() {
    static const Type type = detail::make_type<T>();
    return type;
}

}  // namespace maru::reflection

/// Lists the fields of a request that must be there. Stands in T's namespace, beside
/// BOOST_DESCRIBE_STRUCT.
#define MARU_REQUIRED(T, ...)                                                    \
    inline const std::vector<std::string_view>& maru_required_fields(const T*) { \
        static const std::vector<std::string_view> names{__VA_ARGS__};           \
        return names;                                                            \
    }

namespace maru {

/// An enumerator's name as on the wire.
template <class E>
    requires std::is_enum_v<E>
std::string_view enum_name(E value) {
    const auto& type = reflection::type_of<E>();
    return type.enumerators[static_cast<std::size_t>(type.get_integer(&value))];
}

/// The enumerator with that name, if any.
template <class E>
    requires std::is_enum_v<E>
std::optional<E> enum_from(std::string_view name) {
    const auto& type = reflection::type_of<E>();
    for (std::size_t i = 0; i < type.enumerators.size(); ++i) {
        if (type.enumerators[i] == name) {
            E value{};
            type.set_integer(&value, static_cast<std::int64_t>(i));
            return value;
        }
    }
    return std::nullopt;
}

}  // namespace maru
