#include <sys/stat.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>

#include "base/child_process.hpp"
#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/output.hpp"
#include "cli/session.hpp"
#include "compute/operations.hpp"
#include "identity/operations.hpp"

namespace maru::cli {
namespace {

enum class Verdict { ok, warn, fail };
BOOST_DESCRIBE_ENUM(Verdict, ok, warn, fail)

struct Check {
    std::string name;
    Verdict result = Verdict::ok;
    std::string message;
    std::string remedy;  // what to do; empty where all is well
};
BOOST_DESCRIBE_STRUCT(Check, (), (name, result, message, remedy))

struct Report {
    bool healthy = true;  // nothing failed
    std::vector<Check> checks;
};
BOOST_DESCRIBE_STRUCT(Report, (), (healthy, checks))

class Doctor {
  public:
    explicit Doctor(Session& session) : session_(session) {}

    Report examine() {
        configuration();
        if (server()) {
            bool signed_in = token();
            if (signed_in) nodes();
        }
        if (server_is_here()) {
            sandbox();
            control_groups();
            packages();
            disk();
        }
        return std::move(report_);
    }

  private:
    void ok(std::string name, std::string message) {
        report_.checks.push_back({std::move(name), Verdict::ok, std::move(message), ""});
    }
    void warn(std::string name, std::string message, std::string remedy) {
        report_.checks.push_back(
            {std::move(name), Verdict::warn, std::move(message), std::move(remedy)});
    }
    void bad(std::string name, std::string message, std::string remedy) {
        report_.checks.push_back(
            {std::move(name), Verdict::fail, std::move(message), std::move(remedy)});
        report_.healthy = false;
    }

    void configuration() {
        auto path = config_path(process_environment);
        struct stat status{};
        if (::stat(path.c_str(), &status) != 0) {
            ok("configuration",
               path.string() + " is not there; defaults and the environment count");
            return;
        }
        if (status.st_mode & 077)
            warn("configuration", path.string() + " can be read by others, and holds your token",
                 "chmod 600 " + path.string());
        else
            ok("configuration", path.string());
    }

    bool server() {
        const auto& url = session_.settings().url;
        auto began = std::chrono::steady_clock::now();
        net::ClientResponse answer;
        try {
            answer =
                session_.client().send({.target = "/health", .timeout = std::chrono::seconds(10)});
        } catch (const Error& error) {
            bad("server", error.message(),
                "start one with maru server, or name it with --url, MARU_URL or maru login URL");
            return false;
        }
        auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
            std::chrono::steady_clock::now() - began);
        ok("server", fmt::format("{} answers in {}", url, short_duration(took)));
        clock(answer);
        return true;
    }

    void clock(const net::ClientResponse& answer) {
        std::string date(answer.headers.get("Date"));
        std::tm parts{};
        // strptime knows RFC 9110's form of the header; names of days and months are English in
        // "C".
        if (date.empty() || !::strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts)) return;
        auto skew_s = std::abs(static_cast<std::int64_t>(::timegm(&parts)) -
                               to_ms(SystemClock().now()) / 1000);
        if (skew_s > 5)
            warn("clock",
                 fmt::format("this machine's clock and the server's differ by {} s", skew_s),
                 "synchronise both with NTP");
        else
            ok("clock", "agrees with the server's");
    }

    bool token() {
        identity::Session who;
        try {
            who = session_.client().call(identity::get_session, {});
        } catch (const Error& error) {
            bad("token", error.message(), "maru login " + session_.settings().url);
            return false;
        }
        ok("token", fmt::format("signed in as {}{}", who.user.name,
                                who.user.admin ? ", administrator" : ""));
        bool member = who.user.admin;
        for (const auto& project : who.projects) member |= project.name == session_.project();
        if (member)
            ok("project", session_.project());
        else
            bad("project", fmt::format("you are no member of {}", session_.project()),
                "choose another, maru project ls and maru project use NAME, or ask its owner to "
                "let you in");
        return true;
    }

    void nodes() {
        compute::Status status;
        try {
            status = session_.client().call(compute::get_status, {});
        } catch (const Error& error) {
            bad("engine", error.message(), "see the server's log");
            return;
        }
        if (status.version == MARU_VERSION)
            ok("version", fmt::format("{} here and on the server", status.version));
        else
            warn("version", fmt::format("{} here, {} on the server", MARU_VERSION, status.version),
                 "use the same version of maru on both sides");
        std::int64_t cpus = 0, memory = 0, gpus = 0;
        for (const auto& node : status.nodes) {
            cpus += node.cpu_milli;
            memory += node.memory_mib;
            gpus += node.gpus;
        }
        if (status.nodes.empty())
            bad("engine", "the server has no node to run anything on", "see the server's log");
        else
            ok("engine", fmt::format("{} node(s), {} CPUs, {}, {} GPUs", status.nodes.size(),
                                     format_cpus(cpus), format_bytes(memory << 20), gpus));
    }

    bool server_is_here() {
        const auto& url = session_.settings().url;
        return url.starts_with("unix:") || url.find("://127.") != std::string::npos ||
               url.find("://localhost") != std::string::npos ||
               url.find("://[::1]") != std::string::npos;
    }

    static ChildResult try_command(const std::vector<std::string>& command) {
        ChildOptions options{.timeout = std::chrono::seconds(10)};
        options.environment["PATH"] = process_environment("PATH").value_or("/usr/bin:/bin");
        return run_child(command, options);
    }

    void sandbox() {
        if (!find_program("bwrap")) {
            bad("sandbox", "bubblewrap is not installed on this machine", "apt install bubblewrap");
            return;
        }
        auto result = try_command({"bwrap", "--ro-bind", "/", "/", "--unshare-pid", "true"});
        if (result.exit_code == 0)
            ok("sandbox", "bubblewrap works");
        else
            bad("sandbox", "bubblewrap can't make a sandbox: " + std::string(trim(result.output)),
                "let users make namespaces: sysctl kernel.unprivileged_userns_clone=1, and on "
                "Ubuntu "
                "kernel.apparmor_restrict_unprivileged_userns=0");
    }

    void control_groups() {
        namespace fs = std::filesystem;
        std::error_code error;
        bool unified = fs::exists("/sys/fs/cgroup/cgroup.controllers", error);
        bool legacy =
            fs::exists("/sys/fs/cgroup/memory", error) && fs::exists("/sys/fs/cgroup/cpu", error);
        if (unified || legacy)
            ok("cgroups", unified ? "version 2" : "version 1");
        else
            warn("cgroups", "neither version is mounted, so CPU and memory limits can't be held",
                 "mount the cgroup file system, or run the server outside of this container");
    }

    void packages() {
        if (find_program("uv"))
            ok("uv", std::string(trim(try_command({"uv", "--version"}).output)));
        else
            warn(
                "uv",
                "uv is not on PATH here, so Python environments can't be built by a server started "
                "from this shell",
                "pip install uv, or see docs.astral.sh/uv");
    }

    /// Where a server keeps its data unless told otherwise; its name for the folder is not told to
    /// clients.
    void disk() {
        auto base = process_environment("XDG_DATA_HOME");
        auto home = process_environment("HOME");
        if (!base && !home) return;
        auto folder = base ? std::filesystem::path(*base) / "maru"
                           : std::filesystem::path(*home) / ".local/share/maru";
        std::error_code error;
        while (!std::filesystem::exists(folder, error) && folder.has_relative_path())
            folder = folder.parent_path();
        auto space = std::filesystem::space(folder, error);
        if (error) return;
        auto text =
            fmt::format("{} free at {}", format_bytes(static_cast<std::int64_t>(space.available)),
                        folder.string());
        if (space.available < (std::uintmax_t{2} << 30))
            warn("disk", text,
                 "make room there, or keep the data elsewhere: maru server --data DIR");
        else
            ok("disk", text);
    }

    Session& session_;
    Report report_;
};

int doctor(Session& session) {
    auto report = Doctor(session).examine();
    if (session.json()) {
        session.print_json(report);
        return report.healthy ? 0 : 1;
    }
    Table table({{"CHECK"}, {"RESULT"}, {"WHAT"}});
    for (const auto& check : report.checks) {
        auto result = enum_name(check.result);
        table.row({check.name, {result, state_colour(result)}, check.message});
    }
    auto terminal = session.out();
    terminal.width = 0;  // what is wrong is worth a second line
    print_out(table.render(terminal));
    for (const auto& check : report.checks)
        if (!check.remedy.empty())
            print_out(fmt::format("\n{}: {}\n", paint(session.out(), Colour::bold, check.name),
                                  check.remedy));
    return report.healthy ? 0 : 1;
}

}  // namespace

std::vector<Command> doctor_commands() {
    return {
        {.name = "doctor",
         .summary = "Check this machine, the server and the way between them",
         .details =
             "Exits with 1 if anything failed. What concerns running workloads is checked when the "
             "server's address is this machine.",
         .run = doctor}};
}

}  // namespace maru::cli
