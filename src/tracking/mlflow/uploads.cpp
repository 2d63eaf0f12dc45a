#include "tracking/uploads.hpp"

#include "base/crypto.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "tracking/mlflow/routes.hpp"
#include "tracking/validation.hpp"

namespace maru::tracking::mlflow {
namespace {

using api::Context;
using api::PathParameters;
using api::Permission;

constexpr std::int64_t kPartBytesMax = std::int64_t{1} << 40;
constexpr std::chrono::minutes kDownloadLife{15};
constexpr std::string_view kService = "/api/2.0/mlflow-artifacts";

/// Where the caller reached this server, and this project: the client's plain requests go there.
std::string own_url(const Context& context) {
    const net::Request& request = *context.request;
    auto forwarded = request.headers.get("X-Forwarded-Proto");
    bool encrypted = request.encrypted || forwarded == "https";
    return fmt::format("{}://{}/p/{}", encrypted ? "https" : "http", request.headers.get("Host"),
                       percent_encode(context.in_project().name));
}

/// The artifact that an upload is of: the folder in the URL, and the name of the client's file.
std::string artifact_of(const Message& message, const PathParameters& parameters) {
    std::string file = message.required_text("path");
    std::string name = file.substr(file.find_last_of("/\\") + 1);
    std::string path = parameters.find("path")->second + "/" + name;
    check_artifact_path(path);
    return path;
}

net::Response create(Uploads& uploads, const Context& context, const Message& message,
                     const PathParameters& parameters) {
    std::int64_t count = message.integer("num_parts").value_or(1);
    auto started = uploads.start(context.in_project().id, artifact_of(message, parameters), count);
    std::string base = own_url(context);
    JsonWriter writer;
    writer.begin_object().field("upload_id", started.id).key("credentials").begin_list();
    for (std::int64_t number = 1; number <= count; ++number)
        writer.begin_object()
            .field("url", fmt::format("{}{}/mpu/part/{}/{}?secret={}", base, kService, started.id,
                                      number, started.secret))
            .field("part_number", number)
            .key("headers")
            .begin_object()
            .end_object()
            .end_object();
    writer.end_list().end_object();
    return answer(writer);
}

net::Response complete(Uploads& uploads, const Context& context, const Message& message,
                       const PathParameters& parameters) {
    std::vector<UploadedPart> parts;
    message.require("parts");
    for (const auto& part : message.list("parts"))
        parts.push_back({part.required_integer("part_number"), part.text("etag")});
    uploads.complete(context.in_project().id, artifact_of(message, parameters),
                     message.required_text("upload_id"), parts);
    return empty_answer();
}

net::Response abort(Uploads& uploads, const Context& context, const Message& message,
                    const PathParameters& parameters) {
    uploads.abort(context.in_project().id, artifact_of(message, parameters),
                  message.required_text("upload_id"));
    return empty_answer();
}

net::Response write_part(Uploads& uploads, net::Request& request,
                         const PathParameters& parameters) {
    auto number = parse_int(parameters.find("number")->second);
    std::string etag =
        uploads.write_part(parameters.find("upload")->second, number.value_or(0),
                           request.query_value("secret").value_or(""), *request.body_reader);
    net::Response response = empty_answer();
    response.headers.set("ETag", "\"" + etag + "\"");
    return response;
}

/// Signs URLs of downloads. The key is this process's: after a restart clients ask for new ones.
class Signer {
  public:
    std::string sign(std::string_view project_id, std::string_view path, std::int64_t expires) {
        return to_hex(hmac_sha256(key_, fmt::format("{}\n{}\n{}", project_id, expires, path)));
    }

  private:
    std::string key_ = random_bytes(32);
};

net::Response presign(Service& service, Signer& signer, const Context& context,
                      const std::string& path) {
    const auto& project = context.in_project();
    ArtifactFile file = service.find_artifact(project.id, path);
    std::int64_t expires = to_ms(context.now + kDownloadLife);
    JsonWriter writer;
    writer.begin_object()
        .field("url", fmt::format("{}{}/signed/{}?project={}&expires={}&signature={}",
                                  own_url(context), kService, percent_encode(path, "/"), project.id,
                                  expires, signer.sign(project.id, path, expires)))
        .key("headers")
        .begin_object()
        .end_object()
        .field("file_size", file.size_bytes)
        .end_object();
    return answer(writer);
}

net::Response download(Service& service, Signer& signer, const Context& context,
                       const net::Request& request, const std::string& path) {
    std::string project(request.query_value("project").value_or(""));
    auto expires = parse_int(request.query_value("expires").value_or(""));
    bool valid = expires && from_ms(*expires) > context.now &&
                 equal_in_constant_time(signer.sign(project, path, *expires),
                                        request.query_value("signature").value_or(""));
    if (!valid) fail(ErrorCode::permission_denied, "this URL is not valid, or not any more");
    return service.artifact_response(service.find_artifact(project, path));
}

}  // namespace

void add_upload_routes(api::Api& api, Service& service, Uploads& uploads) {
    auto add = [&](std::string_view path, auto handle) {
        add_route(api, {"POST", path, Permission::tracking_write,
                        [&uploads, handle](const Context& context, const Message& message,
                                           const PathParameters& parameters) {
                            return handle(uploads, context, message, parameters);
                        }});
    };
    add("/mlflow-artifacts/mpu/create/{path...}", create);
    add("/mlflow-artifacts/mpu/complete/{path...}", complete);
    add("/mlflow-artifacts/mpu/abort/{path...}", abort);
    // Whoever has the URL may send the part: the client's plain PUT has no token.
    api.add(
        {.id = "mlflow-artifacts.mpu.part",
         .method = "PUT",
         .path = std::string(kService) + "/mpu/part/{upload}/{number}",
         .permission = Permission::anyone,
         .kind = net::Route::Kind::streaming,
         .body_bytes_max = kPartBytesMax,
         .handle =
             [&uploads](const Context&, net::Request& request, const PathParameters& parameters) {
                 return write_part(uploads, request, parameters);
             },
         .write_error = write_error});
    auto signer = std::make_shared<Signer>();
    add_route(api, {"GET", "/mlflow-artifacts/presigned/{path...}", Permission::tracking_read,
                    [&service, signer](const Context& context, const Message&,
                                       const PathParameters& parameters) {
                        return presign(service, *signer, context, parameters.find("path")->second);
                    }});
    api.add({.id = "mlflow-artifacts.signed",
             .method = "GET",
             .path = std::string(kService) + "/signed/{path...}",
             .permission = Permission::anyone,
             .handle =
                 [&service, signer](const Context& context, net::Request& request,
                                    const PathParameters& parameters) {
                     return download(service, *signer, context, request,
                                     parameters.find("path")->second);
                 },
             .write_error = write_error});
}

}  // namespace maru::tracking::mlflow
