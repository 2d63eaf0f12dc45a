#include <string_view>

#include "cli/cli.hpp"
#include "compute/engines/process/shim.hpp"
#include "server/server.hpp"
#include "serving/inference/infer.hpp"

/// One binary: the server, what it runs beside itself (`shim`, `infer`), and every client command.
int main(int argc, char** argv) {
    std::string_view command = argc > 1 ? argv[1] : "";
    if (command == "shim") return maru::compute::run_shim(argc, argv);
    if (command == "infer") return maru::run_infer(argc, argv);
    if (command == "server") return maru::server::run_server(argc - 1, argv + 1);
    return maru::cli::run(argc, argv);
}
