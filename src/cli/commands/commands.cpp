#include "cli/commands/commands.hpp"

namespace maru::cli {

const std::vector<Command>& commands() {
    static const auto table = [] {
        std::vector<Command> all;
        all.push_back({.name = "server", .summary = "Run the platform on this machine", .run = {}});
        for (CommandFactory make :
             {&login_commands,       &status_commands,        &run_commands,
              &jobs_commands,        &job_commands,           &logs_commands,
              &environment_commands, &runs_commands,          &reproduce_commands,
              &model_commands,       &model_history_commands, &model_approval_commands,
              &retention_commands,   &webhook_commands,       &deploy_commands,
              &endpoint_commands,    &predict_commands,       &transfer_commands,
              &project_commands,     &user_commands,          &token_commands,
              &doctor_commands,      &help_commands})
            for (auto& command : make()) all.push_back(std::move(command));
        return all;
    }();
    return table;
}

Found find_command(std::span<const std::string> words) {
    Found found;
    for (const auto& command : commands()) {
        bool two = command.name.find(' ') != std::string_view::npos;
        std::size_t count = two ? 2 : 1;
        if (words.size() < count) continue;
        auto typed = two ? words[0] + " " + words[1] : words[0];
        if (typed == command.name && count > found.words) found = {&command, count};
    }
    return found;
}

}  // namespace maru::cli
