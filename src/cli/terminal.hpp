#pragma once

#include <mutex>
#include <string>
#include <string_view>

namespace maru::cli {

/// What one of our output streams can show.
struct Terminal {
    bool is_terminal = false;
    bool colours = false;  // a terminal, without NO_COLOR and not TERM=dumb
    int width = 0;         // 0: not a terminal, lines may be of any length

    static Terminal of(int descriptor);
};

enum class Colour { none, dim, red, green, yellow, blue, bold };
std::string paint(const Terminal& terminal, Colour colour, std::string_view text);

/// Columns that text takes on a terminal; East Asian wide characters take two.
int display_width(std::string_view text);
/// Cuts the middle out so that `columns` suffice.
std::string shorten(std::string_view text, int columns);
/// Replaces control characters, so that a name from elsewhere can't steer our terminal.
std::string printable(std::string_view text);

/// Writes to stdout, to stderr. A reader that went away ends the process, as for any filter.
void print_out(std::string_view text);
void print_err(std::string_view text);

/// Asks on the terminal; the answer isn't shown. Throws failed_precondition without a terminal.
std::string prompt_secret(const std::string& question);
/// One line from stdin, without its end; throws invalid_argument if there is none.
std::string read_line_from_stdin(std::string_view what);
std::string read_all_from_stdin();

/// One line at the bottom of the terminal that says what we wait for. Does nothing elsewhere.
/// Threads: any.
class StatusLine {
  public:
    explicit StatusLine(const Terminal& terminal) : terminal_(terminal) {}
    ~StatusLine() { clear(); }
    StatusLine(const StatusLine&) = delete;
    StatusLine& operator=(const StatusLine&) = delete;
    void show(std::string_view text);
    void clear();

  private:
    Terminal terminal_;
    std::mutex mutex_;
    bool shown_ = false;
};

}  // namespace maru::cli
