#include "api/api.hpp"

#include <gtest/gtest.h>

#include "api/route_tree.hpp"

namespace maru::api {

namespace api_test {
struct Add {
    std::string project;
    std::int64_t a = 0, b = 0;
    std::optional<std::string> note;
};
BOOST_DESCRIBE_STRUCT(Add, (), (project, a, b, note))
MARU_REQUIRED(Add, "a")
struct Sum {
    std::int64_t sum = 0;
    std::string by;
};
BOOST_DESCRIBE_STRUCT(Sum, (), (sum, by))

constexpr Operation<Add, Sum> add{.id = "sums.add",
                                  .method = Method::post,
                                  .path = "/projects/{project}/sums",
                                  .summary = "Add two numbers",
                                  .permission = Permission::jobs_write};
constexpr Operation<Add, Page<Sum>> list{.id = "sums.list",
                                         .method = Method::get,
                                         .path = "/projects/{project}/sums",
                                         .summary = "List sums",
                                         .permission = Permission::jobs_read};

class FakeGuard final : public Guard {
  public:
    Context admit(const net::RequestHead& head, Permission permission,
                  std::optional<std::string_view> project) override {
        if (head.headers.get("Authorization").empty()) fail(ErrorCode::unauthenticated, "sign in");
        last_permission = permission;
        Context context;
        context.user = "ann";
        context.project = ProjectRef{"id", 1, std::string(project.value_or("default"))};
        return context;
    }
    net::Response audited(AuditRecord record, const std::function<net::Response()>& call) override {
        audit.push_back(record);
        return call();
    }
    Permission last_permission{};
    std::vector<AuditRecord> audit;
};
}  // namespace api_test

class ApiTest : public testing::Test {
  protected:
    ApiTest() {
        api_.handle(api_test::add, [](const Context& context, const api_test::Add& request) {
            return api_test::Sum{request.a + request.b,
                                 context.user + "@" + context.in_project().name};
        });
        api_.handle(api_test::list, [](const Context&, const api_test::Add& request) {
            return Page<api_test::Sum>{{{request.a, request.project}}, std::nullopt};
        });
        api_.add(ProtocolRoute{
            .id = "echo",
            .method = "GET",
            .path = "/echo/{rest...}",
            .handle = [](const Context& context, net::Request&, const PathParameters& path) {
                return net::Response::text(context.project->name + ":" + path.at("rest"));
            }});
    }
    net::Response send(std::string method, std::string target, std::string body = "",
                       bool signed_in = true) {
        net::Request request;
        request.method = std::move(method);
        request.target = std::move(target);
        request.path = request.target.substr(0, request.target.find('?'));
        if (auto mark = request.target.find('?'); mark != std::string::npos)
            for (auto pair : split(std::string_view(request.target).substr(mark + 1), '&')) {
                auto equals = pair.find('=');
                request.query.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
            }
        request.body = std::move(body);
        if (signed_in) request.headers.set("Authorization", "Bearer x");
        auto route = api_.route(request);
        if (!route) return net::Response::text("none", 404);
        net::Response response;
        if (route->kind == net::Route::Kind::direct)
            route->handle_direct(request,
                                 [&](net::Response answer) { response = std::move(answer); });
        else
            response = route->handle(request);
        return response;
    }
    static std::string body(const net::Response& response) {
        return std::get<std::string>(response.body);
    }

    api_test::FakeGuard guard_;
    SystemClock clock_;
    Api api_{guard_, clock_};
};

TEST_F(ApiTest, fills_a_request_from_path_and_body) {
    auto response = send("POST", "/api/v1/projects/digits/sums", R"({"a":1,"b":2})");
    EXPECT_EQ(response.status, 200u);
    EXPECT_EQ(body(response), R"({"sum":3,"by":"ann@digits"})");
    ASSERT_EQ(guard_.audit.size(), 1u);
    EXPECT_EQ(guard_.audit[0].operation, "sums.add");
    EXPECT_EQ(guard_.last_permission, Permission::jobs_write);
}

TEST_F(ApiTest, fills_a_request_from_the_query) {
    EXPECT_EQ(body(send("GET", "/api/v1/projects/digits/sums?a=4")),
              R"({"items":[{"sum":4,"by":"digits"}],"next_page_token":null})");
    auto wrong = send("GET", "/api/v1/projects/digits/sums?c=4");
    EXPECT_EQ(wrong.status, 400u);
    EXPECT_NE(body(wrong).find("c: is not a parameter"), std::string::npos);
    EXPECT_TRUE(guard_.audit.empty());
}

TEST_F(ApiTest, says_what_is_wrong) {
    EXPECT_EQ(send("POST", "/api/v1/projects/digits/sums", "{}").status, 400u);
    EXPECT_EQ(send("POST", "/api/v1/projects/digits/sums", "").status, 400u);
    EXPECT_EQ(send("POST", "/api/v1/projects/digits/sums", R"({"a":"x"})").status, 400u);
    EXPECT_EQ(send("POST", "/api/v1/projects/digits/sums", R"({"a":1})", false).status, 401u);
    EXPECT_EQ(send("GET", "/api/v1/nothing").status, 404u);
    EXPECT_EQ(send("DELETE", "/api/v1/projects/digits/sums").status, 405u);
    EXPECT_EQ(send("GET", "/api/v1/projects/%zz/sums").status, 400u);
}

TEST_F(ApiTest, answers_protocols_below_a_project_and_at_the_root) {
    EXPECT_EQ(body(send("GET", "/p/digits/echo/a/b%2Fc")), "digits:a/b/c");
    EXPECT_EQ(body(send("GET", "/echo/a")), "default:a");
    EXPECT_EQ(body(send("GET", "/p/digits/other")), "none");
}

TEST_F(ApiTest, documents_every_operation) {
    auto text = api_.openapi();
    EXPECT_NO_THROW(check_json(text));
    for (const char* part : {R"("operationId":"sums.add")", R"("#/components/schemas/SumPage")",
                             R"("x-permission":"jobs_write")"})
        EXPECT_NE(text.find(part), std::string::npos) << part;
}

TEST(Pages, have_opaque_tokens) {
    EXPECT_EQ(decode_page_token(encode_page_token("a|b")), "a|b");
    EXPECT_THROW(decode_page_token("zzz"), Error);
    EXPECT_THROW(check_page_size(-1), Error);
    EXPECT_EQ(check_page_size(0, 50), 50);
}

}  // namespace maru::api
