#include "server/options.hpp"

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "base/error.hpp"
#include "base/text.hpp"

namespace maru::server {
namespace {

std::filesystem::path default_data_directory() {
    if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && *data == '/')
        return std::filesystem::path(data) / "maru";
    const char* home = std::getenv("HOME");
    return std::filesystem::path(home != nullptr ? home : ".") / ".local/share/maru";
}

void take_listen(Options& options, std::string_view listen) {
    auto colon = listen.rfind(':');
    auto port =
        colon == std::string_view::npos ? std::nullopt : parse_int(listen.substr(colon + 1));
    if (!port || *port < 0 || *port > 65535 || colon == 0)
        fail_field(
            "--listen",
            fmt::format("\"{}\" is not HOST:PORT; expected one such as 127.0.0.1:7070", listen));
    auto host = listen.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    if (host == "localhost") host = "127.0.0.1";
    options.address = host;
    options.port = static_cast<std::uint16_t>(*port);
}

void check(const Options& options) {
    bool encrypted = !options.tls_certificate.empty();
    if (encrypted != !options.tls_key.empty())
        fail_field(encrypted ? "--tls-key" : "--tls-cert",
                   "is missing; a certificate and its key go together");
    if (is_loopback(options.address)) return;
    if (options.auth == identity::AuthMode::none)
        fail_field(
            "--auth",
            fmt::format(
                "none makes everyone the administrator; it is refused on {}, which others can "
                "reach. Listen on 127.0.0.1, or use --auth local",
                options.address));
    if (!encrypted && !options.allow_plain_http)
        fail_field(
            "--listen",
            fmt::format("others can reach {}; give --tls-cert and --tls-key, or --allow-plain-http "
                        "if something in front encrypts",
                        options.address));
}

}  // namespace

bool is_loopback(std::string_view address) {
    return address.starts_with("127.") || address == "::1";
}

std::optional<Options> parse_options(int argc, char** argv) {
    Options options;
    std::string data = default_data_directory(), listen = "127.0.0.1:7070", auth = "local",
                certificate, key;
    CLI::App app("Run the platform's server. Prints \"maru is ready at URL\" once it serves.",
                 "maru server");
    app.add_option("--data", data, "Folder of everything that it keeps")->capture_default_str();
    app.add_option("--listen", listen, "HOST:PORT to serve at; port 0: any free one")
        ->capture_default_str();
    app.add_option("--auth", auth,
                   "local: users sign in; none: everyone is the administrator, loopback only")
        ->check(CLI::IsMember({"local", "none"}))
        ->capture_default_str();
    app.add_option("--tls-cert", certificate, "Certificate chain in PEM; serves HTTPS");
    app.add_option("--tls-key", key, "The certificate's private key in PEM");
    app.add_flag("--allow-plain-http", options.allow_plain_http, "Serve others without TLS");
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        fmt::print("{}", app.help());
        return std::nullopt;
    } catch (const CLI::ParseError& error) {
        fail(ErrorCode::invalid_argument, "{}", error.what());
    }
    if (data.empty()) fail_field("--data", "is empty; expected a folder");
    options.data_directory = std::filesystem::absolute(data);
    options.auth = auth == "none" ? identity::AuthMode::none : identity::AuthMode::local;
    options.tls_certificate = certificate;
    options.tls_key = key;
    take_listen(options, listen);
    check(options);
    return options;
}

}  // namespace maru::server
