#include "server/auth/oauth/base64url.h"

#include <algorithm>

#include "server/auth/digest.h"

namespace server::auth::oauth {

std::optional<std::string> from_base64url(std::string_view text) {
  if (text.find_first_of("+/=") != std::string_view::npos) return std::nullopt;
  std::string standard(text);
  std::ranges::replace(standard, '-', '+');
  std::ranges::replace(standard, '_', '/');
  constexpr size_t kGroup = 4;
  standard.append((kGroup - standard.size() % kGroup) % kGroup, '=');
  auto bytes = from_base64(standard);
  // The unused bits of the last character must be zero; otherwise two different texts would stand
  // for the same bytes.
  if (bytes && to_base64(*bytes) != standard) return std::nullopt;
  return bytes;
}

}  // namespace server::auth::oauth
