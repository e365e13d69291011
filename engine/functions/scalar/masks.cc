// MASK and related functions, which hide the characters of a text and keep its shape.
#include <unicode/uchar.h>

#include "engine/functions/adapters.h"
#include "engine/functions/families.h"
#include "engine/java/utf16.h"
#include "engine/types/ascii.h"

namespace engine {

namespace {

using Text = std::string_view;
using OptionalText = std::optional<std::string_view>;

// The replacement for each class of characters; nullopt: unchanged.
struct Masks {
  std::optional<char16_t> upper = u'X', lower = u'x', digit = u'n', other = u'-';

  std::optional<char16_t> of(char16_t unit) const {
    if (unit < 0x80) return of_ascii(static_cast<char>(unit));
    switch (u_charType(unit)) {
      case U_UPPERCASE_LETTER:
        return upper;
      case U_LOWERCASE_LETTER:
        return lower;
      case U_DECIMAL_DIGIT_NUMBER:
        return digit;
      default:
        return other;
    }
  }
  std::optional<char16_t> of_ascii(char c) const {
    if (is_ascii_letter(c)) return c < 'a' ? upper : lower;
    return is_ascii_digit(c) ? digit : other;
  }
};

Result<std::optional<char16_t>> mask_unit(const OptionalText& text) {
  if (!text) return std::optional<char16_t>();
  const std::u16string units = to_utf16(*text);
  if (units.size() != 1)
    return Error{ErrorCode::InvalidParameter,
                 "Invalid mask character: '" + std::string(*text) + "', it must be one character"};
  return std::optional(units[0]);
}

Result<Masks> make_masks(const OptionalText& upper, const OptionalText& lower,
                         const OptionalText& digit, const OptionalText& other) {
  return Masks{TRY(mask_unit(upper)), TRY(mask_unit(lower)), TRY(mask_unit(digit)),
               TRY(mask_unit(other))};
}

enum class MaskSide : uint8_t { Left, Right, KeepLeft, KeepRight };

Result<std::string> mask_side(Text text, MaskSide side, int32_t count, const Masks& masks) {
  if (count < 0)
    return Error{ErrorCode::InvalidParameter, "function requires a non-negative number"};
  std::u16string units = to_utf16(text);
  const size_t size = units.size(), n = std::min(static_cast<size_t>(count), size);
  const bool from_left = side == MaskSide::Left, keeps_left = side == MaskSide::KeepLeft;
  const size_t start = from_left ? 0 : keeps_left ? n : side == MaskSide::Right ? size - n : 0;
  const size_t end = from_left ? n : side == MaskSide::KeepRight ? size - n : size;
  for (size_t i = start; i < end; ++i) units[i] = masks.of(units[i]).value_or(units[i]);
  return to_utf8(units);
}

Result<std::string> mask(Text text) { return mask_side(text, MaskSide::KeepLeft, 0, Masks()); }
Result<std::string> mask_with(Text text, OptionalText upper, OptionalText lower, OptionalText digit,
                              OptionalText other) {
  return mask_side(text, MaskSide::KeepLeft, 0, TRY(make_masks(upper, lower, digit, other)));
}
template <MaskSide side>
Result<std::string> mask_part(Text text, int32_t count) {
  return mask_side(text, side, count, Masks());
}
template <MaskSide side>
Result<std::string> mask_part_with(Text text, int32_t count, OptionalText upper, OptionalText lower,
                                   OptionalText digit, OptionalText other) {
  return mask_side(text, side, count, TRY(make_masks(upper, lower, digit, other)));
}

constexpr std::string_view kPart = "(STRING input, INT num_chars!) -> STRING",
                           kPartWith =
                               "(STRING input, INT num_chars!, STRING upper_mask, STRING "
                               "lower_mask, STRING digit_mask, STRING other_mask) -> STRING";

constexpr FunctionDef kMaskDefs[] = {
    {.name = "mask",
     .signature = "(STRING input) -> STRING",
     .doc = "Hides a text: letters become X or x, digits become n, and all other characters become "
            "hyphens.",
     .example = "MASK('My 2 Cats') = 'Xx-n-Xxxx'",
     .kernel = row_kernel<mask>},
    {.name = "mask",
     .signature = "(STRING input, STRING upper_mask, STRING lower_mask, STRING digit_mask, STRING "
                  "other_mask) -> STRING",
     .doc = "Hides a text by characters of your choice; NULL leaves a class as it is.",
     .example = "MASK('My 2 Cats', 'A', 'a', NULL, '.') = 'Aa.2.Aaaa'",
     .kernel = row_kernel<mask_with>},
    {.name = "mask_left",
     .signature = kPart,
     .doc = "Hides the first n characters.",
     .example = "MASK_LEFT('Secret', 3) = 'Xxxret'",
     .kernel = row_kernel<mask_part<MaskSide::Left>>},
    {.name = "mask_left",
     .signature = kPartWith,
     .doc = "Hides the first n characters, by characters of your choice.",
     .example = "MASK_LEFT('Secret', 2, '*', '*', '*', '*') = '**cret'",
     .kernel = row_kernel<mask_part_with<MaskSide::Left>>},
    {.name = "mask_right",
     .signature = kPart,
     .doc = "Hides the last n characters.",
     .example = "MASK_RIGHT('Secret1', 3) = 'Secrxxn'",
     .kernel = row_kernel<mask_part<MaskSide::Right>>},
    {.name = "mask_right",
     .signature = kPartWith,
     .doc = "Hides the last n characters, by characters of your choice.",
     .example = "MASK_RIGHT('Secret', 2, '*', '*', '*', '*') = 'Secr**'",
     .kernel = row_kernel<mask_part_with<MaskSide::Right>>},
    {.name = "mask_keep_left",
     .signature = kPart,
     .doc = "Hides all characters except the first n.",
     .example = "MASK_KEEP_LEFT('Secret', 2) = 'Sexxxx'",
     .kernel = row_kernel<mask_part<MaskSide::KeepLeft>>},
    {.name = "mask_keep_left",
     .signature = kPartWith,
     .doc = "Hides all but the first n characters, by characters of your choice.",
     .example = "MASK_KEEP_LEFT('Secret', 2, '*', '*', '*', '*') = 'Se****'",
     .kernel = row_kernel<mask_part_with<MaskSide::KeepLeft>>},
    {.name = "mask_keep_right",
     .signature = kPart,
     .doc = "Hides all characters except the last n.",
     .example = "MASK_KEEP_RIGHT('Secret', 2) = 'Xxxxet'",
     .kernel = row_kernel<mask_part<MaskSide::KeepRight>>},
    {.name = "mask_keep_right",
     .signature = kPartWith,
     .doc = "Hides all but the last n characters, by characters of your choice.",
     .example = "MASK_KEEP_RIGHT('Secret', 2, '*', '*', '*', '*') = '****et'",
     .kernel = row_kernel<mask_part_with<MaskSide::KeepRight>>},
};

}  // namespace

const FunctionFamily kMaskFunctions{"STRING", kMaskDefs};

}  // namespace engine
