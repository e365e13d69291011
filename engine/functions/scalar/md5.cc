#include "engine/functions/scalar/md5.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <string>

namespace engine {

namespace {

constexpr size_t kBlock = 64;
using Words = std::array<uint32_t, 4>;

// The first 32 bits of the fraction of |sin(i + 1)|.
const std::array<uint32_t, 64>& sines() {
  static const std::array<uint32_t, 64> table = [] {
    std::array<uint32_t, 64> made{};
    for (size_t i = 0; i < made.size(); ++i)
      made[i] = static_cast<uint32_t>(
          std::floor(std::ldexp(std::fabs(std::sin(static_cast<double>(i + 1))), 32)));
    return made;
  }();
  return table;
}

constexpr int kRotations[4][4] = {
    {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

uint32_t little_endian(const char* from) {
  uint32_t value = 0;
  for (int i = 3; i >= 0; --i) value = value << 8 | static_cast<unsigned char>(from[i]);
  return value;
}

void add_block(Words& state, const char* block) {
  auto [a, b, c, d] = state;
  for (uint32_t i = 0; i < 64; ++i) {
    uint32_t mixed, word;
    switch (i / 16) {
      case 0:
        mixed = (b & c) | (~b & d);
        word = i;
        break;
      case 1:
        mixed = (d & b) | (~d & c);
        word = (5 * i + 1) % 16;
        break;
      case 2:
        mixed = b ^ c ^ d;
        word = (3 * i + 5) % 16;
        break;
      default:
        mixed = c ^ (b | ~d);
        word = 7 * i % 16;
    }
    const uint32_t sum = a + mixed + sines()[i] + little_endian(block + word * 4);
    a = d;
    d = c;
    c = b;
    b += std::rotl(sum, kRotations[i / 16][i % 4]);
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
}

}  // namespace

std::array<uint8_t, 16> md5(std::string_view bytes) {
  Words state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  const uint64_t bits = uint64_t{bytes.size()} * 8;
  while (bytes.size() >= kBlock) {
    add_block(state, bytes.data());
    bytes.remove_prefix(kBlock);
  }
  // The rest, a one bit, zeros, and the length in the last eight bytes.
  std::string rest(bytes);
  rest += static_cast<char>(0x80);
  rest.append((kBlock * 2 - 8 - rest.size()) % kBlock, '\0');
  for (int i = 0; i < 8; ++i) rest += static_cast<char>(bits >> (8 * i));
  for (size_t at = 0; at < rest.size(); at += kBlock) add_block(state, rest.data() + at);
  std::array<uint8_t, 16> digest;
  for (size_t i = 0; i < digest.size(); ++i)
    digest[i] = static_cast<uint8_t>(state[i / 4] >> (8 * (i % 4)));
  return digest;
}

}  // namespace engine
