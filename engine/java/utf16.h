// Functions for UTF-16. Strings are UTF-8 internally, but in ksqlDB their lengths, positions and
// order refer to UTF-16 units.
#pragma once
#include <compare>
#include <cstddef>
#include <string>
#include <string_view>

namespace engine {

bool is_ascii(std::string_view text);
// Returns the number of UTF-16 units of the text.
size_t utf16_length(std::string_view text);
// Returns the byte offset of the UTF-16 unit with this index. If the text has at most `index`
// units, returns its size. The second half of a surrogate pair has the offset of the first half.
size_t utf16_offset(std::string_view text, size_t index);
// Compares texts by UTF-16 units, as Java's String.compareTo does. This order differs from the
// order of the bytes for characters above U+FFFF.
std::strong_ordering compare_utf16(std::string_view a, std::string_view b);
// Compares bytes as signed numbers, as Java's ByteBuffer.compareTo does.
std::strong_ordering compare_signed_bytes(std::string_view a, std::string_view b);

std::u16string to_utf16(std::string_view text);
// Converts UTF-16 to UTF-8. Unpaired surrogates become `?`, as in Java's encoder.
std::string to_utf8(std::u16string_view text);

// Returns the bytes with U+FFFD for each byte that is not part of valid UTF-8.
std::string to_valid_utf8(std::string_view bytes);

// Returns the number of bytes of the character (code point) that begins at `at`.
size_t character_size(std::string_view text, size_t at);
// Returns the code point that begins at `at`; U+FFFD for invalid UTF-8.
char32_t character_at(std::string_view text, size_t at);
void append_utf8(std::string& out, char32_t code_point);

}  // namespace engine
