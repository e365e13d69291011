// Reads and writes ids in byte strings, as sixteen bytes each.
#pragma once
#include <cstring>
#include <string>

#include "base/bytes.h"
#include "base/uuid.h"

inline void append_uuid(std::string& out, const Uuid& id) {
  out.append(id.bytes.begin(), id.bytes.end());
}
inline Uuid read_uuid(ByteReader& in) {
  Uuid id;
  const std::string_view bytes = in.bytes(id.bytes.size());
  if (in.ok()) std::memcpy(id.bytes.data(), bytes.data(), bytes.size());
  return id;
}
