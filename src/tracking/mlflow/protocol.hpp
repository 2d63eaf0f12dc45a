#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/api.hpp"
#include "net/http.hpp"

/// What MLflow's REST protocol is made of: protobuf messages as JSON (snake_case, int64 as numbers,
/// unknown fields passed over), errors as {"error_code","message"}.
namespace maru::tracking::mlflow {

/// The version of the client that this speaks to; clients read it at /version.
inline constexpr std::string_view kProtocolVersion = "3.17.2";

/// One message of a request: a JSON object, or the query of a GET.
///
/// Lifetime: keeps its document alive. Threads: one at a time. Errors: invalid_argument in MLflow's
/// words
/// ("Invalid value 123 for parameter 'name' supplied:  Hint: Value was of type 'int'. ...",
/// "Missing value for required parameter 'name'. ...").
class Message {
  public:
    static Message parse(const net::Request& request);
    static Message from_json(std::string_view text);
    /// Nothing, if the text is not a JSON object.
    static std::optional<Message> from_text(std::string_view text);

    /// True if the field is there and not null.
    bool has(std::string_view name) const;
    std::string text(std::string_view name) const;  // empty if absent
    std::optional<std::string> optional_text(std::string_view name) const;
    std::string required_text(std::string_view name) const;
    /// An enumerator, by name or by number ("FINISHED", "3"); empty if absent.
    std::string enumerator(std::string_view name) const;
    /// Throws if the field, of any type, is absent.
    void require(std::string_view name) const;
    std::optional<std::int64_t> integer(std::string_view name) const;
    /// True if the field can be read as an integer.
    bool integer_like(std::string_view name) const;
    std::int64_t required_integer(std::string_view name) const;
    double required_number(std::string_view name) const;
    bool flag(std::string_view name, bool initial) const;
    std::vector<std::string> texts(std::string_view name) const;
    std::vector<Message> list(std::string_view name) const;
    std::optional<Message> object(std::string_view name) const;
    /// A list of {"key","value"}: of a key that comes twice the last counts.
    std::map<std::string, std::string> map(std::string_view name) const;
    std::vector<std::pair<std::string, std::string>> pairs(std::string_view name) const;
    /// An object of texts, protobuf's map<string, string>.
    std::map<std::string, std::string> text_map(std::string_view name) const;
    /// The field's JSON; empty if it is absent or null.
    std::string json(std::string_view name) const;

    /// run_id, or its old name run_uuid; required.
    std::string run_id() const;
    /// Which of MLflow's messages a max_results out of bounds gets.
    enum class Limit { of_store, of_schema, of_versions };
    /// max_results, checked against its bounds.
    std::int64_t results_max(std::int64_t initial, std::int64_t most,
                             Limit limit = Limit::of_store) const;

  private:
    struct Document;
    Message(std::shared_ptr<const Document> document, const void* object, std::string path);
    const void* find(std::string_view name) const;
    [[noreturn]] void wrong(std::string_view name) const;
    [[noreturn]] void missing(std::string_view name) const;

    std::shared_ptr<const Document> document_;
    const void* object_;
    std::string path_;  // of this message in the request, for errors
};

/// Writes JSON in one pass. Nothing is checked: begin and end must match.
class JsonWriter {
  public:
    JsonWriter& begin_object();
    JsonWriter& end_object();
    JsonWriter& begin_list();
    JsonWriter& end_list();
    JsonWriter& key(std::string_view name);
    JsonWriter& value(std::string_view text);
    JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
    JsonWriter& value(const char* text) { return value(std::string_view(text)); }
    JsonWriter& value(std::int64_t number);
    JsonWriter& value(bool flag);
    /// NaN and infinities as protobuf's JSON has them: "NaN", "Infinity", "-Infinity".
    JsonWriter& value(double number);
    /// Writes JSON that is there already.
    JsonWriter& raw(std::string_view json);
    template <class T>
    JsonWriter& field(std::string_view name, const T& content) {
        return key(name).value(content);
    }
    /// Writes a map as a list of {"key","value"}.
    JsonWriter& pairs(std::string_view name, const std::map<std::string, std::string>& content);

    /// What was written since the last call; writing goes on behind it.
    std::string take();

  private:
    void separate();
    std::string out_;
    char taken_last_ = 0;
};

net::Response answer(JsonWriter& writer);
net::Response empty_answer();
/// An Error in MLflow's form, with its codes and statuses.
net::Response write_error(const Error& error);

using Handle =
    std::function<net::Response(const api::Context&, const Message&, const api::PathParameters&)>;

/// Registers a route of MLflow at /api/VERSION and /ajax-api/VERSION; `path` begins with
/// "/mlflow/".
struct Route {
    std::string_view method;
    std::string_view path;
    api::Permission permission;
    Handle handle;
    std::string_view version = "2.0";
    bool audited = false;
};
void add_route(api::Api& api, const Route& route);

}  // namespace maru::tracking::mlflow
