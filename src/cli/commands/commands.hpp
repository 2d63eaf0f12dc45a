#pragma once

#include "cli/command.hpp"

namespace maru::cli {

// One factory a file of this folder; commands.cpp puts them in the order of the help.
std::vector<Command> login_commands();
std::vector<Command> status_commands();
std::vector<Command> project_commands();
std::vector<Command> user_commands();
std::vector<Command> token_commands();
std::vector<Command> run_commands();
std::vector<Command> jobs_commands();
std::vector<Command> job_commands();
std::vector<Command> logs_commands();
std::vector<Command> environment_commands();
std::vector<Command> runs_commands();
std::vector<Command> reproduce_commands();
std::vector<Command> model_commands();
std::vector<Command> model_history_commands();
std::vector<Command> model_approval_commands();
std::vector<Command> deploy_commands();
std::vector<Command> endpoint_commands();
std::vector<Command> predict_commands();
std::vector<Command> retention_commands();
std::vector<Command> webhook_commands();
std::vector<Command> transfer_commands();
std::vector<Command> doctor_commands();
std::vector<Command> help_commands();

}  // namespace maru::cli
