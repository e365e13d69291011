#include "storage/meta/etcd_metadata_keys.h"

#include <fmt/format.h>

#include <charconv>

#include "base/sized.h"

namespace storage {

namespace {

// pointer = version u8, revision varint, id 16 bytes, pieces varint, size varint, first command, replaced varint
constexpr uint8_t kPointerVersion = 1;
constexpr size_t kKeyIdSize = 16;
constexpr std::string_view kLog = "log/", kSnapshots = "snapshots/";
constexpr std::string_view kBehindLog = "log0", kBehindSnapshots = "snapshots0";  // '0' follows '/'

std::string in_hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<uint8_t>(byte));
  return text;
}

}  // namespace

std::string encode(const SnapshotPointer& pointer) {
  std::string bytes(1, static_cast<char>(kPointerVersion));
  append_varint(bytes, static_cast<uint64_t>(pointer.revision.value()));
  bytes += pointer.id;
  append_varint(bytes, pointer.pieces);
  append_varint(bytes, pointer.size_bytes);
  append_sized(bytes, pointer.first_command);
  append_varint(bytes, static_cast<uint64_t>(pointer.replaced.value()));
  return bytes;
}

Result<SnapshotPointer> decode_snapshot_pointer(std::string_view bytes) {
  ByteReader in(bytes);
  if (const auto version = in.be<uint8_t>(); in.ok() && version > kPointerVersion)
    return Error{ErrorCode::IncompatibleFormat,
                 "the snapshot of the cluster's metadata was written by a newer version"};
  SnapshotPointer pointer;
  pointer.revision = Revision{static_cast<int64_t>(in.varint())};
  pointer.id = in.bytes(kKeyIdSize);
  pointer.pieces = static_cast<uint32_t>(in.varint());
  pointer.size_bytes = in.varint();
  pointer.first_command = read_sized(in);
  pointer.replaced = EtcdRevision{static_cast<int64_t>(in.varint())};
  if (!in.ok() || !in.at_end())
    return Error{ErrorCode::DataCorrupted,
                 "the location of the snapshot of the cluster's metadata cannot be read"};
  return pointer;
}

// Returns the key of a command. The revision has twenty digits, so that the keys are in the order
// of the revisions.
std::string EtcdMetadataKeys::command(Revision revision) const {
  return fmt::format("{}{}{:020}", prefix, kLog, revision.value());
}

std::optional<Revision> EtcdMetadataKeys::revision_of(std::string_view key) const {
  if (!key.starts_with(prefix) || !key.substr(prefix.size()).starts_with(kLog)) return {};
  key.remove_prefix(prefix.size() + kLog.size());
  int64_t number = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), number);
  if (error != std::errc() || end != key.data() + key.size()) return {};
  return Revision{number};
}

EtcdRange EtcdMetadataKeys::commands(Revision first, Revision end) const {
  return {command(first), command(end)};
}
EtcdRange EtcdMetadataKeys::commands_and_pointer(Revision first) const {
  return {command(first), fmt::format("{}{}", prefix, kBehindLog)};
}

std::string EtcdMetadataKeys::folder(const SnapshotPointer& of) const {
  return fmt::format("{}{}{:020}-{}", prefix, kSnapshots, of.revision.value(), in_hex(of.id));
}
std::string EtcdMetadataKeys::piece(const SnapshotPointer& of, uint32_t number) const {
  return fmt::format("{}/{:08}", folder(of), number);
}
EtcdRange EtcdMetadataKeys::pieces_before(const SnapshotPointer& of) const {
  return {fmt::format("{}{}", prefix, kSnapshots), folder(of)};
}
EtcdRange EtcdMetadataKeys::pieces_behind(const SnapshotPointer& of) const {
  return {folder(of) + "0", fmt::format("{}{}", prefix, kBehindSnapshots)};
}
EtcdRange EtcdMetadataKeys::pieces_with(std::string_view piece) {
  const std::string_view its = piece.substr(0, piece.rfind('/'));
  return {fmt::format("{}/", its), fmt::format("{}0", its)};
}

}  // namespace storage
