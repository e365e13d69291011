// Code that functions on STRING and on BYTES share. Used only by strings.cc and bytes.cc.
#pragma once
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/functions/adapters.h"

namespace engine {

struct PartRange {
  size_t start, end;
};
// Returns the range of the units that SUBSTRING takes from `size` units. Positions count from 1, 0
// is treated as 1, and negative positions count from the end.
inline PartRange part_range(size_t size, int32_t position, int32_t length) {
  const auto all = static_cast<int64_t>(size);
  const int64_t start = position < 0 ? std::max<int64_t>(all + position, 0)
                                     : std::clamp<int64_t>(int64_t{position} - 1, 0, all);
  const int64_t end = std::clamp<int64_t>(start + length, start, all);
  return {static_cast<size_t>(start), static_cast<size_t>(end)};
}

enum class PadSide : uint8_t { Left, Right };

template <class Text>
auto padded(const Text& text, size_t length, const Text& padding, PadSide side) {
  using Owned = std::basic_string<typename Text::value_type>;
  if (text.size() >= length) return Owned(text.substr(0, length));
  const size_t wanted = length - text.size();
  Owned fill(padding.substr(0, wanted));
  fill.reserve(wanted);
  // `fill` consists of complete copies of the padding until the last step, which may append only a
  // part of one.
  while (fill.size() < wanted) fill.append(fill, 0, std::min(fill.size(), wanted - fill.size()));
  return side == PadSide::Left ? fill + Owned(text) : Owned(text) + fill;
}

inline size_t total_size(Variadic<std::string_view> texts) {
  size_t size = 0;
  for (size_t i = 0; i < texts.size(); ++i) size += texts[i].value_or(std::string_view()).size();
  return size;
}

inline Result<std::string_view> concat(const KernelCall& call, Variadic<std::string_view> texts) {
  const size_t size = total_size(texts);
  if (!call.context.take_bytes(size)) return call.context.too_large(size);
  char* const start = call.out.heap().allocate(size);
  char* to = start;
  for (size_t i = 0; i < texts.size(); ++i)
    to = std::ranges::copy(texts[i].value_or(std::string_view()), to).out;
  return std::string_view(start, size);
}

inline Result<std::string> concat_ws(const KernelCall& call, std::string_view separator,
                                     Variadic<std::string_view> texts) {
  if (texts.size() == 0)
    return Error{ErrorCode::InvalidParameter, "expects at least two input arguments"};
  const size_t most = total_size(texts) + separator.size() * (texts.size() - 1);
  if (!call.context.has_bytes(most)) return call.context.too_large(most);
  std::string out;
  bool any = false;
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto text = texts[i];
    if (!text) continue;
    if (any) out += separator;
    out += *text;
    any = true;
  }
  return out;
}

}  // namespace engine
