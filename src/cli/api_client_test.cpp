#include "cli/api_client.hpp"

#include <gtest/gtest.h>

#include "compute/operations.hpp"
#include "identity/operations.hpp"

namespace maru::cli {
namespace {

/// Keeps the request and answers with what it was given.
class FakeClient : public ApiClient {
  public:
    explicit FakeClient(std::string url = "http://host:1",
                        net::ClientResponse answer = {200, {}, "{}"})
        : ApiClient(std::move(url), "secret"), answer_(std::move(answer)) {}
    net::ClientRequest last;

  protected:
    net::ClientResponse transfer(const net::ClientRequest& request) override {
        last = request;
        return answer_;
    }

  private:
    net::ClientResponse answer_;
};

TEST(ApiClient, fills_path_and_query_and_leaves_defaults_out) {
    FakeClient client("http://host:1", {200, {}, R"({"items":[],"next_page_token":null})"});
    client.call(compute::list_jobs,
                {.project = "p", .state = "active", .page_token = {}, .page_size = 5});
    EXPECT_EQ(client.last.method, "GET");
    EXPECT_EQ(client.last.target, "/api/v1/projects/p/jobs?state=active&page_size=5");
    EXPECT_EQ(client.last.headers.get("Authorization"), "Bearer secret");
    EXPECT_TRUE(client.last.body.empty());
}

TEST(ApiClient, escapes_what_stands_in_the_path) {
    FakeClient client;
    client.call(compute::get_job, {.project = "p", .id = "a/b c"});
    EXPECT_EQ(client.last.target, "/api/v1/projects/p/jobs/a%2Fb%20c");
    EXPECT_THROW(client.call(compute::get_job, {.project = "p", .id = ""}), Error);
}

TEST(ApiClient, the_body_has_what_is_not_in_the_path) {
    FakeClient client;
    compute::CreateJob request{.project = "p", .name = "n", .command = {"true"}};
    client.call(compute::create_job, request, {.idempotency_key = "k"});
    EXPECT_EQ(client.last.method, "POST");
    EXPECT_EQ(client.last.headers.get("Idempotency-Key"), "k");
    EXPECT_EQ(client.last.headers.get("Content-Type"), "application/json");
    EXPECT_EQ(client.last.body.find("project"), std::string::npos);
    EXPECT_EQ(client.last.body.find("time_limit_s"), std::string::npos)
        << "empty optionals stay away";
    auto read = from_json<compute::CreateJob>(client.last.body);
    EXPECT_EQ(read.name, "n");
    EXPECT_EQ(read.command, request.command);
}

TEST(ApiClient, keeps_the_path_of_its_url) {
    FakeClient client("https://host/maru");
    client.call(compute::get_job, {.project = "p", .id = "x"});
    EXPECT_EQ(client.last.target, "/maru/api/v1/projects/p/jobs/x");
}

TEST(ApiClient, passes_over_fields_of_newer_servers) {
    FakeClient client("http://host:1",
                      {200, {}, R"({"id":"1","name":"p","colour":"blue","role":"owner"})"});
    auto project = client.call(identity::get_project, {.project = "p"});
    EXPECT_EQ(project.role, identity::Role::owner);
}

Error error_of(unsigned status, std::string body) {
    FakeClient client("http://host:1", {status, {}, std::move(body)});
    try {
        client.call(compute::get_job, {.project = "p", .id = "x"});
    } catch (const Error& error) {
        return error;
    }
    return Error(ErrorCode::unknown, "no error");
}

TEST(ApiClient, errors_come_out_as_the_server_wrote_them) {
    auto error = error_of(400, R"({"error":{"code":"failed_precondition","message":"no","details":
        [{"field":"a.b","message":"odd"}],"request_id":"r"}})");
    EXPECT_EQ(error.code(), ErrorCode::failed_precondition);
    EXPECT_EQ(error.message(), "no");
    ASSERT_EQ(error.details().size(), 1u);
    EXPECT_EQ(error.details()[0].field, "a.b");
}

TEST(ApiClient, other_answers_are_classed_by_their_status) {
    EXPECT_EQ(error_of(404, "<html>").code(), ErrorCode::not_found);
    EXPECT_EQ(error_of(502, "").code(), ErrorCode::unavailable);
    auto error = error_of(400, R"({"error_code":"INVALID_PARAMETER_VALUE","message":"bad input"})");
    EXPECT_EQ(error.message(), "bad input");
    FakeClient client("http://host:1", {200, {}, "<html>"});
    EXPECT_THROW(client.call(compute::get_job, {.project = "p", .id = "x"}), Error);
}

}  // namespace
}  // namespace maru::cli
