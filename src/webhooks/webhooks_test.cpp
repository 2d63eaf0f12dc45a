#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "models/test_support.hpp"
#include "webhooks/outbox.hpp"
#include "webhooks/schedule.hpp"
#include "webhooks/service.hpp"
#include "webhooks/signature.hpp"

namespace maru::webhooks {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using tracking::error_of;

http::Answer answer(unsigned status) {
    http::Answer made;
    made.status = status;
    return made;
}

/// A registry that tells the webhooks of what happens; nothing is sent.
struct Bed {
    models::TestBed below;
    std::unique_ptr<sql::Database> database;
    std::unique_ptr<Service> service;
    std::unique_ptr<models::Service> models;
    std::string project = below.project;

    Bed() {
        std::vector<sql::Migration> all(tracking::migrations.begin(), tracking::migrations.end());
        all.insert(all.end(), models::migrations.begin(), models::migrations.end());
        all.insert(all.end(), migrations.begin(), migrations.end());
        database = sql::Database::open({.file = below.folder / "webhooks.db"}, all);
        service = std::make_unique<Service>(
            *database, SecretKey::load_or_make(below.folder / "key"), below.clock,
            [](const std::string&) { return std::optional<std::string>("default"); },
            ServiceOptions{});
        models = std::make_unique<models::Service>(
            *database, *below.blobs, *below.tracking, below.clock, models::RoleSource{},
            [this](sql::Connection& connection, const models::RegistryEvent& event) {
                service->on_registry(connection, event);
            });
    }
    ~Bed() {
        models.reset();
        service.reset();
        database.reset();
    }
    Bed(const Bed&) = delete;
    Bed& operator=(const Bed&) = delete;

    Webhook hook(std::vector<std::string> events, std::string secret = "") {
        return service->create(project, {.name = "ci",
                                         .url = "https://ci.example.org/hook",
                                         .secret = std::move(secret),
                                         .events = std::move(events)});
    }
    Webhook hook_of_all() {
        std::vector<std::string> names;
        for (const auto& kind : event_kinds()) names.push_back(kind.name());
        return hook(names);
    }
    /// "event data" of all that waits, the oldest first.
    std::vector<std::string> outbox() {
        return database->read([&](sql::Connection& connection) {
            return connection.all(
                "SELECT event, data FROM webhook_deliveries ORDER BY number", {},
                [](const sql::Row& row) { return row.string(0) + " " + row.string(1); });
        });
    }
    void emit(const std::string& event, const std::string& in) {
        database->write([&](sql::Connection& connection) {
            service->emit(connection, {in, event, R"({"a":1})"});
        });
    }
};

TEST(Signature, IsOfIdTimeAndBody) {
    EXPECT_EQ(sign("whsec-1", "d-1", "1700000000", "{\"a\":\"ü\"}"),
              "v1,PXflNFHq5Nu6EiYl8hwG0IcRtCEs7mcELxpGhly52b4=");
}

TEST(Payload, HasMlflowsForm) {
    EXPECT_EQ(payload(*find_event("model_version_tag.deleted"), from_ms(1'700'000'000'042), "lab",
                      R"({"name":"m"})"),
              R"({"entity":"model_version_tag","action":"deleted",)"
              R"("timestamp":"2023-11-14T22:13:20.042000+00:00","data":{"name":"m"},)"
              R"("workspace":"lab"})");
}

TEST(Schedule, PausesDoubleToAnHourAndEndAfterAboutADay) {
    using std::chrono::milliseconds;
    EXPECT_EQ(pause_after(1, 0), milliseconds(500));
    EXPECT_EQ(pause_after(4, 0), milliseconds(4000));
    EXPECT_EQ(pause_after(40, 0), std::chrono::minutes(30));
    EXPECT_LT(pause_after(40, 0.999), std::chrono::hours(1));
    milliseconds all{0};
    std::int64_t attempt = 1;
    for (; judge(answer(503), attempt, 0.5).state == DeliveryState::waiting; ++attempt)
        all += judge(answer(503), attempt, 0.5).pause;
    EXPECT_EQ(attempt, kAttemptsMax);
    EXPECT_GT(all, std::chrono::hours(20));
    EXPECT_LT(all, std::chrono::hours(30));
}

TEST(Schedule, TriesAgainWhatMayPass) {
    for (unsigned status : {408u, 429u, 500u, 502u, 503u, 504u, 0u})
        EXPECT_EQ(judge(answer(status), 1, 0).state, DeliveryState::waiting) << status;
    for (unsigned status : {301u, 302u, 400u, 401u, 404u, 410u, 413u})
        EXPECT_EQ(judge(answer(status), 1, 0).state, DeliveryState::failed) << status;
    for (unsigned status : {200u, 201u, 202u, 204u})
        EXPECT_EQ(judge(answer(status), 1, 0).state, DeliveryState::delivered) << status;
}

TEST(Schedule, WaitsAsLongAsTheReceiverWishes) {
    auto wish = [](std::string text) {
        auto busy = answer(429);
        busy.headers["retry-after"] = std::move(text);
        return judge(busy, 1, 0).pause;
    };
    EXPECT_EQ(wish("120"), std::chrono::minutes(2));
    EXPECT_EQ(wish("999999999"), kLongestPause);
    EXPECT_EQ(wish("-5"), pause_after(1, 0));
    EXPECT_EQ(wish("Wed, 21 Oct 2026 07:28:00 GMT"), pause_after(1, 0));
}

TEST(Emit, WritesForWhoAsksForItInTheSameTransaction) {
    Bed bed;
    bed.hook({"registered_model.created"});
    auto silent = bed.hook({"registered_model.created"});
    bed.service->update(bed.project, silent.id, {.state = WebhookState::disabled});
    bed.emit("registered_model.created", bed.project);
    bed.emit("prompt.created", bed.project);
    bed.emit("registered_model.created", "another project");
    EXPECT_THAT(bed.outbox(), ElementsAre(R"(registered_model.created {"a":1})"));
    EXPECT_EQ(error_of([&] {
                  bed.database->write([&](sql::Connection& connection) {
                      bed.service->emit(connection,
                                        {bed.project, "registered_model.created", "{}"});
                      fail(ErrorCode::aborted, "no");
                  });
              }).first,
              "aborted");
    EXPECT_EQ(bed.outbox().size(), 1u);
}

TEST(Registry, TellsOfModelsAsMlflowDoes) {
    Bed bed;
    bed.hook_of_all();
    auto& author = bed.below.author;
    bed.models->create_model(author, "net", "d", {{"team", "x"}});
    bed.models->create_version(
        author, {.model = "net", .source = "s3://b/m", .user = "ada", .tags = {{"k", "v"}}});
    bed.models->set_version_tag(author, "net", 1, "k", "v");
    bed.models->delete_version_tag(author, "net", 1, "k");
    bed.models->set_model_tag(author, "net", "k", "v");  // MLflow has no event for it
    bed.models->set_alias(author, "net", "champion", 1);
    bed.models->delete_alias(author, "net", "champion");
    EXPECT_THAT(
        bed.outbox(),
        ElementsAre(
            R"(registered_model.created {"name":"net","tags":{"team":"x"},"description":"d"})",
            R"(model_version.created {"name":"net","version":"1","source":"s3://b/m","run_id":null,"tags":{"k":"v"},"description":null})",
            R"(model_version_tag.set {"name":"net","version":"1","key":"k","value":"v"})",
            R"(model_version_tag.deleted {"name":"net","version":"1","key":"k"})",
            R"(model_version_alias.created {"name":"net","alias":"champion","version":"1"})",
            R"(model_version_alias.deleted {"name":"net","alias":"champion"})"));
}

TEST(Registry, TellsOfPromptsAsMlflowDoes) {
    Bed bed;
    bed.hook_of_all();
    auto& author = bed.below.author;
    std::map<std::string, std::string> marks{
        {"mlflow.prompt.is_prompt", "true"}, {"_mlflow_prompt_type", "text"}, {"team", "x"}};
    bed.models->create_model(author, "greet", "", marks);
    marks["mlflow.prompt.text"] = "Hello \"{{name}}\"";
    bed.models->create_version(author,
                               {.model = "greet", .source = "dummy", .user = "ada", .tags = marks});
    bed.models->set_model_tag(author, "greet", "k", "v");
    bed.models->delete_model_tag(author, "greet", "k");
    bed.models->set_version_tag(author, "greet", 1, "k", "v");
    bed.models->set_alias(author, "greet", "live", 1);
    bed.models->delete_version(author, "greet", 1);
    EXPECT_THAT(
        bed.outbox(),
        ElementsAre(
            R"(prompt.created {"name":"greet","tags":{"team":"x"},"description":""})",
            R"(prompt_version.created {"name":"greet","version":"1","template":"Hello \"{{name}}\"","tags":{"team":"x"},"description":null})",
            R"(prompt_tag.set {"name":"greet","key":"k","value":"v"})",
            R"(prompt_tag.deleted {"name":"greet","key":"k"})",
            R"(prompt_version_tag.set {"name":"greet","version":"1","key":"k","value":"v"})",
            R"(prompt_alias.created {"name":"greet","alias":"live","version":"1"})",
            R"(prompt_alias.deleted {"name":"greet","alias":"live"})"));
}

TEST(Webhooks, AreChecked) {
    Bed bed;
    auto refused = [&](NewWebhook webhook) {
        return error_of([&] { bed.service->create(bed.project, webhook); }).second;
    };
    NewWebhook good{.name = "ci", .url = "https://ci.example.org", .events = {"prompt.created"}};
    for (const char* name : {"", "-a", "a b", "a/b"}) {
        NewWebhook one = good;
        one.name = name;
        EXPECT_THAT(refused(one), HasSubstr("Webhook name")) << name;
    }
    for (const char* url :
         {"", " ", "ci", "http://ci.example.org", "ftp://x/", "file:///etc/passwd", "https://",
          "https:///x", "https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/latest",
          "https://127.1/", "https://0x7f000001/", "https://2130706433/", "https://10.0.0.1:8443/",
          "https://a b/"}) {
        NewWebhook one = good;
        one.url = url;
        EXPECT_THAT(refused(one), HasSubstr("ebhook URL")) << url;
    }
    for (const char* event : {"", "model.created", "prompt.set", "prompt"}) {
        NewWebhook one = good;
        one.events = {"prompt.created", event};
        EXPECT_THAT(refused(one), HasSubstr("events[1]")) << event;
    }
    good.events.clear();
    EXPECT_THAT(refused(good), HasSubstr("must be a non-empty list"));
}

TEST(Webhooks, KeepSecretsSealedAndToThemselves) {
    Bed bed;
    auto webhook = bed.hook({"prompt.created"}, "whsec-never-shown");
    EXPECT_TRUE(webhook.has_secret);
    auto kept = bed.database->read([&](sql::Connection& connection) {
        return *connection.first("SELECT secret FROM webhooks", {},
                                 [](const sql::Row& row) { return row.string(0); });
    });
    EXPECT_EQ(kept.find("whsec"), std::string::npos);
    EXPECT_EQ(SecretKey::load_or_make(bed.below.folder / "key").open(kept, webhook.id),
              "whsec-never-shown");
    EXPECT_TRUE(bed.service->update(bed.project, webhook.id, {.name = "b"}).has_secret);
    EXPECT_FALSE(bed.service->update(bed.project, webhook.id, {.secret = ""}).has_secret);
}

TEST(Webhooks, AreOfOneProject) {
    Bed bed;
    auto webhook = bed.hook({"prompt.created"});
    bed.emit("prompt.created", bed.project);
    EXPECT_EQ(error_of([&] { bed.service->get("other", webhook.id); }).first, "not_found");
    EXPECT_EQ(error_of([&] { bed.service->update("other", webhook.id, {}); }).first, "not_found");
    EXPECT_EQ(error_of([&] { bed.service->remove("other", webhook.id); }).first, "not_found");
    EXPECT_EQ(error_of([&] { bed.service->test("other", webhook.id, ""); }).first, "not_found");
    EXPECT_TRUE(bed.service->list("other", 0, 10).empty());
    bed.service->remove_project({.id = bed.project, .name = bed.project});
    EXPECT_TRUE(bed.service->list(bed.project, 0, 10).empty());
    EXPECT_TRUE(bed.outbox().empty());
}

TEST(Webhooks, OfOtherEventsAloneAreNotMlflows) {
    Bed bed;
    bed.hook({"job.failed"});
    auto both = bed.hook({"job.failed", "prompt.created"});
    EXPECT_EQ(bed.service->list(bed.project, 0, 10).size(), 2u);
    auto shown = bed.service->list(bed.project, 0, 10, true);
    ASSERT_EQ(shown.size(), 1u);
    EXPECT_EQ(shown[0].id, both.id);
}

TEST(Deliveries, AreTakenInOrderTriedAgainAndTrimmed) {
    Bed bed;
    auto webhook = bed.hook({"prompt.created"});
    auto take = [&] {
        return bed.database->read([&](sql::Connection& connection) {
            auto due = outbox::due(connection);
            if (due.empty()) return std::optional<outbox::Parcel>();
            return outbox::first_due(connection, due[0].webhook, bed.below.clock.now());
        });
    };
    auto record = [&](const std::string& id, unsigned status, std::int64_t attempt) {
        Time now = bed.below.clock.now();
        bed.database->write([&](sql::Connection& connection) {
            outbox::record(connection, id, judge(answer(status), attempt, 0), now,
                           now + std::chrono::milliseconds(20));
        });
    };
    bed.emit("prompt.created", bed.project);
    bed.emit("prompt.created", bed.project);
    auto first = take().value();
    record(first.id, 500, 1);
    auto second = take().value();
    EXPECT_NE(second.id, first.id);
    record(second.id, 204, 1);
    EXPECT_FALSE(take().has_value());
    bed.below.clock.advance(std::chrono::seconds(2));
    EXPECT_EQ(take().value().id, first.id);
    EXPECT_EQ(take()->attempts, 1);
    auto listed = bed.service->deliveries(bed.project, {.webhook = webhook.id, .page_size = 1});
    ASSERT_EQ(listed.items.size(), 1u);
    EXPECT_EQ(listed.items[0].state, DeliveryState::delivered);
    EXPECT_EQ(listed.items[0].duration_ms, 20);
    auto next = bed.service->deliveries(
        bed.project, {.webhook = webhook.id, .page_token = listed.next_page_token.value()});
    ASSERT_EQ(next.items.size(), 1u);
    EXPECT_EQ(next.items[0].response_status, 500);
    EXPECT_FALSE(next.next_page_token.has_value());

    bed.below.clock.advance(std::chrono::days(4));
    bed.service->maintain();
    auto waiting = bed.service->deliveries(bed.project,
                                           {.webhook = webhook.id, .state = DeliveryState::failed});
    ASSERT_EQ(waiting.items.size(), 1u);
    EXPECT_THAT(waiting.items[0].error.value(), HasSubstr("waited too long"));
    EXPECT_EQ(bed.service->redeliver(bed.project, webhook.id, first.id).state,
              DeliveryState::waiting);
    record(first.id, 200, 1);
    bed.below.clock.advance(std::chrono::days(31));
    bed.service->maintain();
    EXPECT_TRUE(bed.outbox().empty());
}

}  // namespace
}  // namespace maru::webhooks
