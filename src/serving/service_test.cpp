#include "serving/service.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/id.hpp"
#include "compute/engines/fake/fake_engine.hpp"
#include "net/client.hpp"
#include "net/server.hpp"
#include "serving/replica_socket.hpp"

namespace maru::serving {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const api::ProjectRef kProject{.id = "p1", .number = 1, .name = "demo"};

/// Models "m/1", "m/2", ...: ONNX, with one file.
class FakeSources final : public Sources {
  public:
    explicit FakeSources(blob::BlobStore& blobs) : stored_(blobs.put("onnx").sha256) {}
    ServedModel find_model(const api::ProjectRef&, std::string_view reference) override {
        if (!reference.starts_with("m/"))
            fail(ErrorCode::not_found, "model {} does not exist", reference);
        ServedModel model{.name = "m", .version = std::stol(std::string(reference.substr(2)))};
        model.has_onnx = true;
        model.files = {{"MLmodel", stored_}, {"data/model.onnx", stored_}};
        model.input_example.text = R"({"inputs":[1]})";
        return model;
    }
    std::string ensure_environment(const api::ProjectRef&, std::string_view,
                                   std::string_view) override {
        fail(ErrorCode::internal, "an ONNX model needs no environment");
    }

  private:
    std::string stored_;
};

/// One server's life over a machine and a data directory that outlive it.
struct Server {
    Server(const std::filesystem::path& folder, compute::FakeEngine& engine)
        : migrations([] {
              std::vector<sql::Migration> all(compute::migrations.begin(),
                                              compute::migrations.end());
              all.insert(all.end(), serving::migrations.begin(), serving::migrations.end());
              return all;
          }()),
          database(sql::Database::open({.file = folder / "maru.db"}, migrations)),
          blobs(blob::open_disk_store(folder / "blobs")),
          sources(*blobs),
          compute(*database, engine, clock, {.data_directory = folder}),
          service(*database, *blobs, compute, sources, clock,
                  {.executable = "/usr/bin/env",
                   .onnxruntime = "/usr/lib/libonnxruntime.so",
                   .gate = {},
                   .restart_pause = std::chrono::milliseconds(5)}) {
        compute.add_contributor(service.contributor());
        compute.start();
        service.start();
    }
    ~Server() {
        service.stop();
        compute.stop();
    }

    std::vector<sql::Migration> migrations;
    SystemClock clock;
    std::unique_ptr<sql::Database> database;
    std::unique_ptr<blob::BlobStore> blobs;
    FakeSources sources;
    compute::Service compute;
    Service service;
};

class Endpoints : public testing::Test {
  protected:
    Endpoints()
        : folder_(testing::TempDir() + "serving-" + new_id()),
          engine_({{.name = "node", .cpu_milli = 8000, .memory_mib = 65536, .gpus = {}}}) {
        std::filesystem::create_directories(folder_);
        start();
    }
    ~Endpoints() override {
        stop();
        std::filesystem::remove_all(folder_);
    }

    void start() { server_ = std::make_unique<Server>(folder_, engine_); }
    void stop() {
        engine_.forget_listener();
        server_.reset();
    }

    template <class F>
    auto wait_for(std::string_view what, F&& found) {
        for (int i = 0; i < 4000; ++i) {
            if (auto result = found()) return result;
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        throw std::runtime_error("timed out: " + std::string(what));
    }

    Endpoint create(std::string model, std::int32_t replicas = 1) {
        return server_->service.create(
            kProject, "ann",
            {.project = "demo", .name = "digits", .model = std::move(model), .replicas = replicas});
    }
    Endpoint get() { return server_->service.get(kProject, "digits"); }
    Endpoint wait_state(EndpointState state) {
        return *wait_for(enum_name(state), [&]() -> std::optional<Endpoint> {
            auto endpoint = get();
            return endpoint.state == state ? std::optional(endpoint) : std::nullopt;
        });
    }

    /// The next launch that the test has not seen.
    compute::ReplicaSpec next_launch() {
        return *wait_for("a launch", [&]() -> std::optional<compute::ReplicaSpec> {
            for (const auto& spec : engine_.launched())
                if (seen_.insert(spec.attempt_id).second) return spec;
            return std::nullopt;
        });
    }
    static std::filesystem::path run_folder(const compute::ReplicaSpec& spec) {
        for (const auto& mount : spec.mounts)
            if (mount.target == "/run/maru") return mount.source;
        throw std::runtime_error("no run folder");
    }
    /// What `maru infer` is in real life: a server at the replica's socket.
    std::unique_ptr<net::Server> serve(const compute::ReplicaSpec& spec) {
        engine_.begin(spec.attempt_id);
        net::ServerOptions options;
        options.listen_tcp = false;
        options.unix_socket = run_folder(spec) / "app.sock";
        return net::Server::start(options, [](const net::RequestHead&) {
            net::Route route;
            route.handle = [](net::Request&) { return net::Response::json("{}"); };
            return route;
        });
    }
    std::vector<std::string> stop_requests() {
        std::vector<std::string> attempts;
        for (const auto& request : engine_.stop_requests()) attempts.push_back(request.attempt_id);
        return attempts;
    }

    std::filesystem::path folder_;
    compute::FakeEngine engine_;
    std::set<std::string> seen_;
    std::unique_ptr<Server> server_;
};

TEST_F(Endpoints, BecomeReadyOnceTheReplicaAnswers) {
    auto endpoint = create("m/3");
    EXPECT_EQ(endpoint.state, EndpointState::starting);
    EXPECT_EQ(endpoint.reason, "m version 3 is starting");
    EXPECT_EQ(endpoint.url, "/p/demo/endpoints/digits");
    EXPECT_EQ(endpoint.input_example.text, R"({"inputs":[1]})");
    ASSERT_THAT(endpoint.variants, SizeIs(1));
    EXPECT_THAT(endpoint.variants[0].workload_ids, SizeIs(1));

    auto spec = next_launch();
    EXPECT_THAT(spec.command, testing::Contains("/maru/bin/maru"));
    for (const auto& mount : spec.mounts)
        if (mount.target == "/maru/model")
            EXPECT_EQ(read_file(mount.source + "/data/model.onnx"), "onnx");
    auto replica = serve(spec);
    endpoint = wait_state(EndpointState::ready);
    EXPECT_EQ(endpoint.reason, "");
    EXPECT_EQ(endpoint.variants[0].replicas_ready, 1);
    EXPECT_EQ(endpoint.variants[0].weight, 100);
    EXPECT_TRUE(server_->service.routes().find("p1", "digits")->is_ready());
}

TEST_F(Endpoints, FailWithTheReasonThatTheReplicaLeft) {
    create("m/1");
    auto spec = next_launch();
    engine_.begin(spec.attempt_id);
    write_file_atomically(run_folder(spec) / "app.sock.error", "the model needs opset 99\n");
    engine_.end(spec.attempt_id, 0, 1);
    EXPECT_EQ(wait_state(EndpointState::failed).reason, "the model needs opset 99");
    // A model that never could be loaded isn't tried again by itself, but another one is.
    EXPECT_THAT(engine_.launched(), SizeIs(1));
    EXPECT_EQ(create("m/2").state, EndpointState::starting);
    auto replica = serve(next_launch());
    EXPECT_EQ(wait_state(EndpointState::ready).variants[0].version, 2);
}

TEST_F(Endpoints, AnotherModelTakesTheRequestsOnlyOnceItIsReady) {
    create("m/1");
    auto first = next_launch();
    auto first_server = serve(first);
    wait_state(EndpointState::ready);

    auto endpoint = create("m/2");
    EXPECT_EQ(endpoint.state, EndpointState::ready);
    EXPECT_EQ(endpoint.reason, "m version 2 is starting to take its place");
    ASSERT_THAT(endpoint.variants, SizeIs(2));
    EXPECT_EQ(endpoint.variants[1].weight, 0);
    EXPECT_THAT(stop_requests(), IsEmpty());

    auto second_server = serve(next_launch());
    wait_for("the switch", [&] {
        auto now = get();
        return now.variants.size() == 1 && now.variants[0].version == 2;
    });
    EXPECT_EQ(get().state, EndpointState::ready);
    wait_for("the old one's end", [&] { return stop_requests() == std::vector{first.attempt_id}; });
}

TEST_F(Endpoints, AReplicaThatIsReplacedAnswersWhatItHasFirst) {
    create("m/1");
    auto first = next_launch();
    auto first_server = serve(first);
    wait_state(EndpointState::ready);
    std::optional<net::Response> held;
    server_->service.routes()
        .find(kProject.id, "digits")
        ->forward(
            "/invocations", [&](net::Response response) { held = std::move(response); },
            [](const Error& error) { return net::Response::text(error.message(), 503); });
    ASSERT_TRUE(held) << "it goes to the replica at once";

    create("m/2");
    auto second_server = serve(next_launch());
    wait_for("the switch", [&] {
        return get().variants.back().version == 2 && get().variants.back().weight == 100;
    });
    // That nothing happens has no event: several of the controller's looks go by.
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_THAT(stop_requests(), IsEmpty());
    std::get<net::ProxyBody>(held->body).done(200, 1);
    wait_for("the old one's end", [&] { return stop_requests() == std::vector{first.attempt_id}; });
}

TEST_F(Endpoints, AModelThatCannotTakeThePlaceLeavesTheOldOneAlone) {
    create("m/1");
    auto first_server = serve(next_launch());
    wait_state(EndpointState::ready);
    create("m/2");
    auto second = next_launch();
    engine_.begin(second.attempt_id);
    engine_.end(second.attempt_id, 0, 1);
    wait_for("the reason",
             [&] { return get().reason.starts_with("m version 2 could not take its place: "); });
    EXPECT_EQ(get().state, EndpointState::ready);
    EXPECT_THAT(stop_requests(), IsEmpty());
}

TEST_F(Endpoints, AReplicaThatDiesIsStartedAgain) {
    create("m/1");
    auto first = next_launch();
    auto first_server = serve(first);
    wait_state(EndpointState::ready);
    engine_.end(first.attempt_id, 0, 137);
    wait_state(EndpointState::starting);
    EXPECT_THAT(get().reason, HasSubstr("m version 1 is starting again; before that: "));
    auto second_server = serve(next_launch());
    wait_state(EndpointState::ready);
}

TEST_F(Endpoints, ACrashLoopEndsInFailure) {
    create("m/1");
    for (int i = 0; i < 6; ++i) {
        auto spec = next_launch();
        auto server = serve(spec);
        wait_state(EndpointState::ready);
        engine_.end(spec.attempt_id, 0, 139);
        wait_for("the loss", [&] { return get().state != EndpointState::ready; });
    }
    EXPECT_THAT(wait_state(EndpointState::failed).reason, HasSubstr("ended 6 times in a row"));
}

TEST_F(Endpoints, AReplicaStoppedByHandIsReplaced) {
    auto endpoint = create("m/1");
    auto first_server = serve(next_launch());
    wait_state(EndpointState::ready);
    server_->compute.stop_workload("p1", endpoint.variants[0].workload_ids[0], "stopped by ann");
    auto second_server = serve(next_launch());
    wait_for("another replica", [&] {
        auto now = get();
        return now.state == EndpointState::ready &&
               now.variants[0].workload_ids != endpoint.variants[0].workload_ids;
    });
}

TEST_F(Endpoints, SeveralReplicasServeTogether) {
    create("m/1", 2);
    auto first_server = serve(next_launch());
    wait_for("one", [&] { return get().variants[0].replicas_ready == 1; });
    EXPECT_EQ(get().state, EndpointState::ready);
    auto second_server = serve(next_launch());
    wait_for("two", [&] { return get().variants[0].replicas_ready == 2; });
}

TEST_F(Endpoints, AreTakenUpAgainAfterARestart) {
    create("m/1");
    auto spec = next_launch();
    auto replica = serve(spec);
    wait_state(EndpointState::ready);
    stop();
    start();
    wait_state(EndpointState::ready);
    EXPECT_THAT(engine_.launched(), SizeIs(1));
    EXPECT_TRUE(server_->service.routes().find("p1", "digits")->is_ready());
}

TEST_F(Endpoints, WhatEndedWhileTheServerWasAwayIsStartedAgain) {
    create("m/1");
    auto spec = next_launch();
    auto replica = serve(spec);
    wait_state(EndpointState::ready);
    engine_.forget_listener();
    server_.reset();
    engine_.end(spec.attempt_id, 0, 1);
    start();
    auto again = serve(next_launch());
    wait_state(EndpointState::ready);
}

TEST_F(Endpoints, DeletionStopsTheReplicasAndFreesTheName) {
    create("m/1");
    auto spec = next_launch();
    auto replica = serve(spec);
    wait_state(EndpointState::ready);
    auto id = get().id;
    server_->service.remove(kProject, "digits");
    EXPECT_THROW(get(), Error);
    EXPECT_EQ(server_->service.routes().find("p1", "digits"), nullptr);
    EXPECT_THROW(server_->service.remove(kProject, "digits"), Error);
    wait_for("the stop", [&] { return stop_requests() == std::vector{spec.attempt_id}; });
    EXPECT_NE(create("m/1").id, id);
    wait_for("the end of its rows", [&] {
        return server_->database
                   ->read([](sql::Connection& connection) { return store::all(connection); })
                   .size() == 1;
    });
    EXPECT_NE(server_->service.routes().find("p1", "digits"), nullptr);
}

TEST_F(Endpoints, RefuseWhatCannotBe) {
    auto create_with = [&](std::string name, std::string model, std::int32_t replicas,
                           compute::Resources resources) {
        try {
            server_->service.create(kProject, "ann",
                                    {.project = "demo",
                                     .name = std::move(name),
                                     .model = std::move(model),
                                     .resources = resources,
                                     .replicas = replicas});
        } catch (const Error& error) {
            return error.details().empty() ? error.message() : error.details()[0].field;
        }
        return std::string("accepted");
    };
    EXPECT_EQ(create_with("Digits", "m/1", 1, {}), "name");
    EXPECT_EQ(create_with("digits", "m/1", 0, {}), "replicas");
    EXPECT_EQ(create_with("digits", "x/1", 1, {}), "model x/1 does not exist");
    EXPECT_EQ(create_with("digits", "m/1", 1, compute::Resources{.cpu_milli = 900'000}),
              "resources");
    EXPECT_THROW(get(), Error);
}

TEST_F(Endpoints, AreListedByNamePageByPage) {
    for (auto name : {"b", "a", "c"})
        server_->service.create(kProject, "ann",
                                {.project = "demo", .name = name, .model = "m/1", .replicas = 1});
    auto page =
        server_->service.list(kProject, {.project = "demo", .page_token = "", .page_size = 2});
    ASSERT_THAT(page.items, SizeIs(2));
    EXPECT_EQ(page.items[0].name, "a");
    ASSERT_TRUE(page.next_page_token);
    page = server_->service.list(
        kProject, {.project = "demo", .page_token = *page.next_page_token, .page_size = 2});
    ASSERT_THAT(page.items, SizeIs(1));
    EXPECT_EQ(page.items[0].name, "c");
    EXPECT_FALSE(page.next_page_token);
    EXPECT_THAT(server_->service.list({.id = "p2", .number = 2, .name = "other"}, {}).items,
                IsEmpty());
}

TEST(ReplicaSocket, ALinkToSomethingElseIsNotFollowed) {
    std::filesystem::path folder = testing::TempDir() + "replica-" + new_id();
    std::filesystem::create_directories(folder / "run");
    EXPECT_FALSE(pin_socket(folder));
    std::filesystem::create_symlink("/dev/null", folder / "run" / "app.sock");
    EXPECT_THROW(pin_socket(folder), Error);
    std::filesystem::create_symlink("/etc/passwd", folder / "run" / "app.sock.error");
    EXPECT_EQ(replica_error(folder), std::nullopt);
    std::filesystem::remove(folder / "run" / "app.sock.error");
    ASSERT_EQ(mkfifo((folder / "run" / "app.sock.error").c_str(), 0600), 0);
    EXPECT_EQ(replica_error(folder), std::nullopt);
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace maru::serving
