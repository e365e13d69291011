// The four codecs of record batches, as Kafka's clients frame them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace records {

enum class Codec : uint8_t { None, Gzip, Snappy, Lz4, Zstd };

// The largest size of a batch after decompression. The limit prevents a client from filling the
// memory with a few compressed bytes.
inline constexpr size_t kMaxRecordsSize = 64 << 20;

// Replaces `out` by the compressed `bytes`; Codec::None copies.
Status compress(Codec codec, std::string_view bytes, std::string& out);

// Replaces `out` by the decompressed bytes. Fails with CorruptRecord if they are not in the format
// of the codec, and with RecordTooLarge if the result would exceed `max_size` bytes.
Status decompress(Codec codec, std::string_view bytes, size_t max_size, std::string& out);

}  // namespace records
