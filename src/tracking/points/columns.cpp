#include "tracking/points/columns.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

namespace maru::tracking {
namespace {

/// How a series' values are held; part of the stored format.
enum class Form : std::uint8_t {
    constant = 0,
    decimal = 1,         // integers, times a power of ten; differences
    dictionary = 2,      // places among few distinct values
    single = 3,          // floats' bytes
    single_changes = 4,  // floats' differences
    whole = 5,           // doubles' bytes
    whole_changes = 6,   // doubles' differences
};

constexpr int kDigitsMax = 10;
constexpr std::size_t kDictionaryMax = 65536;
constexpr double kIntegerMax = 9007199254740992.0;  // 2^53: doubles hold all integers below
constexpr std::array<double, kDigitsMax + 1> kPowers{1e0, 1e1, 1e2, 1e3, 1e4, 1e5,
                                                     1e6, 1e7, 1e8, 1e9, 1e10};

double value_of(std::int64_t bits) {
    return std::bit_cast<double>(bits);
}

/// The number of which `bits` is the decimal with so many digits behind the point.
std::optional<std::int64_t> scaled(std::int64_t bits, int digits) {
    double power = kPowers[static_cast<std::size_t>(digits)];
    double number = std::nearbyint(value_of(bits) * power);
    if (!(std::fabs(number) < kIntegerMax)) return std::nullopt;
    auto integer = static_cast<std::int64_t>(number);
    // The way back, to the bit: refuses -0, too.
    if (std::bit_cast<std::int64_t>(static_cast<double>(integer) / power) != bits)
        return std::nullopt;
    return integer;
}

/// With how many digits behind the point all values are short decimal numbers.
std::optional<int> common_digits(std::span<const std::int64_t> values) {
    int digits = 0;
    for (auto bits : values) {
        while (!scaled(bits, digits))
            if (++digits > kDigitsMax) return std::nullopt;
    }
    for (auto bits : values)
        if (!scaled(bits, digits)) return std::nullopt;
    return digits;
}

/// Neighbouring numbers get neighbouring integers, the negative ones as well.
template <class Word>
Word ordered(Word bits) {
    using Signed = std::make_signed_t<Word>;
    auto value = static_cast<Signed>(bits);
    return static_cast<Word>(value < 0 ? value ^ std::numeric_limits<Signed>::max() : value);
}

template <class Word>
Word folded(Word change) {
    return static_cast<Word>((change << 1) ^
                             (Word{0} - (change >> (std::numeric_limits<Word>::digits - 1))));
}
template <class Word>
Word unfolded(Word change) {
    return static_cast<Word>((change >> 1) ^ (Word{0} - (change & 1)));
}

template <class Word>
std::vector<Word> changes(const std::vector<Word>& words) {
    std::vector<Word> made;
    made.reserve(words.size());
    Word last = 0;
    for (Word word : words) {
        Word next = ordered(word);
        made.push_back(folded(static_cast<Word>(next - last)));
        last = next;
    }
    return made;
}

template <class Word>
void undo_changes(std::vector<Word>& words) {
    Word last = 0;
    for (Word& word : words) {
        last = static_cast<Word>(last + unfolded(word));
        word = ordered(last);
    }
}

/// About how many bytes an entropy coder needs for the words, each byte of a word coded for itself.
template <class Word>
double estimate(const std::vector<Word>& words) {
    double bits = 0;
    for (std::size_t place = 0; place < sizeof(Word); ++place) {
        std::array<std::uint32_t, 256> counts{};
        for (Word word : words) ++counts[(word >> (8 * place)) & 0xff];
        for (auto count : counts)
            if (count != 0) bits += count * std::log2(static_cast<double>(words.size()) / count);
    }
    return bits / 8;
}

template <class Word>
void put_words(const std::vector<Word>& words, Columns& columns, std::size_t first) {
    for (std::size_t place = 0; place < sizeof(Word); ++place) {
        auto& column = columns[first + place];
        for (Word word : words) column.push_back(static_cast<char>(word >> (8 * place)));
    }
}

template <class Word>
std::vector<Word> take_words(ColumnReaders& columns, std::size_t first, std::size_t count) {
    std::vector<Word> words(count);
    for (std::size_t place = 0; place < sizeof(Word); ++place) {
        auto bytes = columns[first + place].take(count);
        for (std::size_t i = 0; i < count; ++i)
            words[i] |= static_cast<Word>(static_cast<Word>(static_cast<unsigned char>(bytes[i]))
                                          << (8 * place));
    }
    return words;
}

/// One way to hold the values, with what it is estimated to cost.
struct Choice {
    double cost = std::numeric_limits<double>::infinity();
    Form form = Form::whole;
};

/// The forms of one width: as they are, or as differences.
template <class Word>
struct Width {
    std::vector<Word> words, differences;
    Choice best;

    Width(std::vector<Word> given, Form plain, Form changed)
        : words(std::move(given)), differences(changes(words)) {
        best = {estimate(words), plain};
        if (double cost = estimate(differences); cost < best.cost) best = {cost, changed};
    }
    void put(Columns& columns, std::size_t first, Form plain) const {
        put_words(best.form == plain ? words : differences, columns, first);
    }
};

std::optional<std::vector<std::uint32_t>> as_singles(std::span<const std::int64_t> values) {
    std::vector<std::uint32_t> singles;
    singles.reserve(values.size());
    for (auto bits : values) {
        auto single = static_cast<float>(value_of(bits));
        if (std::bit_cast<std::int64_t>(static_cast<double>(single)) != bits) return std::nullopt;
        singles.push_back(std::bit_cast<std::uint32_t>(single));
    }
    return singles;
}

std::string as_integers(std::span<const std::int64_t> values, int digits) {
    std::string bytes;
    std::int64_t last = 0;
    for (auto bits : values) {
        auto number = scaled(bits, digits).value();
        put_signed(bytes, difference(number, last));
        last = number;
    }
    return bytes;
}

void put_dictionary(std::span<const std::int64_t> values, const std::vector<std::int64_t>& distinct,
                    Columns& columns) {
    put_varint(columns[kDirectory], distinct.size());
    for (auto bits : distinct) put_word(columns[kWords], static_cast<std::uint64_t>(bits));
    for (auto bits : values) {
        auto place =
            static_cast<std::size_t>(std::ranges::lower_bound(distinct, bits) - distinct.begin());
        columns[kIndexes].push_back(static_cast<char>(place));
        if (distinct.size() > 256) columns[kIndexesHigh].push_back(static_cast<char>(place >> 8));
    }
}

}  // namespace

void encode_values(std::span<const std::int64_t> values, Columns& columns) {
    auto& directory = columns[kDirectory];
    auto begin = [&](Form form) { directory.push_back(static_cast<char>(form)); };

    std::vector<std::int64_t> distinct(values.begin(), values.end());
    std::ranges::sort(distinct);
    distinct.erase(std::ranges::unique(distinct).begin(), distinct.end());
    if (distinct.size() == 1) {
        begin(Form::constant);
        put_word(columns[kWords], static_cast<std::uint64_t>(distinct.front()));
        return;
    }
    Choice best;
    if (distinct.size() <= std::min(kDictionaryMax, values.size() / 2))
        best = {static_cast<double>(8 * distinct.size() +
                                    values.size() * (distinct.size() > 256 ? 2 : 1)),
                Form::dictionary};
    std::string integers;
    auto digits = common_digits(values);
    if (digits) {
        integers = as_integers(values, *digits);
        // They are compressed afterwards, too, if not as well as single bytes.
        if (double cost = 0.9 * static_cast<double>(integers.size()); cost < best.cost)
            best = {cost, Form::decimal};
    }
    std::optional<Width<std::uint32_t>> single;
    std::optional<Width<std::uint64_t>> whole;
    if (auto singles = as_singles(values)) {
        single.emplace(std::move(*singles), Form::single, Form::single_changes);
        if (single->best.cost < best.cost) best = single->best;
    } else {
        whole.emplace(std::vector<std::uint64_t>(values.begin(), values.end()), Form::whole,
                      Form::whole_changes);
        if (whole->best.cost < best.cost) best = whole->best;
    }
    begin(best.form);
    if (best.form == Form::dictionary) {
        put_dictionary(values, distinct, columns);
    } else if (best.form == Form::decimal) {
        directory.push_back(static_cast<char>(*digits));
        put_varint(directory, integers.size());
        columns[kIntegers] += integers;
    } else if (single) {
        single->put(columns, kSingles, Form::single);
    } else if (whole) {
        whole->put(columns, kDoubles, Form::whole);
    }
}

void decode_values(ColumnReaders& columns, std::size_t count, std::vector<std::int64_t>& values) {
    auto form = static_cast<Form>(columns[kDirectory].byte());
    values.clear();
    values.reserve(count);
    switch (form) {
        case Form::constant:
            values.assign(count, static_cast<std::int64_t>(columns[kWords].word()));
            return;
        case Form::decimal: {
            std::size_t digits = columns[kDirectory].byte();
            if (digits >= kPowers.size()) ByteReader::damaged();
            ByteReader integers(columns[kIntegers].take(columns[kDirectory].varint()));
            std::int64_t number = 0;
            for (std::size_t i = 0; i < count; ++i) {
                number = sum(number, integers.signed_varint());
                values.push_back(
                    std::bit_cast<std::int64_t>(static_cast<double>(number) / kPowers[digits]));
            }
            return;
        }
        case Form::dictionary: {
            auto size = columns[kDirectory].varint();
            if (size > kDictionaryMax) ByteReader::damaged();
            std::vector<std::int64_t> distinct;
            for (std::uint64_t i = 0; i < size; ++i)
                distinct.push_back(static_cast<std::int64_t>(columns[kWords].word()));
            auto low = columns[kIndexes].take(count);
            auto high = size > 256 ? columns[kIndexesHigh].take(count) : std::string_view();
            for (std::size_t i = 0; i < count; ++i) {
                std::size_t place = static_cast<unsigned char>(low[i]);
                if (!high.empty())
                    place |= static_cast<std::size_t>(static_cast<unsigned char>(high[i])) << 8;
                if (place >= distinct.size()) ByteReader::damaged();
                values.push_back(distinct[place]);
            }
            return;
        }
        case Form::single:
        case Form::single_changes: {
            auto words = take_words<std::uint32_t>(columns, kSingles, count);
            if (form == Form::single_changes) undo_changes(words);
            for (auto word : words)
                values.push_back(
                    std::bit_cast<std::int64_t>(static_cast<double>(std::bit_cast<float>(word))));
            return;
        }
        case Form::whole:
        case Form::whole_changes: {
            auto words = take_words<std::uint64_t>(columns, kDoubles, count);
            if (form == Form::whole_changes) undo_changes(words);
            for (auto word : words) values.push_back(static_cast<std::int64_t>(word));
            return;
        }
    }
    ByteReader::damaged();
}

void skip_values(ColumnReaders& columns, std::size_t count) {
    auto form = static_cast<Form>(columns[kDirectory].byte());
    switch (form) {
        case Form::constant:
            columns[kWords].word();
            return;
        case Form::decimal:
            columns[kDirectory].byte();
            columns[kIntegers].take(columns[kDirectory].varint());
            return;
        case Form::dictionary: {
            auto size = columns[kDirectory].varint();
            if (size > kDictionaryMax) ByteReader::damaged();
            columns[kWords].take(size * sizeof(std::uint64_t));
            columns[kIndexes].take(count);
            if (size > 256) columns[kIndexesHigh].take(count);
            return;
        }
        case Form::single:
        case Form::single_changes:
            for (std::size_t place = 0; place < 4; ++place) columns[kSingles + place].take(count);
            return;
        case Form::whole:
        case Form::whole_changes:
            for (std::size_t place = 0; place < 8; ++place) columns[kDoubles + place].take(count);
            return;
    }
    ByteReader::damaged();
}

}  // namespace maru::tracking
