// Reads the values of Protobuf's wire types.
#pragma once
#include "base/bytes.h"
#include "engine/formats/protobuf/protobuf_schema.h"

namespace engine {

inline constexpr unsigned kWireVarint = 0, kWire64 = 1, kWireBytes = 2, kWireGroup = 3,
                          kWireGroupEnd = 4, kWire32 = 5;

inline unsigned wire_of(ProtobufKind kind) {
  switch (kind) {
    case ProtobufKind::Double:
    case ProtobufKind::Fixed64:
    case ProtobufKind::Sfixed64:
      return kWire64;
    case ProtobufKind::Float:
    case ProtobufKind::Fixed32:
    case ProtobufKind::Sfixed32:
      return kWire32;
    case ProtobufKind::String:
    case ProtobufKind::Bytes:
    case ProtobufKind::Message:
      return kWireBytes;
    default:
      return kWireVarint;
  }
}

// Reads the bits of a number. Numbers of fixed size are little-endian.
inline uint64_t read_raw(ByteReader& in, unsigned wire) {
  if (wire == kWireVarint) return in.varint();
  return wire == kWire64 ? byte_swapped(in.be<uint64_t>()) : byte_swapped(in.be<uint32_t>());
}

// Skips a value. Returns false for malformed bytes. Groups, which are obsolete, are skipped up to a limited depth.
inline bool skip_protobuf(ByteReader& in, unsigned wire, int depth = 0) {
  constexpr int kMaxGroups = 16;
  switch (wire) {
    case kWireVarint:
      in.varint();
      break;
    case kWire64:
      in.bytes(8);
      break;
    case kWireBytes:
      in.bytes(in.varint());
      break;
    case kWire32:
      in.bytes(4);
      break;
    case kWireGroup:
      if (depth == kMaxGroups) return false;
      for (;;) {
        const uint64_t tag = in.varint();
        if (!in.ok()) return false;
        if ((tag & 7) == kWireGroupEnd) break;
        if (!skip_protobuf(in, static_cast<unsigned>(tag & 7), depth + 1)) return false;
      }
      break;
    default:
      return false;
  }
  return in.ok();
}

}  // namespace engine
