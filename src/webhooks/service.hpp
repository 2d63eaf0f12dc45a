#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/api.hpp"
#include "base/secret_key.hpp"
#include "http/client.hpp"
#include "models/events.hpp"
#include "sql/database.hpp"
#include "webhooks/events.hpp"
#include "webhooks/operations.hpp"
#include "webhooks/sender.hpp"
#include "webhooks/types.hpp"

namespace maru::webhooks {

struct ServiceOptions {
    /// Networks beyond the internet that receivers may be in; http:// may lead there alone.
    std::vector<http::Network> networks;
    /// Who vouches for receivers; empty: the system's authorities.
    std::filesystem::path ca_file;
};

/// A project's name by its id; nothing for one that is no more.
using ProjectName = std::function<std::optional<std::string>(const std::string& project_id)>;

struct NewWebhook {
    std::string name, url, description, secret, user;
    std::vector<std::string> events;
    WebhookState state = WebhookState::active;
};

/// What of a webhook to change; what is absent stays.
struct WebhookChange {
    std::optional<std::string> name, url, description, secret;
    std::optional<std::vector<std::string>> events;
    std::optional<WebhookState> state;
};

/// The webhooks of all projects, and the outbox of what they are told.
///
/// `emit` writes deliveries in the transaction of the change that they are about; `Sender` sends
/// them until the receiver has them, or gives up after about a day.
///
/// Lifetime: the server's; rooms may emit from the construction on, `start` begins to send, `stop`
/// ends it within about a second and leaves the rest for the next start; call `maintain` about
/// every 30 s, from one thread. Threads: any. Errors: not_found, invalid_argument in MLflow's words
/// where it has some, resource_exhausted.
class Service {
  public:
    Service(sql::Database& database, SecretKey key, const Clock& clock, ProjectName project_name,
            ServiceOptions options);
    void start();
    void stop();
    /// Gives up what waited too long, and forgets old deliveries.
    void maintain();

    /// Writes an event down for each webhook that asks for it.
    void emit(sql::Connection& connection, const Event& event);
    /// For `models::Service`: what happens in the registry, as MLflow tells it.
    void on_registry(sql::Connection& connection, const models::RegistryEvent& event);

    Webhook create(const std::string& project_id, const NewWebhook& request);
    Webhook get(std::string_view project_id, std::string_view id);
    Webhook update(std::string_view project_id, std::string_view id, const WebhookChange& change);
    void remove(std::string_view project_id, std::string_view id);
    /// The newest first. `of_mlflow`: only those with an event that MLflow's clients know.
    std::vector<Webhook> list(std::string_view project_id, std::int64_t offset, std::int64_t limit,
                              bool of_mlflow = false);
    /// Sends an example of one of the known events; waits for the answer.
    TestResult test(const std::string& project_id, std::string_view id, const std::string& event);

    api::Page<Delivery> deliveries(std::string_view project_id, const ListDeliveries& request);
    Delivery redeliver(std::string_view project_id, std::string_view id, std::string_view delivery);

    /// Removes for good all that a deleted project has here.
    void remove_project(const api::ProjectRef& project);

  private:
    void check(const std::optional<std::string>& name, const std::optional<std::string>& url,
               const std::optional<std::string>& description,
               const std::optional<std::string>& secret,
               const std::optional<std::vector<std::string>>& events) const;

    sql::Database& database_;
    const SecretKey key_;
    const Clock& clock_;
    const ProjectName project_name_;
    const ServiceOptions options_;
    Time next_trim_{};  // of maintain
    std::atomic<int> tests_running_ = 0;
    Sender sender_;
};

extern const std::span<const sql::Migration> migrations;

/// Declares the operations of operations.hpp over a service.
void add_operations(api::Api& api, Service& service);

}  // namespace maru::webhooks
