#include "base/json_value.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_stack.hpp>
#include <charconv>
#include <limits>

namespace maru {
namespace {

namespace json = boost::json;
using ErrorCode = boost::system::error_code;

/// Builds the value as Boost.JSON's own parser does, but for doubles, which it reads from their
/// text.
class Handler {
  public:
    static constexpr std::size_t max_array_size = std::numeric_limits<std::size_t>::max();
    static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
    static constexpr std::size_t max_string_size = std::numeric_limits<std::size_t>::max();
    static constexpr std::size_t max_key_size = std::numeric_limits<std::size_t>::max();

    void reset(json::storage_ptr storage) { stack_.reset(std::move(storage)); }
    json::value release() { return stack_.release(); }

    bool on_document_begin(ErrorCode&) { return true; }
    bool on_document_end(ErrorCode&) { return true; }
    bool on_object_begin(ErrorCode&) { return true; }
    bool on_object_end(std::size_t count, ErrorCode&) {
        stack_.push_object(count);
        return true;
    }
    bool on_array_begin(ErrorCode&) { return true; }
    bool on_array_end(std::size_t count, ErrorCode&) {
        stack_.push_array(count);
        return true;
    }
    bool on_key_part(json::string_view text, std::size_t, ErrorCode&) {
        stack_.push_chars(text);
        return true;
    }
    bool on_key(json::string_view text, std::size_t, ErrorCode&) {
        stack_.push_key(text);
        return true;
    }
    bool on_string_part(json::string_view text, std::size_t, ErrorCode&) {
        stack_.push_chars(text);
        return true;
    }
    bool on_string(json::string_view text, std::size_t, ErrorCode&) {
        stack_.push_string(text);
        return true;
    }
    bool on_number_part(json::string_view text, ErrorCode&) {
        number_.append(text.data(), text.size());
        return true;
    }
    bool on_int64(std::int64_t number, json::string_view, ErrorCode&) {
        number_.clear();
        stack_.push_int64(number);
        return true;
    }
    bool on_uint64(std::uint64_t number, json::string_view, ErrorCode&) {
        number_.clear();
        stack_.push_uint64(number);
        return true;
    }
    bool on_double(double rough, json::string_view text, ErrorCode&) {
        number_.append(text.data(), text.size());
        double number = 0;
        auto [end, error] =
            std::from_chars(number_.data(), number_.data() + number_.size(), number);
        // Out of range: the rough one is the infinity or zero that it should be.
        stack_.push_double(error == std::errc{} ? number : rough);
        number_.clear();
        return true;
    }
    bool on_bool(bool flag, ErrorCode&) {
        stack_.push_bool(flag);
        return true;
    }
    bool on_null(ErrorCode&) {
        stack_.push_null();
        return true;
    }
    bool on_comment_part(json::string_view, ErrorCode&) { return true; }
    bool on_comment(json::string_view, ErrorCode&) { return true; }

  private:
    json::value_stack stack_;
    std::string number_;
};

json::parse_options parse_options() {
    json::parse_options options;
    options.max_depth = 100;
    return options;
}

}  // namespace

json::value parse_json_value(std::string_view text, json::storage_ptr storage,
                             JsonSyntaxError& error) {
    json::basic_parser<Handler> parser(parse_options());
    parser.handler().reset(std::move(storage));
    ErrorCode code;
    std::size_t read = parser.write_some(false, text.data(), text.size(), code);
    if (!code && read < text.size()) {
        read = std::min(text.find_first_not_of(" \t\r\n", read), text.size());
        if (read < text.size()) code = json::error::extra_data;
    }
    error = {};
    if (code) {
        error = {code.message(), read};
        return nullptr;
    }
    return parser.handler().release();
}

}  // namespace maru
