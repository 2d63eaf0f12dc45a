#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/output.hpp"
#include "cli/session.hpp"
#include "cli/transfer/platform_sink.hpp"
#include "transfer/engine.hpp"

namespace maru::cli {
namespace {

constexpr std::size_t kRemarksShown = 20;

struct TransferOptions {
    std::string from, artifacts, directory, format;
    std::vector<std::string> experiments;
    bool dry_run = false, no_artifacts = false, recheck = false;
    std::optional<std::int64_t> connections;
};

/// Shows how far a transfer is, as long as it lives.
class ProgressLine {
  public:
    ProgressLine(const Terminal& terminal, const transfer::Progress& progress)
        : line_(terminal), progress_(progress) {
        if (terminal.is_terminal) thread_ = std::thread([this] { show(); });
    }
    ~ProgressLine() {
        {
            std::lock_guard lock(mutex_);
            ended_ = true;
        }
        changed_.notify_all();
        if (thread_.joinable()) thread_.join();
    }
    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;

  private:
    void show() {
        std::unique_lock lock(mutex_);
        while (!changed_.wait_for(lock, std::chrono::milliseconds(200), [&] { return ended_; })) {
            auto total = progress_.runs_total.load();
            line_.show(fmt::format("{}{} runs, {} points, {} of artifacts", progress_.runs.load(),
                                   total > 0 ? fmt::format(" of {}", total) : "",
                                   progress_.points.load(), format_bytes(progress_.bytes)));
        }
    }

    StatusLine line_;
    const transfer::Progress& progress_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool ended_ = false;  // guarded by mutex_
    std::thread thread_;
};

std::string words(const transfer::Counts& counts, bool dry_run) {
    std::string text = fmt::format("{} {}", counts.brought, dry_run ? "to do" : "new");
    if (counts.updated > 0) text += fmt::format(", {} updated", counts.updated);
    if (counts.present > 0) text += fmt::format(", {} there already", counts.present);
    if (counts.failed > 0) text += fmt::format(", {} failed", counts.failed);
    return text;
}

void print_remarks(const std::string& heading, const std::vector<transfer::Remark>& remarks) {
    if (remarks.empty()) return;
    std::string text = heading + "\n";
    for (std::size_t i = 0; i < std::min(remarks.size(), kRemarksShown); ++i)
        text += fmt::format("  {}: {}\n", printable(remarks[i].what), printable(remarks[i].why));
    if (remarks.size() > kRemarksShown)
        text += fmt::format("  and {} more; --json has all\n", remarks.size() - kRemarksShown);
    print_err(text);
}

int print_report(Session& session, const transfer::Report& report) {
    if (session.json()) {
        session.print_json(report);
    } else {
        Sheet sheet;
        sheet.line("experiments", words(report.experiments, report.dry_run));
        sheet.line("runs", words(report.runs, report.dry_run));
        if (!report.dry_run) sheet.line("points", fmt::format("{} sent", report.points));
        sheet.line("logged models", words(report.logged_models, report.dry_run));
        sheet.line("registered models", words(report.registered_models, report.dry_run));
        sheet.line("model versions", words(report.model_versions, report.dry_run));
        if (!report.dry_run)
            sheet.line("artifacts", words(report.artifacts, false) +
                                        fmt::format(", {} sent", format_bytes(report.bytes)));
        print_out(sheet.render(session.out()));
        print_remarks("Not brought over:", report.skipped);
        print_remarks("Failed; run the same again to go on:", report.failures);
    }
    return report.failures.empty() ? 0 : 1;
}

transfer::Options engine_options(const TransferOptions& options) {
    auto connections = options.connections.value_or(4);
    if (connections < 1 || connections > 32)
        fail(ErrorCode::invalid_argument, "--connections: expected 1 to 32, got {}", connections);
    return {.experiments = options.experiments,
            .dry_run = options.dry_run,
            .artifacts = !options.no_artifacts,
            .recheck = options.recheck,
            .connections = static_cast<int>(connections)};
}

int move(Session& session, transfer::Source& source, transfer::Sink& sink,
         const transfer::Options& options) {
    transfer::Progress progress;
    transfer::Report report;
    {
        ProgressLine line(session.err(), progress);
        report = transfer::transfer(source, sink, options, progress);
    }
    return print_report(session, report);
}

int import(Session& session, const TransferOptions& options) {
    if (options.from.empty())
        fail(ErrorCode::invalid_argument,
             "--from is missing: the URL of a tracking server, a folder mlruns, or a SQLite file");
    transfer::Credentials credentials{
        .username = process_environment("MLFLOW_TRACKING_USERNAME").value_or(""),
        .password = process_environment("MLFLOW_TRACKING_PASSWORD").value_or(""),
        .token = process_environment("MLFLOW_TRACKING_TOKEN").value_or("")};
    std::filesystem::path artifacts;
    if (!options.artifacts.empty()) {
        artifacts = std::filesystem::absolute(options.artifacts);
        std::error_code error;
        if (!std::filesystem::is_directory(artifacts, error))
            fail(ErrorCode::not_found, "--artifacts {}: there is no such folder",
                 options.artifacts);
    }
    auto chosen = engine_options(options);
    auto source = transfer::open_source(options.from, credentials, artifacts);
    auto sink = open_platform_sink(session.project(), [&session] { return session.new_client(); });
    return move(session, *source, *sink, chosen);
}

int export_project(Session& session, const TransferOptions& options) {
    auto chosen = engine_options(options);
    transfer::Credentials credentials{
        .username = {}, .password = {}, .token = session.settings().token};
    auto source =
        transfer::open_rest_source(session.settings().url + "/p/" + session.project(), credentials);
    auto sink = transfer::open_file_sink(std::filesystem::absolute(options.directory));
    return move(session, *source, *sink, chosen);
}

void declare_common(Arguments& arguments, TransferOptions& options) {
    arguments.option("--experiment", "NAME", &options.experiments,
                     "Only this experiment, with the models of its runs");
    arguments.flag("--no-artifacts", options.no_artifacts, "Leave files out");
    arguments.flag("--recheck", options.recheck,
                   "Look again into what is there whole, files included");
    arguments.option("--connections", "N", &options.connections,
                     "How many runs at a time, 4 if not given");
}

}  // namespace

std::vector<Command> transfer_commands() {
    auto options = std::make_shared<TransferOptions>();
    return {
        {.name = "import mlflow",
         .summary = "Bring over all that an MLflow installation holds",
         .details =
             "Experiments, runs under their own ids, every point, logged and registered models "
             "with "
             "their numbers, artifacts. It may be stopped and run again at any time: what is there "
             "is passed over, what is new is added. It exits with 1 if something could not be "
             "brought over, and names it. Credentials of a tracking server are taken from "
             "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN. "
             "Needs the role of an owner. More: docs/mlflow-migration.md",
         .configure =
             [options](Arguments& arguments) {
                 arguments.option("--from", "SOURCE", &options->from,
                                  "The URL of a tracking server, a folder mlruns, or a SQLite "
                                  "file");
                 arguments.option("--artifacts", "DIRECTORY", &options->artifacts,
                                  "Where the artifacts are, if not where the source says");
                 arguments.flag("--dry-run", options->dry_run,
                                "Only say what would be brought over");
                 declare_common(arguments, *options);
             },
         .run = [options](Session& session) { return import(session, *options); }},
        {.name = "export",
         .summary = "Write a project as an MLflow file store (mlruns)",
         .details =
             "MLflow's client opens the directory as its tracking URI, newer ones with "
             "MLFLOW_ALLOW_FILE_STORE=true. It may be stopped and run again: what is written and "
             "has not changed is passed over. More: docs/mlflow-migration.md",
         .configure =
             [options](Arguments& arguments) {
                 arguments.positional("DIRECTORY", &options->directory, "Made if it is not there");
                 arguments.option("--format", "FORMAT", &options->format,
                                  "mlruns, which is the default", {"mlruns"});
                 declare_common(arguments, *options);
             },
         .run = [options](Session& session) { return export_project(session, *options); }}};
}

}  // namespace maru::cli
