#include "serving/inference/infer.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <thread>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "net/server.hpp"
#include "serving/inference/inference_routes.hpp"
#include "serving/inference/model_directory.hpp"
#include "serving/inference/onnx_model.hpp"
#include "serving/inference/python_model.hpp"

namespace maru {

namespace {

using namespace std::chrono_literals;

constexpr std::string_view kUsage = R"(usage: maru infer --model DIR --socket PATH [options]

Serves one MLflow model (or .onnx file) on a Unix socket: Open Inference Protocol v2 and MLflow's /invocations.

  --model DIR         folder of the model, or an .onnx file
  --socket PATH       where to listen
  --name NAME         its name in the protocol (default: model)
  --version V         its version in the protocol (default: 1)
  --backend B         auto, onnx or python (default: auto: onnx where the model has that flavour)
  --python PYTHON     interpreter of the model's environment, for the python backend
  --onnxruntime LIB   libonnxruntime.so, for the onnx backend
  --threads N         threads of one request (default: the machine's cores)
  --workers N         Python processes (default: 1)
)";

struct Options {
    std::filesystem::path model, socket, python, onnxruntime;
    std::string name = "model", version = "1", backend = "auto";
    int threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    int workers = 1;
};

int read_count(std::string_view name, const std::string& text) {
    auto number = parse_int(text);
    if (!number || *number < 1 || *number > 1024)
        fail(ErrorCode::invalid_argument, "{}: expected a number from 1 to 1024, got \"{}\"", name,
             text);
    return static_cast<int>(*number);
}

Options read_options(int argc, char** argv) {
    std::map<std::string, std::string, std::less<>> given;
    for (int i = 1; i < argc; ++i) {
        std::string argument = argv[i];
        if (i == 1 && argument == "infer") continue;
        auto equals = argument.find('=');
        if (!argument.starts_with("--"))
            fail(ErrorCode::invalid_argument,
                 "unexpected argument \"{}\"; maru infer --help lists the options", argument);
        if (equals != std::string::npos) {
            given[argument.substr(0, equals)] = argument.substr(equals + 1);
        } else {
            if (i + 1 == argc) fail(ErrorCode::invalid_argument, "{} needs a value", argument);
            given[argument] = argv[++i];
        }
    }
    Options options;
    for (const auto& [name, value] : given) {
        if (name == "--model")
            options.model = value;
        else if (name == "--socket")
            options.socket = value;
        else if (name == "--name")
            options.name = value;
        else if (name == "--version")
            options.version = value;
        else if (name == "--backend")
            options.backend = value;
        else if (name == "--python")
            options.python = value;
        else if (name == "--onnxruntime")
            options.onnxruntime = value;
        else if (name == "--threads")
            options.threads = read_count(name, value);
        else if (name == "--workers")
            options.workers = read_count(name, value);
        else
            fail(ErrorCode::invalid_argument,
                 "unknown option {}; maru infer --help lists the options", name);
    }
    if (options.model.empty() || options.socket.empty())
        fail(ErrorCode::invalid_argument, "--model and --socket are needed");
    if (options.backend != "auto" && options.backend != "onnx" && options.backend != "python")
        fail(ErrorCode::invalid_argument, "--backend: expected auto, onnx or python, got \"{}\"",
             options.backend);
    return options;
}

std::unique_ptr<serving::Model> load(const Options& options,
                                     std::function<void(std::string)> on_failed) {
    auto directory = serving::read_model_directory(options.model);
    bool onnx = options.backend == "onnx" || (options.backend == "auto" && directory.onnx_file);
    if (onnx) {
        if (!directory.onnx_file)
            fail(ErrorCode::failed_precondition, "{} has no onnx flavour", options.model.string());
        return serving::load_onnx_model({.library = options.onnxruntime,
                                         .model = *directory.onnx_file,
                                         .threads = options.threads,
                                         .signature_columns = directory.signature_columns});
    }
    if (!directory.is_pyfunc)
        fail(ErrorCode::failed_precondition,
             "{} has neither the onnx nor the python_function flavour", options.model.string());
    if (options.python.empty())
        fail(ErrorCode::invalid_argument,
             "--python is needed: the model is run by the Python of its environment");
    return serving::start_python_model({.python = options.python,
                                        .model = options.model,
                                        .workers = options.workers,
                                        .threads = options.threads,
                                        .on_failed = std::move(on_failed)});
}

/// Serves until a signal. Returns why the model could not be served, or nothing after SIGTERM or
/// SIGINT.
std::string serve(const Options& options) {
    // Blocked before any thread starts, so that only sigwait below takes them.
    sigset_t signals;
    sigemptyset(&signals);
    for (int signal : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&signals, signal);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    signal(SIGPIPE, SIG_IGN);

    std::string failure;
    auto model = load(options, [&failure](std::string reason) {
        failure = std::move(reason);
        kill(getpid(), SIGUSR1);
    });
    net::ServerOptions server_options;
    server_options.listen_tcp = false;
    server_options.unix_socket = options.socket;
    server_options.worker_threads = std::max(4, options.threads * 2 + options.workers);
    auto server = net::Server::start(
        server_options, serving::inference_routes(*model, options.name, options.version));
    log::info("serving {} version {} on {}", options.name, options.version,
              options.socket.string());
    int signal = 0;
    sigwait(&signals, &signal);
    if (signal != SIGUSR1) failure.clear();
    server->stop(5s);
    return failure;
}

}  // namespace

int run_infer(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        if (std::string_view(argv[i]) == "--help") {
            fmt::print("{}", kUsage);
            return 0;
        }
    }
    std::filesystem::path socket;
    std::string failure;
    int code = 1;
    try {
        auto options = read_options(argc, argv);
        socket = options.socket;
        failure = serve(options);
    } catch (const Error& error) {
        failure = error.message();
        if (error.code() == ErrorCode::invalid_argument) code = 2;
    } catch (const std::exception& error) {
        failure = error.what();
    }
    if (failure.empty()) return 0;
    log::error("{}", failure);
    try {
        if (!socket.empty()) write_file_atomically(socket.string() + ".error", failure);
    } catch (const Error& error) {
        log::error("the reason could not be left beside the socket: {}", error.message());
    }
    return code;
}

}  // namespace maru
