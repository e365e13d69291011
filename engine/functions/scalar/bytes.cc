// Functions on BYTES: parts, encodings, numbers in bytes, digests and UUIDs.
#include <fmt/format.h>
#include <openssl/evp.h>

#include "base/bytes.h"
#include "base/uuid.h"
#include "engine/functions/adapters.h"
#include "engine/functions/families.h"
#include "engine/functions/scalar/string_parts.h"
#include "engine/java/utf16.h"
#include "engine/types/ascii.h"
#include "engine/types/text_bytes.h"

namespace engine {

namespace {

// ---- Parts ----

int32_t byte_length(std::string_view bytes) { return static_cast<int32_t>(bytes.size()); }

std::string_view byte_substring(std::string_view bytes, int32_t position, int32_t length) {
  const PartRange range = part_range(bytes.size(), position, length);
  return bytes.substr(range.start, range.end - range.start);
}
std::string_view byte_suffix(std::string_view bytes, int32_t position) {
  return byte_substring(bytes, position, INT32_MAX);
}

template <PadSide side>
Result<std::optional<std::string>> pad_bytes(const KernelCall& call, std::string_view bytes,
                                             int32_t length, std::string_view padding) {
  if (length < 0 || padding.empty()) return std::optional<std::string>();
  const auto wanted = static_cast<size_t>(length);
  if (!call.context.has_bytes(wanted)) return call.context.too_large(wanted);
  return std::optional(padded(bytes, wanted, padding, side));
}

// ---- Encodings ----

enum class Encoding : uint8_t { Hex, Utf8, Ascii, Base64 };

Result<Encoding> find_encoding(std::string_view name) {
  constexpr std::pair<std::string_view, Encoding> kNames[] = {{"hex", Encoding::Hex},
                                                              {"utf8", Encoding::Utf8},
                                                              {"ascii", Encoding::Ascii},
                                                              {"base64", Encoding::Base64}};
  for (const auto& [known, encoding] : kNames)
    if (equals_ignoring_case(name, known)) return encoding;
  return Error{ErrorCode::InvalidParameter,
               fmt::format("Unknown encoding type '{}', supported formats are: hex, utf8, ascii, "
                           "base64",
                           name)};
}

// Java's replacement for a byte that is invalid in the encoding.
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

std::string replace_non_ascii(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    if (static_cast<unsigned char>(c) < 0x80)
      out += c;
    else
      out += kReplacement;
  }
  return out;
}

std::string text_of(std::string_view bytes, Encoding encoding, HexCase letters) {
  std::string out;
  switch (encoding) {
    case Encoding::Hex:
      append_hex(out, bytes, letters);
      return out;
    case Encoding::Base64:
      append_base64(out, bytes);
      return out;
    case Encoding::Ascii:
      return replace_non_ascii(bytes);
    case Encoding::Utf8:
      break;
  }
  return to_valid_utf8(bytes);
}

// Converts a text to ASCII. As in Java, other characters become `?`.
std::string to_ascii(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size(); at += character_size(text, at))
    out += static_cast<unsigned char>(text[at]) < 0x80 ? text[at] : '?';
  return out;
}

// Returns the digits of "0x1f", "x'1f'", "X'1f'", or "1f" without a prefix.
std::string hex_digits(std::string_view text) {
  if (text.starts_with("0x")) {
    const std::string_view digits = text.substr(2);
    return digits.size() % 2 == 0 ? std::string(digits) : "0" + std::string(digits);
  }
  const bool is_quoted = text.size() >= 3 && (text[0] == 'x' || text[0] == 'X') &&
                         text[1] == '\'' && text.back() == '\'';
  return std::string(is_quoted ? text.substr(2, text.size() - 3) : text);
}

Error malformed(std::string_view text, std::string_view encoding) {
  return Error{ErrorCode::InvalidText, fmt::format("'{}' is not valid {}", text, encoding)};
}

Result<std::string> bytes_of(std::string_view text, Encoding encoding) {
  switch (encoding) {
    case Encoding::Hex: {
      auto bytes = decode_hex(hex_digits(text));
      if (!bytes) return malformed(text, "hex");
      return *std::move(bytes);
    }
    case Encoding::Base64: {
      auto bytes = decode_base64(text);
      if (!bytes) return malformed(text, "base64");
      return *std::move(bytes);
    }
    case Encoding::Ascii:
      return to_ascii(text);
    case Encoding::Utf8:
      break;
  }
  return std::string(text);
}

Result<std::string> to_bytes(std::string_view text, std::string_view encoding) {
  return bytes_of(text, TRY(find_encoding(encoding)));
}
Result<std::string> from_bytes(std::string_view bytes, std::string_view encoding) {
  return text_of(bytes, TRY(find_encoding(encoding)), HexCase::Upper);
}

Result<std::string> encode(std::string_view text, std::string_view from, std::string_view to) {
  const auto source = find_encoding(from), target = find_encoding(to);
  if (!source || !target || *source == *target)
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("Supported input and output encodings are: hex, utf8, ascii and "
                             "base64, different from each other; not '{}' and '{}'",
                             from, to)};
  return text_of(TRY(bytes_of(text, *source)), *target, HexCase::Lower);
}

// ---- ENCODE and DECODE as in PostgreSQL: base64 in lines, blanks allowed between digits

enum class TextForm : uint8_t { Hex, Base64, Escape };

Result<TextForm> find_form(std::string_view name) {
  constexpr std::pair<std::string_view, TextForm> kNames[] = {
      {"hex", TextForm::Hex}, {"base64", TextForm::Base64}, {"escape", TextForm::Escape}};
  for (const auto& [known, form] : kNames)
    if (equals_ignoring_case(name, known)) return form;
  return Error{ErrorCode::InvalidParameter,
               fmt::format("unrecognized encoding: \"{}\"", name.substr(0, 60)), "",
               "Use hex, base64 or escape."};
}

std::string base64_in_lines(std::string_view bytes) {
  constexpr size_t kLine = 76;  // line length of PostgreSQL's encode(..., 'base64')
  std::string whole, out;
  append_base64(whole, bytes);
  for (size_t at = 0; at < whole.size(); at += kLine) {
    out.append(whole, at, kLine);
    // a full line is followed by a line break, even the last one
    if (whole.size() - at >= kLine) out += '\n';
  }
  return out;
}

std::string escaped(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == 0 || byte >= 0x80)
      out += fmt::format("\\{:03o}", byte);
    else
      out.append(c == '\\' ? 2 : 1, c);
  }
  return out;
}

Result<std::string> encode_bytes(const KernelCall& call, std::string_view bytes,
                                 std::string_view form) {
  const TextForm wanted = TRY(find_form(form));
  constexpr size_t kMostGrowth = 4;  // a byte may become four characters: \ooo
  const size_t most = bytes.size() * kMostGrowth;
  if (!call.context.has_bytes(most)) return call.context.too_large(most);
  if (wanted == TextForm::Escape) return escaped(bytes);
  if (wanted == TextForm::Base64) return base64_in_lines(bytes);
  std::string out;
  append_hex(out, bytes, HexCase::Lower);
  return out;
}

bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

Error bad_symbol(std::string_view what, std::string_view text, size_t at, std::string_view behind) {
  return Error{ErrorCode::InvalidParameter,
               fmt::format("{} \"{}\"{}", what, text.substr(at, character_size(text, at)), behind)};
}

// Decodes hexadecimal digits. Blanks are only allowed between pairs of digits.
Result<std::string> from_hex(std::string_view text) {
  std::string digits;
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (is_blank(c) && digits.size() % 2 == 0) continue;
    const bool is_digit = is_ascii_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (!is_digit) return bad_symbol("invalid hexadecimal digit:", text, at, "");
    digits += c;
  }
  if (digits.size() % 2 != 0)
    return Error{ErrorCode::InvalidParameter, "invalid hexadecimal data: odd number of digits"};
  return decode_hex(digits).value_or("");
}

std::optional<uint32_t> base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (is_ascii_digit(c)) return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? std::optional<uint32_t>(63) : std::nullopt;
}

// Decodes base64. As in PostgreSQL, padding does not end the text, and characters after it are decoded, too.
Result<std::string> from_base64(std::string_view text) {
  std::string out;
  uint32_t bits = 0, taken = 0, bytes_at_end = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (is_blank(c)) continue;
    const std::optional<uint32_t> digit = c == '=' ? 0 : base64_digit(c);
    if (!digit)
      return bad_symbol("invalid symbol", text, at, " found while decoding base64 sequence");
    if (c == '=' && bytes_at_end == 0) {
      if (taken < 2)
        return Error{ErrorCode::InvalidParameter,
                     "unexpected \"=\" while decoding base64 sequence"};
      bytes_at_end = taken - 1;
    }
    bits = (bits << 6) + *digit;
    if (++taken < 4) continue;
    const uint32_t count = bytes_at_end == 0 ? 3 : bytes_at_end;
    for (uint32_t i = 0; i < count; ++i) out += static_cast<char>(bits >> (16 - 8 * i));
    bits = taken = 0;
  }
  if (taken == 0) return out;
  return Error{ErrorCode::InvalidParameter, "invalid base64 end sequence", "",
               "Input data is missing padding, is truncated, or is otherwise corrupted."};
}

Result<std::string> from_escaped(std::string_view text) {
  std::string out;
  const auto digit = [&](size_t at, char most) {
    return at < text.size() && text[at] >= '0' && text[at] <= most;
  };
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\') {
      out += text[at];
    } else if (at + 1 < text.size() && text[at + 1] == '\\') {
      out += text[++at];
    } else if (digit(at + 1, '3') && digit(at + 2, '7') && digit(at + 3, '7')) {
      out += static_cast<char>((text[at + 1] - '0') * 64 + (text[at + 2] - '0') * 8 +
                               (text[at + 3] - '0'));
      at += 3;
    } else {
      return Error{ErrorCode::InvalidText, "invalid input syntax for type bytea"};
    }
  }
  return out;
}

Result<std::string> decode_text(std::string_view text, std::string_view form) {
  const TextForm wanted = TRY(find_form(form));
  return wanted == TextForm::Hex      ? from_hex(text)
         : wanted == TextForm::Base64 ? from_base64(text)
                                      : from_escaped(text);
}

// ---- Numbers ----

template <class T, class Bits>
Result<T> number_in(std::string_view bytes, std::string_view order) {
  const bool is_little = equals_ignoring_case(order, "LITTLE_ENDIAN");
  if (!is_little && !equals_ignoring_case(order, "BIG_ENDIAN"))
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("Byte order must be BIG_ENDIAN or LITTLE_ENDIAN, not '{}'", order)};
  if (bytes.size() != sizeof(T))
    return Error{ErrorCode::InvalidParameter, fmt::format("Number of bytes must be equal to {}, "
                                                          "but found {}",
                                                          sizeof(T), bytes.size())};
  const Bits bits = load_be<Bits>(bytes.data());
  return std::bit_cast<T>(is_little ? byte_swapped(bits) : bits);
}
Result<int32_t> int_from_bytes(std::string_view bytes, std::string_view order) {
  return number_in<int32_t, uint32_t>(bytes, order);
}
Result<int64_t> bigint_from_bytes(std::string_view bytes, std::string_view order) {
  return number_in<int64_t, uint64_t>(bytes, order);
}
Result<double> double_from_bytes(std::string_view bytes, std::string_view order) {
  return number_in<double, uint64_t>(bytes, order);
}
constexpr std::string_view kBigEndian = "BIG_ENDIAN";
Result<int32_t> int_from_big_endian(std::string_view b) { return int_from_bytes(b, kBigEndian); }
Result<int64_t> bigint_from_big_endian(std::string_view b) {
  return bigint_from_bytes(b, kBigEndian);
}
Result<double> double_from_big_endian(std::string_view b) {
  return double_from_bytes(b, kBigEndian);
}

// ---- Digests and identities ----

Result<std::string> md5_text(std::string_view text) {
  // MD5 is fetched once, because that takes longer than the digest of a short text. A system that is restricted to
  // other digests (FIPS) has no MD5.
  static const EVP_MD* const kMd5 = EVP_MD_fetch(nullptr, "MD5", nullptr);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (kMd5 == nullptr || EVP_Digest(text.data(), text.size(), digest, &size, kMd5, nullptr) != 1)
    return Error{ErrorCode::NotSupported, "this system's OpenSSL has no MD5"};
  std::string out;
  append_hex(out, {reinterpret_cast<const char*>(digest), size}, HexCase::Lower);
  return out;
}

// Returns the digest of SHA-2 (FIPS 180-4) with this number of bits.
template <int bits>
Result<std::string> sha2(std::string_view bytes) {
  static const std::string kName = "SHA" + std::to_string(bits);
  static const EVP_MD* const kAlgorithm = EVP_MD_fetch(nullptr, kName.c_str(), nullptr);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  const bool is_done = kAlgorithm != nullptr && EVP_Digest(bytes.data(), bytes.size(), digest,
                                                           &size, kAlgorithm, nullptr) == 1;
  if (!is_done) return Error{ErrorCode::NotSupported, "this system's OpenSSL has no " + kName};
  return std::string(reinterpret_cast<const char*>(digest), size);
}

std::string random_uuid(const KernelCall& call) {
  Uuid id;
  store_be(id.bytes.data(), call.context.random.next());
  store_be(id.bytes.data() + 8, call.context.random.next());
  // marks the UUID as one of version 4
  id.bytes[6] = static_cast<uint8_t>((id.bytes[6] & 0x0F) | 0x40);
  // marks the UUID as one of RFC 4122's variant
  id.bytes[8] = static_cast<uint8_t>((id.bytes[8] & 0x3F) | 0x80);
  return id.to_string();
}

std::optional<std::string> uuid_of(std::string_view bytes) {
  Uuid id;
  if (bytes.size() != id.bytes.size()) return std::nullopt;
  std::ranges::copy(bytes, id.bytes.begin());
  return id.to_string();
}

constexpr FunctionDef kBytesDefs[] = {
    {.name = "len",
     .signature = "(BYTES input) -> INT",
     .doc = "The number of bytes.",
     .example = "LEN(TO_BYTES('abc', 'utf8')) = 3",
     .kernel = row_kernel<byte_length>},
    {.name = "substring",
     .signature = "(BYTES value, INT pos) -> BYTES",
     .doc = "The bytes from a position on, counted from 1; a negative one counts from the end.",
     .example = "SUBSTRING(TO_BYTES('stream', 'utf8'), -3) = TO_BYTES('eam', 'utf8')",
     .kernel = row_kernel<byte_suffix>},
    {.name = "substring",
     .signature = "(BYTES value, INT pos, INT length) -> BYTES",
     .doc = "At most `length` bytes from a position on.",
     .example = "SUBSTRING(TO_BYTES('stream', 'utf8'), 2, 3) = TO_BYTES('tre', 'utf8')",
     .kernel = row_kernel<byte_substring>},
    {.name = "lpad",
     .signature = "(BYTES input, INT length, BYTES padding) -> BYTES",
     .doc = "The bytes filled on the left, or cut, to a length.",
     .example = "LPAD(TO_BYTES('a', 'utf8'), 3, TO_BYTES('b', 'utf8')) = TO_BYTES('bba', 'utf8')",
     .kernel = row_kernel<pad_bytes<PadSide::Left>>},
    {.name = "rpad",
     .signature = "(BYTES input, INT length, BYTES padding) -> BYTES",
     .doc = "The bytes filled on the right, or cut, to a length.",
     .example = "RPAD(TO_BYTES('a', 'utf8'), 3, TO_BYTES('b', 'utf8')) = TO_BYTES('abb', 'utf8')",
     .kernel = row_kernel<pad_bytes<PadSide::Right>>},
    {.name = "concat",
     .signature = "(BYTES... inputs) -> BYTES",
     .doc = "All bytes one after another; nulls are skipped.",
     .example = "CONCAT(TO_BYTES('a', 'utf8'), TO_BYTES('b', 'utf8')) = TO_BYTES('ab', 'utf8')",
     .kernel = row_kernel<concat>},
    {.name = "concat_ws",
     .signature = "(BYTES separator, BYTES... inputs) -> BYTES",
     .doc = "All bytes with a separator between them; nulls are skipped.",
     .example = "CONCAT_WS(TO_BYTES('-', 'utf8'), TO_BYTES('a', 'utf8'), TO_BYTES('b', 'utf8')) = "
                "TO_BYTES('a-b', 'utf8')",
     .kernel = row_kernel<concat_ws>},
    {.name = "to_bytes",
     .signature = "(STRING value, STRING encoding) -> BYTES",
     .doc = "The bytes of a text in the encoding hex, utf8, ascii or base64.",
     .example = "TO_BYTES('6162', 'hex') = TO_BYTES('ab', 'utf8')",
     .kernel = row_kernel<to_bytes>},
    {.name = "from_bytes",
     .signature = "(BYTES value, STRING encoding) -> STRING",
     .doc = "Bytes as a text in hex, utf8, ascii or base64.",
     .example = "FROM_BYTES(TO_BYTES('Jo', 'utf8'), 'hex') = '4A6F'",
     .kernel = row_kernel<from_bytes>},
    {.name = "encode",
     .signature = "(STRING str, STRING input_encoding, STRING output_encoding) -> STRING",
     .doc = "Converts a text from one of the encodings hex, utf8, ascii and base64 to another.",
     .example = "ENCODE('Example!', 'utf8', 'hex') = '4578616d706c6521'",
     .kernel = row_kernel<encode>},
    {.name = "encode",
     .signature = "(BYTES bytes, STRING format) -> STRING",
     .doc = "Bytes as a text in PostgreSQL's forms hex, base64 (in lines of 76) and escape.",
     .example = "ENCODE(TO_BYTES('abc', 'utf8'), 'hex') = '616263'",
     .kernel = row_kernel<encode_bytes>},
    {.name = "decode",
     .signature = "(STRING text, STRING format) -> BYTES",
     .doc = "The bytes of a text in PostgreSQL's forms hex, base64 and escape.",
     .example = "DECODE('61 62', 'hex') = TO_BYTES('ab', 'utf8')",
     .kernel = row_kernel<decode_text>},
    {.name = "int_from_bytes",
     .signature = "(BYTES value) -> INT",
     .doc = "The number in four bytes, which are big-endian by default.",
     .example = "INT_FROM_BYTES(TO_BYTES('000007e5', 'hex')) = 2021",
     .kernel = row_kernel<int_from_big_endian>},
    {.name = "int_from_bytes",
     .signature = "(BYTES value, STRING byte_order) -> INT",
     .doc = "The number that four bytes hold, BIG_ENDIAN or LITTLE_ENDIAN.",
     .example = "INT_FROM_BYTES(TO_BYTES('e5070000', 'hex'), 'LITTLE_ENDIAN') = 2021",
     .kernel = row_kernel<int_from_bytes>},
    {.name = "bigint_from_bytes",
     .signature = "(BYTES value) -> BIGINT",
     .doc = "The number in eight bytes, which are big-endian by default.",
     .example = "BIGINT_FROM_BYTES(TO_BYTES('000000012a05f200', 'hex')) = 5000000000",
     .kernel = row_kernel<bigint_from_big_endian>},
    {.name = "bigint_from_bytes",
     .signature = "(BYTES value, STRING byte_order) -> BIGINT",
     .doc = "The number that eight bytes hold, BIG_ENDIAN or LITTLE_ENDIAN.",
     .example = "BIGINT_FROM_BYTES(TO_BYTES('00f2052a01000000', 'hex'), 'little_endian') = "
                "5000000000",
     .kernel = row_kernel<bigint_from_bytes>},
    {.name = "double_from_bytes",
     .signature = "(BYTES value) -> DOUBLE",
     .doc = "The number in eight bytes, which are big-endian by default.",
     .example = "DOUBLE_FROM_BYTES(TO_BYTES('4080a6fd9bc9f582', 'hex')) = 532.8738323E0",
     .kernel = row_kernel<double_from_big_endian>},
    {.name = "double_from_bytes",
     .signature = "(BYTES value, STRING byte_order) -> DOUBLE",
     .doc = "The number that eight bytes hold, BIG_ENDIAN or LITTLE_ENDIAN.",
     .example = "DOUBLE_FROM_BYTES(TO_BYTES('000000000000f03f', 'hex'), 'LITTLE_ENDIAN') = 1E0",
     .kernel = row_kernel<double_from_bytes>},
    {.name = "md5",
     .signature = "(STRING s) -> STRING",
     .doc = "The MD5 digest of a text, in hexadecimal.",
     .example = "MD5('abc') = '900150983cd24fb0d6963f7d28e17f72'",
     .kernel = row_kernel<md5_text>},
    {.name = "sha224",
     .signature = "(BYTES bytes) -> BYTES",
     .doc = "The SHA-224 digest of bytes.",
     .example = "LEN(SHA224(TO_BYTES('abc', 'utf8'))) = 28",
     .kernel = row_kernel<sha2<224>>},
    {.name = "sha256",
     .signature = "(BYTES bytes) -> BYTES",
     .doc = "The SHA-256 digest of bytes.",
     .example = "SUBSTRING(ENCODE(SHA256(TO_BYTES('abc', 'utf8')), 'hex'), 1, 8) = 'ba7816bf'",
     .kernel = row_kernel<sha2<256>>},
    {.name = "sha384",
     .signature = "(BYTES bytes) -> BYTES",
     .doc = "The SHA-384 digest of bytes.",
     .example = "LEN(SHA384(TO_BYTES('abc', 'utf8'))) = 48",
     .kernel = row_kernel<sha2<384>>},
    {.name = "sha512",
     .signature = "(BYTES bytes) -> BYTES",
     .doc = "The SHA-512 digest of bytes.",
     .example = "SUBSTRING(ENCODE(SHA512(TO_BYTES('abc', 'utf8')), 'hex'), 1, 8) = 'ddaf35a1'",
     .kernel = row_kernel<sha2<512>>},
    {.name = "uuid_generate_v4",
     .signature = "() -> STRING",
     .doc = "A new random UUID (version 4); the same as UUID(), under the name of PostgreSQL's "
            "extension uuid-ossp.",
     .example = "LEN(UUID_GENERATE_V4()) = 36",
     .kernel = row_kernel<random_uuid>,
     .is_deterministic = false},
    {.name = "uuid",
     .signature = "() -> STRING",
     .doc = "A new random UUID (version 4); with 16 bytes, the UUID of these bytes.",
     .example = "LEN(UUID()) = 36",
     .kernel = row_kernel<random_uuid>,
     .is_deterministic = false},
    {.name = "gen_random_uuid",
     .signature = "() -> STRING",
     .doc = "A new random UUID (version 4); the same as UUID(), under PostgreSQL's name.",
     .example = "LEN(GEN_RANDOM_UUID()) = 36",
     .kernel = row_kernel<random_uuid>,
     .is_deterministic = false},
    {.name = "uuid",
     .signature = "(BYTES bytes) -> STRING",
     .doc = "The identity that 16 bytes hold; null for any other length.",
     .example = "UUID(TO_BYTES('237e9877e79b12d4a765321741963000', 'hex')) = "
                "'237e9877-e79b-12d4-a765-321741963000'",
     .kernel = row_kernel<uuid_of>},
};

}  // namespace

const FunctionFamily kBytesFunctions{"BYTES", kBytesDefs};

}  // namespace engine
