#include "cli/session.hpp"

#include <unistd.h>

namespace maru::cli {

Session::Session(const GlobalOptions& options)
    : options_(options), out_(Terminal::of(STDOUT_FILENO)), err_(Terminal::of(STDERR_FILENO)) {}

bool Session::interactive() const {
    return err_.is_terminal && ::isatty(STDIN_FILENO) == 1;
}

const Settings& Session::settings() {
    if (!settings_) {
        SavedConfig saved;
        // A container or a service may have no home; then there is no file, which is not an error.
        if (process_environment("HOME") || process_environment("XDG_CONFIG_HOME"))
            saved = read_config(config_path(process_environment));
        settings_ = resolve_settings(options_, process_environment, saved);
    }
    return *settings_;
}

std::unique_ptr<ApiClient> Session::new_client() {
    return std::make_unique<ApiClient>(settings().url, settings().token);
}

ApiClient& Session::client() {
    if (!client_) client_ = new_client();
    return *client_;
}

void Session::say(std::string_view text) const {
    if (!json()) print_out(std::string(text) + "\n");
}

void Session::note(std::string_view text) const {
    print_err(std::string(text) + "\n");
}

int exit_code(ErrorCode code) {
    switch (code) {
        case ErrorCode::invalid_argument:
        case ErrorCode::out_of_range:
            return 2;
        case ErrorCode::not_found:
            return 3;
        case ErrorCode::permission_denied:
        case ErrorCode::unauthenticated:
            return 4;
        case ErrorCode::unavailable:
        case ErrorCode::deadline_exceeded:
            return 5;
        default:
            return 1;
    }
}

}  // namespace maru::cli
