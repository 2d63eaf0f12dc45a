#pragma once

#include <string>
#include <string_view>

namespace maru::serving {

/// Reads JSON left to right straight out of the request's text, without a tree: what tensors of
/// millions of numbers need, and nothing more.
///
/// Lifetime: not longer than the text. Threads: one. Errors: invalid_argument that says where (byte
/// offset) and what was expected.
class JsonCursor {
  public:
    explicit JsonCursor(std::string_view text)
        : begin_(text.data()), at_(text.data()), end_(text.data() + text.size()) {}

    /// The next character after white space, 0 at the end.
    char peek() {
        while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
        return at_ == end_ ? '\0' : *at_;
    }
    bool take(char wanted) {
        if (peek() != wanted) return false;
        ++at_;
        return true;
    }
    void expect(char wanted);
    /// Reads a string; the view is valid until the next call of string().
    std::string_view string();
    /// The text of a number, true, false, null, NaN, Infinity or -Infinity.
    std::string_view scalar();
    /// Passes over one value and returns its text.
    std::string_view value(int depth = 0);
    /// Throws unless only white space is left.
    void expect_end();

    /// Calls `visit(key)` for every member of an object; visit must consume the value. The key is a
    /// copy.
    template <class F>
    void object(F&& visit) {
        expect('{');
        if (take('}')) return;
        do {
            std::string key(string());
            expect(':');
            visit(std::string_view(key));
        } while (take(','));
        expect('}');
    }
    /// Calls `visit()` for every element of an array; visit must consume it.
    template <class F>
    void array(F&& visit) {
        expect('[');
        if (take(']')) return;
        do visit();
        while (take(','));
        expect(']');
    }

    const char* position() const { return at_; }
    const char* end() const { return end_; }
    void move_to(const char* position) { at_ = position; }
    [[noreturn]] void fail_here(std::string_view expected) const;

  private:
    void escape();
    unsigned hex4();

    const char* begin_;
    const char* at_;
    const char* end_;
    std::string scratch_;
};

}  // namespace maru::serving
