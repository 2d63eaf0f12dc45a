#include "cli/terminal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <utility>

#include "base/error.hpp"
#include "base/files.hpp"

namespace maru::cli {
namespace {

constexpr char32_t kReplacement = 0xfffd;

/// Decodes one character and moves on; broken bytes become U+FFFD.
char32_t next_character(std::string_view& text) {
    auto lead = static_cast<unsigned char>(text.front());
    std::size_t length = lead < 0x80    ? 1
                         : lead >= 0xf0 ? 4
                         : lead >= 0xe0 ? 3
                         : lead >= 0xc0 ? 2
                                        : 0;
    if (length == 0 || length > text.size()) {
        text.remove_prefix(1);
        return kReplacement;
    }
    char32_t value = length == 1 ? lead : lead & (0x7fu >> length);
    for (std::size_t i = 1; i < length; ++i) {
        auto byte = static_cast<unsigned char>(text[i]);
        if ((byte & 0xc0) != 0x80) {
            text.remove_prefix(1);
            return kReplacement;
        }
        value = value << 6 | (byte & 0x3f);
    }
    text.remove_prefix(length);
    return value;
}

int columns_of(char32_t character) {
    // Unicode's East Asian Width W and F by blocks, and the combining marks that take none.
    static constexpr std::array<std::pair<char32_t, char32_t>, 12> wide{{{0x1100, 0x115f},
                                                                         {0x2e80, 0x303e},
                                                                         {0x3041, 0x33ff},
                                                                         {0x3400, 0x4dbf},
                                                                         {0x4e00, 0x9fff},
                                                                         {0xa000, 0xa4cf},
                                                                         {0xac00, 0xd7a3},
                                                                         {0xf900, 0xfaff},
                                                                         {0xfe30, 0xfe6f},
                                                                         {0xff00, 0xff60},
                                                                         {0x1f300, 0x1faff},
                                                                         {0x20000, 0x3fffd}}};
    if ((character >= 0x0300 && character <= 0x036f) || character == 0x200b ||
        character == 0x200d || (character >= 0xfe00 && character <= 0xfe0f))
        return 0;
    for (auto [from, to] : wide)
        if (character >= from && character <= to) return 2;
    return 1;
}

void write_or_leave(int descriptor, std::string_view text) {
    while (!text.empty()) {
        auto written = ::write(descriptor, text.data(), text.size());
        if (written < 0) {
            if (errno == EINTR) continue;
            if (errno == EPIPE) std::_Exit(128 + SIGPIPE);
            fail_errno(errno, "cannot write the output");
        }
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

/// Reads single bytes, so that what follows the line stays for the next reader.
std::string read_line(int descriptor) {
    std::string line;
    for (;;) {
        char byte = 0;
        auto count = ::read(descriptor, &byte, 1);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) fail_errno(errno, "cannot read the answer");
        if (count == 0 || byte == '\n') break;
        line += byte;
    }
    if (line.ends_with('\r')) line.pop_back();
    return line;
}

}  // namespace

Terminal Terminal::of(int descriptor) {
    Terminal terminal;
    terminal.is_terminal = ::isatty(descriptor) == 1;
    if (!terminal.is_terminal) return terminal;
    const char* no_colour = std::getenv("NO_COLOR");
    const char* kind = std::getenv("TERM");
    terminal.colours = !(no_colour && *no_colour) && !(kind && std::string_view(kind) == "dumb");
    winsize size{};
    terminal.width =
        ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
    return terminal;
}

std::string paint(const Terminal& terminal, Colour colour, std::string_view text) {
    if (!terminal.colours || colour == Colour::none) return std::string(text);
    const char* code = "";
    switch (colour) {
        case Colour::none:
            break;
        case Colour::dim:
            code = "2";
            break;
        case Colour::red:
            code = "31";
            break;
        case Colour::green:
            code = "32";
            break;
        case Colour::yellow:
            code = "33";
            break;
        case Colour::blue:
            code = "34";
            break;
        case Colour::bold:
            code = "1";
            break;
    }
    return fmt::format("\033[{}m{}\033[0m", code, text);
}

int display_width(std::string_view text) {
    int width = 0;
    while (!text.empty()) width += columns_of(next_character(text));
    return width;
}

std::string shorten(std::string_view text, int columns) {
    if (display_width(text) <= columns) return std::string(text);
    if (columns <= 1) return "…";
    int head_columns = columns / 2;
    std::string_view rest = text;
    int used = 0;
    while (!rest.empty()) {
        auto after = rest;
        int width = columns_of(next_character(after));
        if (used + width > head_columns) break;
        used += width;
        rest = after;
    }
    std::string head(text.substr(0, text.size() - rest.size()));
    while (!rest.empty() && used + 1 + display_width(rest) > columns) next_character(rest);
    return head + "…" + std::string(rest);
}

std::string printable(std::string_view text) {
    std::string clean;
    clean.reserve(text.size());
    while (!text.empty()) {
        auto before = text;
        auto character = next_character(text);
        if (character == '\n' || character == '\t' || character == '\r')
            clean += ' ';
        else if (character < 0x20 || (character >= 0x7f && character < 0xa0) ||
                 character == kReplacement)
            clean += "\xef\xbf\xbd";
        else
            clean += before.substr(0, before.size() - text.size());
    }
    return clean;
}

void print_out(std::string_view text) {
    write_or_leave(STDOUT_FILENO, text);
}
void print_err(std::string_view text) {
    write_or_leave(STDERR_FILENO, text);
}

std::string prompt_secret(const std::string& question) {
    FileDescriptor terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
    termios before{};
    if (!terminal || ::tcgetattr(terminal.get(), &before) != 0)
        fail(ErrorCode::failed_precondition,
             "there is no terminal to ask on; give the secret on standard input with \"-\"");
    termios silent = before;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    write_all(terminal.get(), question);
    ::tcsetattr(terminal.get(), TCSAFLUSH, &silent);
    std::string line;
    try {
        line = read_line(terminal.get());
    } catch (...) {
        ::tcsetattr(terminal.get(), TCSAFLUSH, &before);
        throw;
    }
    ::tcsetattr(terminal.get(), TCSAFLUSH, &before);
    write_all(terminal.get(), "\n");
    return line;
}

std::string read_line_from_stdin(std::string_view what) {
    auto line = read_line(STDIN_FILENO);
    if (line.empty()) fail(ErrorCode::invalid_argument, "expected {} on standard input", what);
    return line;
}

std::string read_all_from_stdin() {
    std::string all;
    std::array<char, 65536> buffer;
    for (;;) {
        auto count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) fail_errno(errno, "cannot read standard input");
        if (count == 0) return all;
        all.append(buffer.data(), static_cast<std::size_t>(count));
    }
}

void StatusLine::show(std::string_view text) {
    if (!terminal_.is_terminal) return;
    std::lock_guard lock(mutex_);
    print_err("\r\033[K" + paint(terminal_, Colour::dim, shorten(text, terminal_.width - 1)));
    shown_ = true;
}

void StatusLine::clear() {
    std::lock_guard lock(mutex_);
    if (!shown_) return;
    print_err("\r\033[K");
    shown_ = false;
}

}  // namespace maru::cli
