#include "api/openapi.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <map>

#include "base/json.hpp"
#include "base/log.hpp"
#include "base/text.hpp"

namespace maru::api {
namespace {

namespace json = boost::json;
using reflection::Kind;
using reflection::Type;

/// Collects the schemas of all named types that operations mention.
class Schemas {
  public:
    json::object schema_of(const Type& type) {
        switch (type.kind) {
            case Kind::boolean:
                return {{"type", "boolean"}};
            case Kind::integer:
                return {{"type", "integer"},
                        {"format", type.integer_max > 0x7fffffff ? "int64" : "int32"}};
            case Kind::number:
                return {{"type", "number"}, {"format", "double"}};
            case Kind::string:
                return {{"type", "string"}};
            case Kind::time:
                return {{"type", "string"}, {"format", "date-time"}};
            case Kind::json:
                return {};
            case Kind::enumeration: {
                json::array names;
                for (auto name : type.enumerators)
                    names.emplace_back(json::string(name.data(), name.size()));
                return {{"type", "string"}, {"enum", std::move(names)}};
            }
            case Kind::list:
                return {{"type", "array"}, {"items", schema_of(type.element())}};
            case Kind::map:
                return {{"type", "object"}, {"additionalProperties", schema_of(type.element())}};
            case Kind::optional:
                return {{"anyOf",
                         json::array{schema_of(type.element()), json::object{{"type", "null"}}}}};
            case Kind::object:
                name(type);
                return {{"$ref", "#/components/schemas/" + type.name}};
        }
        return {};
    }

    /// The schema of a request's body: its fields less those that stand in the path.
    json::object body_of(const Type& type, const std::string& path) {
        return object_schema(
            type, [&](const reflection::Field& field) { return !in_path(field, path); },
            [](const reflection::Field& field) { return field.required; });
    }

    static bool in_path(const reflection::Field& field, const std::string& path) {
        return path.find("{" + std::string(field.name) + "}") != std::string::npos;
    }

    const std::map<std::string, json::object>& named() const { return named_; }

  private:
    void name(const Type& type) {
        auto [known, added] = types_.try_emplace(type.name, &type);
        if (!added) {
            if (known->second != &type)
                log::warning("two types of the API are named {}", type.name);
            return;
        }
        named_[type.name] = object_schema(
            type, [](const reflection::Field&) { return true; },
            [](const reflection::Field&) { return true; });
    }

    template <class Included, class Required>
    json::object object_schema(const Type& type, Included included, Required is_required) {
        json::object properties;
        json::array required;
        for (const auto& field : type.fields) {
            if (!included(field)) continue;
            json::string key(field.name.data(), field.name.size());
            properties[key] = schema_of(field.type());
            if (is_required(field)) required.emplace_back(key);
        }
        json::object schema{{"type", "object"}, {"properties", std::move(properties)}};
        if (!required.empty()) schema["required"] = std::move(required);
        return schema;
    }

    std::map<std::string, const Type*> types_;
    std::map<std::string, json::object> named_;
};

json::object describe(const DocumentedOperation& operation, Schemas& schemas) {
    json::array parameters;
    bool has_json_body =
        operation.method != "GET" && operation.method != "DELETE" && !operation.bytes_body;
    bool any_body_field = false;
    for (const auto& field : operation.request_type->fields) {
        bool in_path = Schemas::in_path(field, operation.path);
        any_body_field = any_body_field || !in_path;
        if (!in_path && has_json_body) continue;
        parameters.push_back(json::object{{"name", std::string(field.name)},
                                          {"in", in_path ? "path" : "query"},
                                          {"required", in_path || field.required},
                                          {"schema", schemas.schema_of(field.type())}});
    }
    json::object described{{"operationId", operation.id},
                           {"summary", operation.summary},
                           {"tags", json::array{operation.id.substr(0, operation.id.find('.'))}},
                           {"x-permission", operation.permission}};
    if (!parameters.empty()) described["parameters"] = std::move(parameters);
    if (operation.bytes_body) {
        described["requestBody"] =
            json::object{{"required", true},
                         {"content", json::object{{"application/octet-stream", json::object{}}}}};
    } else if (has_json_body && any_body_field) {
        described["requestBody"] = json::object{
            {"required", true},
            {"content",
             json::object{{"application/json",
                           json::object{{"schema", schemas.body_of(*operation.request_type,
                                                                   operation.path)}}}}}};
    }
    json::object content;
    if (operation.response_type != nullptr)
        content["application/json"] =
            json::object{{"schema", schemas.schema_of(*operation.response_type)}};
    else
        content[operation.media_type.empty() ? "application/octet-stream" : operation.media_type] =
            json::object{};
    described["responses"] = json::object{
        {"200",
         json::object{{"description", "What was asked for"}, {"content", std::move(content)}}},
        {"default", json::object{{"$ref", "#/components/responses/Error"}}}};
    return described;
}

json::value error_component() {
    return json::parse(
        R"({"Error":{"description":"What is wrong, and what would be right","content":{"application/json":
        {"schema":{"type":"object","required":["error"],"properties":{"error":{"type":"object",
        "required":["code","message","details","request_id"],"properties":{"code":{"type":"string"},
        "message":{"type":"string"},"details":{"type":"array","items":{"type":"object","required":["field","message"],
        "properties":{"field":{"type":"string"},"message":{"type":"string"}}}},"request_id":{"type":"string"}}}}}}}}})");
}

}  // namespace

std::string write_openapi(const std::vector<DocumentedOperation>& operations) {
    Schemas schemas;
    std::map<std::string, json::object> paths;
    for (const auto& operation : operations)
        paths[operation.path][to_lower(operation.method)] = describe(operation, schemas);
    json::object path_items, named;
    for (auto& [path, item] : paths) path_items[path] = item;
    for (const auto& [name, schema] : schemas.named()) named[name] = schema;
    json::object document{
        {"openapi", "3.1.0"},
        {"info", json::object{{"title", "maru"}, {"version", MARU_VERSION}}},
        {"paths", std::move(path_items)},
        {"components",
         json::object{
             {"schemas", std::move(named)},
             {"responses", error_component()},
             {"securitySchemes",
              json::object{{"token", json::object{{"type", "http"}, {"scheme", "bearer"}}}}}}},
        {"security", json::array{json::object{{"token", json::array{}}}}}};
    return json::serialize(document);
}

}  // namespace maru::api
