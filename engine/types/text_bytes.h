// Converts BYTES to and from text: base64 (RFC 4648, with padding) and hexadecimal.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace engine {

void append_base64(std::string& out, std::string_view bytes);
// Returns the largest number of bytes that decode_base64() writes for a text of this size.
inline size_t base64_decoded_room(size_t text_size) { return text_size / 4 * 3; }
// Writes the bytes to `to` and returns their number; nothing if the text is not strict base64: its
// length must be a multiple of four, with padding, without blanks.
std::optional<size_t> decode_base64(std::string_view text, char* to);
std::optional<std::string> decode_base64(std::string_view text);

enum class HexCase : unsigned char { Lower, Upper };
void append_hex(std::string& out, std::string_view bytes, HexCase letters);
// Decodes pairs of hexadecimal digits, in either letter case.
std::optional<std::string> decode_hex(std::string_view text);

// Returns whether the text is valid UTF-8 (RFC 3629: no surrogates, no overlong forms).
bool is_utf8(std::string_view text);
// Returns the text with U+FFFD in place of each byte that is not part of valid UTF-8.
std::string repaired_utf8(std::string_view text);

}  // namespace engine
