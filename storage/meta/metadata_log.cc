#include "storage/meta/metadata_log.h"

#include "base/bytes.h"
#include "records/compression.h"

namespace storage {

namespace {

// command = version u8, count varint, count * (type, bytes); type and bytes follow their lengths,
// which are varints
constexpr uint8_t kCommandVersion = 1;

// Definitions are similar to each other. Compression makes a snapshot of ten thousand definitions
// smaller by a factor of ten. This shortens the time for which the log's writer is busy with the
// snapshot.
constexpr records::Codec kSnapshotCodec = records::Codec::Zstd;
constexpr size_t kMaxSnapshotSize = size_t{4} << 30;

void append_sized(std::string& out, std::string_view bytes) {
  append_varint(out, bytes.size());
  out += bytes;
}

}  // namespace

std::string encode(const MetadataCommand& command) {
  std::string bytes;
  bytes += static_cast<char>(kCommandVersion);
  append_varint(bytes, command.parts.size());
  for (const MetadataPart& part : command.parts) {
    append_sized(bytes, part.type);
    append_sized(bytes, part.bytes);
  }
  return bytes;
}

Result<MetadataCommand> decode_metadata_command(std::string_view bytes) {
  ByteReader in(bytes);
  if (const auto version = in.be<uint8_t>(); in.ok() && version > kCommandVersion)
    return Error{ErrorCode::IncompatibleFormat, "the metadata log was written by a newer version"};
  MetadataCommand command;
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    MetadataPart part;
    part.type = in.bytes(in.varint());
    part.bytes = in.bytes(in.varint());
    command.parts.push_back(std::move(part));
  }
  if (!in.ok() || !in.at_end())
    return Error{ErrorCode::StorageFailure, "the metadata log has a damaged command"};
  return command;
}

Result<std::string> encode_metadata_snapshot(const MetadataSnapshot& snapshot) {
  std::string bytes, packed;
  append_be(bytes, snapshot.revision.value());
  TRY(records::compress(kSnapshotCodec, encode(snapshot.state), packed));
  return bytes + packed;
}

Result<MetadataSnapshot> decode_metadata_snapshot(std::string_view bytes) {
  ByteReader in(bytes);
  const Revision revision{in.be<int64_t>()};
  std::string state;
  if (!in.ok() || !records::decompress(kSnapshotCodec, in.rest(), kMaxSnapshotSize, state))
    return Error{ErrorCode::StorageFailure, "the metadata snapshot is damaged"};
  return MetadataSnapshot{revision, TRY(decode_metadata_command(state))};
}

}  // namespace storage
