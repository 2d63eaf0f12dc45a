#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/output.hpp"
#include "cli/session.hpp"
#include "compute/operations.hpp"

namespace maru::cli {
namespace {

struct VersionResult {
    std::string version;
};
BOOST_DESCRIBE_STRUCT(VersionResult, (), (version))

int status(Session& session) {
    auto status = session.client().call(compute::get_status, {});
    if (session.json()) {
        session.print_json(status);
        return 0;
    }
    Sheet sheet;
    sheet.line("server", fmt::format("{} (maru {})", session.settings().url, status.version));
    sheet.line("project", session.project());
    sheet.line("jobs",
               fmt::format("{} running, {} queued", status.jobs_running, status.jobs_queued));
    print_out(sheet.render(session.out()) + "\n");
    Table table({{"NODE", Table::Align::left, true},
                 {"CPUS FREE", Table::Align::right},
                 {"OF", Table::Align::right},
                 {"MEMORY FREE", Table::Align::right},
                 {"OF", Table::Align::right},
                 {"GPUS FREE", Table::Align::right},
                 {"OF", Table::Align::right}});
    for (const auto& node : status.nodes)
        table.row({node.name, format_cpus(node.cpu_free_milli), format_cpus(node.cpu_milli),
                   format_bytes(node.memory_free_mib << 20), format_bytes(node.memory_mib << 20),
                   node.gpus_free, node.gpus});
    print_out(table.render(session.out()));
    return 0;
}

int version(Session& session) {
    if (session.json())
        session.print_json(VersionResult{MARU_VERSION});
    else
        print_out("maru " MARU_VERSION "\n");
    return 0;
}

}  // namespace

std::vector<Command> status_commands() {
    return {{.name = "status",
             .summary = "Show the server, its nodes and what is free on them",
             .run = status},
            {.name = "version", .summary = "Show this program's version", .run = version}};
}

}  // namespace maru::cli
