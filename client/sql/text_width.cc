#include "client/sql/text_width.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <cstdint>

namespace client {

size_t display_width(std::string_view text) {
  if (std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; }))
    return text.size();
  size_t width = 0;
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  for (int64_t at = 0, end = static_cast<int64_t>(text.size()); at < end;) {
    UChar32 character = 0;
    U8_NEXT(bytes, at, end, character);
    const int8_t kind = character < 0 ? int8_t{U_UNASSIGNED} : u_charType(character);
    if (kind == U_NON_SPACING_MARK || kind == U_ENCLOSING_MARK || kind == U_FORMAT_CHAR) continue;
    const int32_t east_asian =
        u_getIntPropertyValue(std::max(character, 0), UCHAR_EAST_ASIAN_WIDTH);
    width += east_asian == U_EA_WIDE || east_asian == U_EA_FULLWIDTH ? 2 : 1;
  }
  return width;
}

}  // namespace client
