#include <memory>

#include "base/files.hpp"
#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/session.hpp"

namespace maru::cli {
namespace {

struct PredictOptions {
    std::string endpoint, input = "-";
};

int predict(Session& session, const PredictOptions& options) {
    if (options.input == "-" && session.interactive())
        session.note("Reading the input from the terminal; end with Ctrl-D.");
    auto input = options.input == "-" ? read_all_from_stdin() : read_file(options.input);
    if (trim(input).empty())
        fail(ErrorCode::invalid_argument,
             "the input is empty; expected JSON such as {{\"inputs\": [[1, 2, 3]]}}, or CSV in a "
             ".csv file");
    net::ClientRequest request{.method = "POST"};
    request.target =
        fmt::format("/p/{}/endpoints/{}/invocations", percent_encode(session.project()),
                    percent_encode(options.endpoint));
    request.headers.set("Content-Type",
                        options.input.ends_with(".csv") ? "text/csv" : "application/json");
    request.body = std::move(input);
    request.timeout = std::chrono::seconds(300);
    auto answer = session.client().send(std::move(request)).body;
    print_out(answer);
    if (!answer.ends_with('\n')) print_out("\n");
    return 0;
}

}  // namespace

std::vector<Command> predict_commands() {
    auto options = std::make_shared<PredictOptions>();
    return {
        {.name = "predict",
         .summary = "Ask an endpoint for predictions",
         .details =
             "Prints the endpoint's JSON answer. The input is in one of MLflow's scoring formats: "
             "{\"inputs\": ...}, {\"instances\": ...}, {\"dataframe_split\": ...}, "
             "{\"dataframe_records\": ...}, or CSV in a file that ends with .csv.",
         .configure =
             [options](Arguments& arguments) {
                 arguments.positional("ENDPOINT", &options->endpoint, "The endpoint's name");
                 arguments.option("--input", "FILE|-", &options->input,
                                  "The input; standard input if not given");
             },
         .run = [options](Session& session) { return predict(session, *options); }}};
}

}  // namespace maru::cli
