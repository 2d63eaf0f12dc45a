#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

#include "base/error.hpp"

namespace maru::tracking::search {

template <class... Args>
[[noreturn]] void reject(fmt::format_string<Args...> format, Args&&... args) {
    throw Error(ErrorCode::invalid_argument, fmt::format(format, std::forward<Args>(args)...));
}

struct Token {
    enum class Kind { word, text, number, symbol, comparator, end };
    Kind kind = Kind::end;
    std::string text;  // of Kind::text: without its quotes
    std::string raw;   // as it stands
};

/// Cuts a filter into tokens. A quoted part that follows "metrics." belongs to the same word.
///
/// Lifetime: no longer than the text. Errors: invalid_argument for an open quote or a character
/// that no filter has.
class Lexer {
  public:
    explicit Lexer(std::string_view text) : text_(text) {}
    Token next();
    /// Bytes of the text that were read.
    std::size_t position() const { return at_; }

  private:
    std::string quoted_text();
    Token quoted();
    Token word_rest(std::size_t from, std::string content);
    Token number();
    Token comparator();

    std::string_view text_;
    std::size_t at_ = 0;
};

/// ASCII letters in upper case.
std::string upper(std::string_view text);

}  // namespace maru::tracking::search
