#include "server/sql/client_encodings.h"

#include <algorithm>
#include <iterator>
#include <string>

namespace server::sql {

namespace {

// PostgreSQL has four more encodings, for which ICU has no converter: EUC_JIS_2004, SHIFT_JIS_2004,
// JOHAB, LATIN10.
constexpr ClientEncodingRow kEncodings[] = {
    {"UTF8", ""},
    {"SQL_ASCII", ""},  // bytes are not converted
    {"BIG5", "Big5"},
    {"EUC_CN", "EUC-CN"},
    {"EUC_JP", "EUC-JP"},
    {"EUC_KR", "EUC-KR"},
    {"EUC_TW", "EUC-TW"},
    {"GB18030", "GB18030"},
    {"GBK", "GBK"},
    {"ISO_8859_5", "ISO-8859-5"},
    {"ISO_8859_6", "ISO-8859-6"},
    {"ISO_8859_7", "ISO-8859-7"},
    {"ISO_8859_8", "ISO-8859-8"},
    {"KOI8R", "KOI8-R"},
    {"KOI8U", "KOI8-U"},
    {"LATIN1", "ISO-8859-1"},
    {"LATIN2", "ISO-8859-2"},
    {"LATIN3", "ISO-8859-3"},
    {"LATIN4", "ISO-8859-4"},
    {"LATIN5", "ISO-8859-9"},
    {"LATIN6", "ISO-8859-10"},
    {"LATIN7", "ISO-8859-13"},
    {"LATIN8", "ISO-8859-14"},
    {"LATIN9", "ISO-8859-15"},
    {"SJIS", "windows-932"},
    {"UHC", "windows-949"},
    {"WIN866", "IBM866"},
    {"WIN874", "windows-874"},
    {"WIN1250", "windows-1250"},
    {"WIN1251", "windows-1251"},
    {"WIN1252", "windows-1252"},
    {"WIN1253", "windows-1253"},
    {"WIN1254", "windows-1254"},
    {"WIN1255", "windows-1255"},
    {"WIN1256", "windows-1256"},
    {"WIN1257", "windows-1257"},
    {"WIN1258", "windows-1258"},
};

struct AliasRow {
  std::string_view alias, name;  // both normalized by letters_of()
};
constexpr AliasRow kAliases[] = {
    {"abc", "win1258"},         {"alt", "win866"},          {"iso88591", "latin1"},
    {"iso885910", "latin6"},    {"iso885913", "latin7"},    {"iso885914", "latin8"},
    {"iso885915", "latin9"},    {"iso88592", "latin2"},     {"iso88593", "latin3"},
    {"iso88594", "latin4"},     {"iso88599", "latin5"},     {"koi8", "koi8r"},
    {"mskanji", "sjis"},        {"shiftjis", "sjis"},       {"tcvn", "win1258"},
    {"tcvn5712", "win1258"},    {"unicode", "utf8"},        {"vscii", "win1258"},
    {"win", "win1251"},         {"win932", "sjis"},         {"win936", "gbk"},
    {"win949", "uhc"},          {"win950", "big5"},         {"windows1250", "win1250"},
    {"windows1251", "win1251"}, {"windows1252", "win1252"}, {"windows1253", "win1253"},
    {"windows1254", "win1254"}, {"windows1255", "win1255"}, {"windows1256", "win1256"},
    {"windows1257", "win1257"}, {"windows1258", "win1258"}, {"windows866", "win866"},
    {"windows874", "win874"},   {"windows932", "sjis"},     {"windows936", "gbk"},
    {"windows949", "uhc"},      {"windows950", "big5"},
};

std::string letters_of(std::string_view text) {
  std::string letters;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && std::isalnum(byte)) letters += static_cast<char>(std::tolower(byte));
  }
  return letters;
}

}  // namespace

const ClientEncodingRow* find_client_encoding(std::string_view name) {
  std::string letters = letters_of(name);
  const auto alias = std::ranges::find(kAliases, letters, &AliasRow::alias);
  if (alias != std::end(kAliases)) letters = alias->name;
  const auto row = std::ranges::find_if(
      kEncodings, [&](const ClientEncodingRow& each) { return letters_of(each.name) == letters; });
  return row == std::end(kEncodings) ? nullptr : &*row;
}

}  // namespace server::sql
