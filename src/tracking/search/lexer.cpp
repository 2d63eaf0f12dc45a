#include "tracking/search/lexer.hpp"

namespace maru::tracking::search {
namespace {

bool is_word_character(char c) {
    auto byte = static_cast<unsigned char>(c);
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') || byte >= 0x80 || c == '_' || c == '.' || c == '/' ||
           c == '-' || c == ':';
}

bool is_quote(char c) {
    return c == '\'' || c == '"' || c == '`';
}
bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

}  // namespace

std::string upper(std::string_view text) {
    std::string result(text);
    for (char& c : result)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return result;
}

Token Lexer::next() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    if (at_ >= text_.size()) return {};
    char c = text_[at_];
    if (is_quote(c)) return quoted();
    if (c == '(' || c == ')' || c == ',') {
        ++at_;
        return {Token::Kind::symbol, std::string(1, c), std::string(1, c)};
    }
    if (c == '=' || c == '!' || c == '<' || c == '>') return comparator();
    bool sign = (c == '-' || c == '+') && at_ + 1 < text_.size() &&
                (is_digit(text_[at_ + 1]) || text_[at_ + 1] == '.');
    if (is_digit(c) || sign) return number();
    if (is_word_character(c)) return word_rest(at_, "");
    reject("Invalid filter '{}': unexpected character '{}' at position {}", text_, c, at_ + 1);
}

std::string Lexer::quoted_text() {
    char quote = text_[at_++];
    std::string content;
    while (at_ < text_.size()) {
        if (text_[at_] != quote) {
            content += text_[at_++];
        } else if (at_ + 1 < text_.size() && text_[at_ + 1] == quote) {
            content += quote;
            at_ += 2;
        } else {
            ++at_;
            return content;
        }
    }
    reject("Invalid filter '{}': the quote {} is not closed", text_, quote);
}

Token Lexer::quoted() {
    std::size_t from = at_;
    bool identifier = text_[at_] == '`';
    std::string content = quoted_text();
    // `metrics`.`loss`, or a name of an attribute in backticks.
    if (identifier || (at_ < text_.size() && text_[at_] == '.'))
        return word_rest(from, std::move(content));
    return {Token::Kind::text, std::move(content), std::string(text_.substr(from, at_ - from))};
}

Token Lexer::word_rest(std::size_t from, std::string content) {
    while (at_ < text_.size()) {
        if (is_word_character(text_[at_]))
            content += text_[at_++];
        else if (is_quote(text_[at_]) && content.ends_with('.'))
            content += quoted_text();
        else
            break;
    }
    return {Token::Kind::word, std::move(content), std::string(text_.substr(from, at_ - from))};
}

Token Lexer::number() {
    std::size_t from = at_++;
    while (at_ < text_.size() &&
           (is_digit(text_[at_]) || text_[at_] == '.' || text_[at_] == 'e' || text_[at_] == 'E' ||
            ((text_[at_] == '-' || text_[at_] == '+') &&
             (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E'))))
        ++at_;
    std::string raw(text_.substr(from, at_ - from));
    if (at_ < text_.size() && is_word_character(text_[at_])) {
        Token token = word_rest(from, raw);
        return token;
    }
    return {Token::Kind::number, raw, raw};
}

Token Lexer::comparator() {
    std::size_t from = at_++;
    if (at_ < text_.size() && (text_[at_] == '=' || text_[at_] == '>')) ++at_;
    std::string raw(text_.substr(from, at_ - from));
    return {Token::Kind::comparator, raw, raw};
}

}  // namespace maru::tracking::search
