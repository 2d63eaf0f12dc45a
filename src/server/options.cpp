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

struct S3Words {
    std::string endpoint, ca, credentials, cache = "10GiB";
};

void add_blob_options(CLI::App& app, Options& options, S3Words& words) {
    app.add_option("--blobs", options.blobs,
                   "Where artifacts and code are kept: disk, in the data directory, or "
                   "s3://BUCKET[/PREFIX]")
        ->envname("MARU_BLOBS")
        ->capture_default_str();
    app.add_flag("--blobs-moved", options.blobs_moved,
                 "All objects were copied to --blobs: keep them there from now on");
    app.add_option("--s3-endpoint", words.endpoint, "URL of the S3 server; else that of AWS")
        ->envname("MARU_S3_ENDPOINT");
    app.add_option("--s3-region", options.s3.region, "Region that requests are signed for")
        ->envname("MARU_S3_REGION")
        ->capture_default_str();
    app.add_flag("--s3-virtual-host", options.s3.virtual_host,
                 "The bucket is part of the host's name, not of the path");
    app.add_option("--s3-ca", words.ca, "Authorities in PEM that vouch for the S3 server")
        ->envname("MARU_S3_CA_FILE");
    app.add_option("--s3-credentials", words.credentials,
                   "File like ~/.aws/credentials; else MARU_S3_ACCESS_KEY_ID and "
                   "MARU_S3_SECRET_ACCESS_KEY, or the same with AWS_")
        ->envname("MARU_S3_CREDENTIALS_FILE");
    app.add_option("--blob-cache", words.cache,
                   "Most disk for copies of objects in S3 that workloads need as files")
        ->envname("MARU_BLOB_CACHE")
        ->capture_default_str();
}

void take_blobs(Options& options, const S3Words& words) {
    if (options.blobs == "disk") {
        if (!words.endpoint.empty())
            fail_field("--blobs", "is disk; with --s3-endpoint give s3://BUCKET[/PREFIX]");
        return;
    }
    blob::parse_s3_url(options.blobs, options.s3);
    options.blobs = "s3://" + options.s3.bucket;
    if (!options.s3.prefix.empty()) options.blobs += "/" + options.s3.prefix;
    options.s3.endpoint = words.endpoint.empty()
                              ? fmt::format("https://s3.{}.amazonaws.com", options.s3.region)
                              : words.endpoint;
    options.s3.ca_file = words.ca;
    options.s3.credentials_file = words.credentials;
    try {
        options.s3.cache_bytes_max = parse_bytes(words.cache);
    } catch (const Error& error) {
        fail_field("--blob-cache", error.message());
    }
}

void take_networks(Options& options, const std::vector<std::string>& words) {
    for (const auto& word : words)
        for (auto text : split(word, ',')) {
            auto network = http::parse_network(trim(text));
            if (!network)
                fail_field("--webhook-networks",
                           fmt::format("\"{}\" is no network; expected some such as "
                                       "10.0.0.0/8,fd00::/8,127.0.0.1",
                                       text));
            options.webhook_networks.push_back(*network);
        }
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
    S3Words s3;
    add_blob_options(app, options, s3);
    std::vector<std::string> networks;
    std::string webhook_ca;
    app.add_option("--webhook-networks", networks,
                   "Networks of your own that webhooks may reach, also without TLS: "
                   "10.0.0.0/8,127.0.0.1; else only https:// to public addresses")
        ->envname("MARU_WEBHOOK_NETWORKS");
    app.add_option("--webhook-ca", webhook_ca,
                   "Authorities in PEM that vouch for the receivers of webhooks")
        ->envname("MARU_WEBHOOK_CA_FILE");
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
    take_blobs(options, s3);
    take_networks(options, networks);
    options.webhook_ca_file = webhook_ca;
    check(options);
    return options;
}

}  // namespace maru::server
