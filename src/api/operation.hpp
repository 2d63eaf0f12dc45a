#pragma once

#include <boost/describe/enum.hpp>
#include <string_view>

#include "base/json.hpp"
#include "net/http.hpp"

namespace maru::api {

enum class Method { get, post, put, patch, delete_ };
std::string_view to_string(Method method);

/// What a caller must be allowed to do. identity/roles.cpp says which role of a project grants
/// which; a test lists any that no role grants.
enum class Permission {
    anyone,      // without signing in
    signed_in,   // any user, about themselves or over their own projects
    administer,  // the platform's administrators
    project_read,
    project_administer,  // members, settings, deletion; the owners
    audit_read,
    jobs_read,
    jobs_write,
    code_write,
    environments_read,
    environments_write,
    tracking_read,
    tracking_write,
    models_read,
    models_write,
    endpoints_read,
    endpoints_write,
    endpoints_predict,
};
BOOST_DESCRIBE_ENUM(Permission, anyone, signed_in, administer, project_read, project_administer,
                    audit_read, jobs_read, jobs_write, code_write, environments_read,
                    environments_write, tracking_read, tracking_write, models_read, models_write,
                    endpoints_read, endpoints_write, endpoints_predict)

/// An answer that is not JSON made from a struct: the handler returns a net::Response itself.
struct Raw {};
/// An operation without parameters, or with nothing to answer ({}).
struct Nothing {};
BOOST_DESCRIBE_STRUCT(Nothing, (), ())

enum class BodyKind { json, bytes };

/// One operation of the API, declared once; from it come dispatch, validation, the permission
/// guard, the OpenAPI document and the typed calls of the CLI.
///
/// Request's fields are filled from the path's {names}, then from the query (GET and DELETE) or the
/// JSON body. A path with {project} is about that project: the guard checks the caller's role in
/// it.
template <class Request_, class Response_>
struct Operation {
    using Request = Request_;
    using Response = Response_;
    std::string_view id;  // "jobs.create": capability, dot, verb
    Method method;
    std::string_view path;     // below /api/v1
    std::string_view summary;  // "Queue a job"
    Permission permission;
    BodyKind body = BodyKind::json;    // bytes: the handler reads them from Context::request
    std::string_view media_type = "";  // of a Raw answer, for the document
    bool audited = true;  // only mutations are; false where a run's own history is the record
};

/// A page of a list.
template <class T>
struct Page {
    std::vector<T> items;
    std::optional<std::string> next_page_token;
    BOOST_DESCRIBE_CLASS(Page, (), (items, next_page_token), (), ())
};

}  // namespace maru::api
