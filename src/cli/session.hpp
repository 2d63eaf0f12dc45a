#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/json.hpp"
#include "cli/api_client.hpp"
#include "cli/config.hpp"
#include "cli/terminal.hpp"

namespace maru::cli {

/// What a running command works with: its global options, settings, the server, and the terminal.
///
/// Everything is made when first asked for, so that a command pays only for what it uses.
/// Lifetime: one per process. Threads: the main thread.
class Session {
  public:
    explicit Session(const GlobalOptions& options);

    bool json() const { return options_.json; }
    const GlobalOptions& options() const { return options_; }
    const Terminal& out() const { return out_; }
    const Terminal& err() const { return err_; }
    /// A person can answer questions: stdin and stderr are terminals.
    bool interactive() const;

    const Settings& settings();
    const std::string& project() { return settings().project; }
    ApiClient& client();
    /// A connection of its own, for a second thread.
    std::unique_ptr<ApiClient> new_client();

    /// Writes one JSON document and a line end.
    template <class T>
    void print_json(const T& value) {
        print_out(to_json(value) + "\n");
    }
    /// "Done." and such: to stdout for people, nothing with --json.
    void say(std::string_view text) const;
    /// To stderr, for people: what goes on beside the command's own output.
    void note(std::string_view text) const;

  private:
    GlobalOptions options_;
    Terminal out_, err_;
    std::optional<Settings> settings_;
    std::unique_ptr<ApiClient> client_;
};

/// 2 invalid arguments, 3 not found, 4 denied or not signed in, 5 unreachable, 1 any other.
int exit_code(ErrorCode code);

}  // namespace maru::cli
