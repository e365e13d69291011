// Reads and writes byte strings that are preceded by their length, as in Millrace's own records on
// disk.
#pragma once
#include <string>
#include <string_view>

#include "base/bytes.h"

inline void append_sized(std::string& out, std::string_view bytes) {
  append_varint(out, bytes.size());
  out += bytes;
}
inline std::string_view read_sized(ByteReader& in) { return in.bytes(in.varint()); }
