#include "server/pg/client_encoding.h"

#include <fmt/format.h>
#include <unicode/ucnv.h>
#include <unicode/ustring.h>

#include <algorithm>
#include <utility>

#include "server/sql/client_encodings.h"

namespace server::pg {

namespace {

bool is_ascii(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

std::string hex_of(std::string_view bytes) {
  std::string text;
  for (const char c : bytes)
    text += fmt::format("{}0x{:02x}", text.empty() ? "" : " ", static_cast<unsigned char>(c));
  return text;
}

std::string utf8_of(std::u16string_view text) {
  // A UTF-16 unit needs at most three bytes.
  std::string utf8(3 * text.size(), '\0');
  int32_t size = 0;
  UErrorCode status = U_ZERO_ERROR;
  u_strToUTF8(utf8.data(), static_cast<int32_t>(utf8.size()), &size, text.data(),
              static_cast<int32_t>(text.size()), &status);
  utf8.resize(static_cast<size_t>(size));
  return utf8;
}

std::u16string utf16_of(std::string_view utf8) {
  std::u16string text(utf8.size(), u'\0');
  int32_t size = 0;
  UErrorCode status = U_ZERO_ERROR;
  u_strFromUTF8WithSub(text.data(), static_cast<int32_t>(text.size()), &size, utf8.data(),
                       static_cast<int32_t>(utf8.size()), 0xfffd, nullptr, &status);
  text.resize(static_cast<size_t>(size));
  return text;
}

}  // namespace

void ClientEncoding::Close::operator()(UConverter* converter) const { ucnv_close(converter); }

std::shared_ptr<ClientEncoding> ClientEncoding::make(std::string_view name) {
  const sql::ClientEncodingRow* row = sql::find_client_encoding(name);
  if (row == nullptr || row->converter.empty()) return nullptr;
  Converter converters[2];
  for (Converter& converter : converters) {
    UErrorCode status = U_ZERO_ERROR;
    converter.reset(ucnv_open(std::string(row->converter).c_str(), &status));
    if (converter == nullptr) return nullptr;
    ucnv_setToUCallBack(converter.get(), UCNV_TO_U_CALLBACK_STOP, nullptr, nullptr, nullptr,
                        &status);
    ucnv_setFromUCallBack(converter.get(), UCNV_FROM_U_CALLBACK_STOP, nullptr, nullptr, nullptr,
                          &status);
    // Fallbacks of ICU replace a character by one that only resembles it. They are switched off,
    // because the client would then send back another character than it has received.
    ucnv_setFallback(converter.get(), false);
  }
  return std::shared_ptr<ClientEncoding>(new ClientEncoding(
      std::string(row->name), std::move(converters[0]), std::move(converters[1])));
}

ClientEncoding::ClientEncoding(std::string name, Converter whole, Converter stream)
    : name_(std::move(name)), whole_(std::move(whole)), stream_(std::move(stream)) {}
ClientEncoding::~ClientEncoding() = default;

Result<std::string> ClientEncoding::from_client(std::string_view text) {
  if (is_ascii(text)) return std::string(text);
  ucnv_reset(whole_.get());
  return read(*whole_, text, true);
}

void ClientEncoding::begin_stream() { ucnv_reset(stream_.get()); }

Result<std::string> ClientEncoding::stream_from_client(std::string_view piece, bool is_last) {
  return read(*stream_, piece, is_last);
}

Result<std::string> ClientEncoding::read(UConverter& converter, std::string_view text,
                                         bool is_last) {
  std::u16string units;
  const char *from = text.data(), *const end = text.data() + text.size();
  while (true) {
    const size_t before = units.size();
    // Enough space for all encodings: a character has at least one byte and at most two UTF-16
    // units.
    units.resize(before + 2 * static_cast<size_t>(end - from) + 8);
    UChar* to = units.data() + before;
    UErrorCode status = U_ZERO_ERROR;
    ucnv_toUnicode(&converter, &to, units.data() + units.size(), &from, end, nullptr, is_last,
                   &status);
    units.resize(static_cast<size_t>(to - units.data()));
    if (status == U_BUFFER_OVERFLOW_ERROR) continue;
    if (U_SUCCESS(status)) return utf8_of(units);
    char bad[32];
    int8_t size = sizeof bad;
    UErrorCode asked = U_ZERO_ERROR;
    ucnv_getInvalidChars(&converter, bad, &size, &asked);
    return Error{ErrorCode::InvalidEncoding,
                 fmt::format("invalid byte sequence for encoding \"{}\": {}", name_,
                             hex_of({bad, U_SUCCESS(asked) ? static_cast<size_t>(size) : 0}))};
  }
}

Result<std::string> ClientEncoding::write(std::string_view utf8) {
  if (is_ascii(utf8)) return std::string(utf8);
  const std::u16string units = utf16_of(utf8);
  ucnv_reset(whole_.get());
  std::string out;
  const UChar *from = units.data(), *const end = units.data() + units.size();
  while (true) {
    const size_t before = out.size();
    const auto most = static_cast<size_t>(ucnv_getMaxCharSize(whole_.get()));
    out.resize(before + most * static_cast<size_t>(end - from) + 8);
    char* to = out.data() + before;
    UErrorCode status = U_ZERO_ERROR;
    ucnv_fromUnicode(whole_.get(), &to, out.data() + out.size(), &from, end, nullptr, true,
                     &status);
    out.resize(static_cast<size_t>(to - out.data()));
    if (status == U_BUFFER_OVERFLOW_ERROR) continue;
    if (U_SUCCESS(status)) return out;
    UChar bad[8];
    int8_t size = 8;
    UErrorCode asked = U_ZERO_ERROR;
    ucnv_getInvalidUChars(whole_.get(), bad, &size, &asked);
    const std::string character = utf8_of({bad, U_SUCCESS(asked) ? static_cast<size_t>(size) : 0});
    return Error{ErrorCode::InvalidEncoding,
                 fmt::format("character with byte sequence {} in encoding \"UTF8\" has no "
                             "equivalent in encoding \"{}\"",
                             hex_of(character), name_)};
  }
}

std::string ClientEncoding::to_client_or_marks(std::string_view utf8) {
  if (auto text = write(utf8)) return *std::move(text);
  std::string marked;
  for (size_t at = 0; at < utf8.size();) {
    size_t size = 1;
    while (at + size < utf8.size() && (static_cast<unsigned char>(utf8[at + size]) & 0xc0) == 0x80)
      ++size;
    const auto character = write(utf8.substr(at, size));
    marked += character ? *character : "?";
    at += size;
  }
  return marked;
}

void ClientEncoding::convert_end(std::string& out, size_t begin) {
  const std::string_view utf8 = std::string_view(out).substr(begin);
  if (is_ascii(utf8)) return;
  auto text = write(utf8);
  if (text)
    out.replace(begin, std::string::npos, *text);
  else if (failure_)
    failure_ = std::move(text).error();
}

Status ClientEncoding::take_failure() { return std::exchange(failure_, Status()); }

}  // namespace server::pg
