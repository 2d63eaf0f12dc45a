#include "cli/output.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"

namespace maru::cli {
namespace {

constexpr int kGap = 2;
constexpr int kShortest = 8;

std::string padding(int columns) {
    return std::string(static_cast<std::size_t>(std::max(0, columns)), ' ');
}

}  // namespace

std::vector<int> Table::widths(const Terminal& terminal) const {
    std::vector<int> widths;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        int width = display_width(columns_[i].title);
        for (const auto& row : rows_)
            if (i < row.size()) width = std::max(width, display_width(printable(row[i].text)));
        widths.push_back(width);
    }
    if (terminal.width <= 0) return widths;
    int total = kGap * (static_cast<int>(columns_.size()) - 1);
    for (int width : widths) total += width;
    while (total > terminal.width) {
        int widest = -1;
        for (std::size_t i = 0; i < columns_.size(); ++i)
            if (columns_[i].may_shorten && widths[i] > kShortest &&
                (widest < 0 || widths[i] > widths[static_cast<std::size_t>(widest)]))
                widest = static_cast<int>(i);
        if (widest < 0) break;
        --widths[static_cast<std::size_t>(widest)];
        --total;
    }
    return widths;
}

std::string Table::render(const Terminal& terminal) const {
    auto columns = widths(terminal);
    std::string text;
    auto add_line = [&](auto&& cell_at) {
        std::string line;
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            auto [content, colour] = cell_at(i);
            std::string shown = shorten(printable(content), columns[i]);
            auto space = padding(columns[i] - display_width(shown));
            std::string painted = shown.empty() ? shown : paint(terminal, colour, shown);
            if (i > 0) line += padding(kGap);
            line += columns_[i].align == Align::right ? space + painted : painted + space;
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
    };
    add_line([&](std::size_t i) { return std::pair(columns_[i].title, Colour::dim); });
    for (const auto& row : rows_)
        add_line([&](std::size_t i) {
            return i < row.size() ? std::pair(row[i].text, row[i].colour)
                                  : std::pair(std::string(), Colour::none);
        });
    return text;
}

void Sheet::line(std::string name, std::string value, Colour colour) {
    lines_.push_back({std::move(name), std::move(value), colour});
}

std::string Sheet::render(const Terminal& terminal) const {
    int width = 0;
    for (const auto& line : lines_) width = std::max(width, display_width(line.name));
    std::string text;
    for (const auto& line : lines_) {
        text += paint(terminal, Colour::dim, line.name) +
                padding(width - display_width(line.name) + kGap) +
                paint(terminal, line.colour, printable(line.value)) + "\n";
    }
    return text;
}

Colour state_colour(std::string_view state) {
    auto lower = to_lower(state);
    if (lower == "succeeded" || lower == "ready" || lower == "finished" || lower == "ok")
        return Colour::green;
    if (lower == "failed" || lower == "fail" || lower == "failed_registration") return Colour::red;
    if (lower == "running" || lower == "building" || lower == "starting") return Colour::blue;
    if (lower == "queued" || lower == "scheduled" || lower == "preempted" || lower == "warn" ||
        lower == "pending_registration")
        return Colour::yellow;
    if (lower == "stopped" || lower == "killed") return Colour::dim;
    return Colour::none;
}

std::string short_duration(std::chrono::milliseconds duration) {
    auto ms = std::max<std::int64_t>(0, duration.count());
    if (ms < 1000) return fmt::format("{}ms", ms);
    if (ms < 60'000) return fmt::format("{}.{}s", ms / 1000, ms % 1000 / 100);
    auto s = ms / 1000;
    if (s < 3600) return fmt::format("{}m{:02}s", s / 60, s % 60);
    if (s < 86'400) return fmt::format("{}h{:02}m", s / 3600, s % 3600 / 60);
    return fmt::format("{}d{:02}h", s / 86'400, s % 86'400 / 3600);
}

std::string relative_time(Time time, Time now) {
    auto s = (now - time).count() / 1000;
    bool past = s >= 0;
    if (!past) s = -s;
    std::string amount;
    if (s < 60)
        amount = fmt::format("{}s", s);
    else if (s < 3600)
        amount = fmt::format("{}m", s / 60);
    else if (s < 86'400)
        amount = fmt::format("{}h", s / 3600);
    else if (s < 30 * 86'400)
        amount = fmt::format("{}d", s / 86'400);
    else
        return format_time(time).substr(0, 10);
    return past ? amount + " ago" : "in " + amount;
}

std::string format_cpus(std::int64_t cpu_milli) {
    if (cpu_milli % 1000 == 0) return std::to_string(cpu_milli / 1000);
    auto text = fmt::format("{}.{:03}", cpu_milli / 1000, cpu_milli % 1000);
    text.erase(text.find_last_not_of('0') + 1);
    return text;
}

std::string format_number(double value) {
    return fmt::format("{:.6g}", value);
}

std::string command_text(const std::vector<std::string>& command) {
    std::string text;
    for (const auto& word : command) {
        bool plain =
            !word.empty() && word.find_first_of(" \t\n'\"\\$`&|;<>()*?[]#~") == std::string::npos;
        std::string quoted = word;
        if (!plain) {
            quoted = "'";
            for (char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
            quoted += "'";
        }
        text += (text.empty() ? "" : " ") + quoted;
    }
    return text;
}

}  // namespace maru::cli
