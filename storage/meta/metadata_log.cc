#include "storage/meta/metadata_log.h"

#include "base/sized.h"

namespace storage {

namespace {

// command = version u8, count varint, count * (type, bytes), both behind their varint lengths
constexpr uint8_t kCommandVersion = 1;

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
    part.type = read_sized(in);
    part.bytes = read_sized(in);
    command.parts.push_back(std::move(part));
  }
  if (!in.ok() || !in.at_end())
    return Error{ErrorCode::StorageFailure, "the metadata log has a damaged command"};
  return command;
}

}  // namespace storage
