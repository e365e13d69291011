#include "base/uuid.h"

#include <sys/random.h>

#include <cassert>

Uuid Uuid::random() {
  Uuid id;
  [[maybe_unused]] const ssize_t got = getrandom(id.bytes.data(), id.bytes.size(), 0);
  assert(got == static_cast<ssize_t>(id.bytes.size()));  // up to 256 bytes are never cut short
  id.bytes[6] = static_cast<uint8_t>((id.bytes[6] & 0x0f) | 0x40);
  id.bytes[8] = static_cast<uint8_t>((id.bytes[8] & 0x3f) | 0x80);
  return id;
}

std::string Uuid::to_string() const {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kHex[bytes[i] >> 4];
    text += kHex[bytes[i] & 15];
  }
  return text;
}
