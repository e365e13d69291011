#include "server/metadata/definition_command.h"

#include "base/bytes.h"

namespace server {

namespace {

constexpr uint8_t kDefinitionVersion = 1;

void append_text(std::string& out, std::string_view text) {
  append_varint(out, text.size());
  out += text;
}
void append_uuid(std::string& out, const Uuid& id) {
  out.append(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
}
std::string read_text(ByteReader& in) { return std::string(in.bytes(in.varint())); }
Uuid read_uuid(ByteReader& in) {
  Uuid id;
  const std::string_view bytes = in.bytes(id.bytes.size());
  if (in.ok()) std::memcpy(id.bytes.data(), bytes.data(), bytes.size());
  return id;
}

}  // namespace

std::string encode_definition(const DefinitionCommand& command) {
  std::string out(1, static_cast<char>(kDefinitionVersion));
  append_text(out, command.sql);
  append_varint(out, command.properties.size());
  for (const auto& [name, value] : command.properties) {
    append_text(out, name);
    append_text(out, value);
  }
  append_varint(out, command.exchange_ids.size());
  for (const Uuid& id : command.exchange_ids) append_uuid(out, id);
  append_varint(out, command.starts.size());
  for (const StartPosition& start : command.starts) {
    append_uuid(out, start.topic);
    append_varint(out, static_cast<uint64_t>(start.partition.value()));
    append_varint(out, static_cast<uint64_t>(start.offset.value()));
  }
  return out;
}

Result<DefinitionCommand> decode_definition(std::string_view bytes) {
  ByteReader in(bytes);
  const auto version = in.be<uint8_t>();
  if (in.ok() && version > kDefinitionVersion)
    return Error{ErrorCode::IncompatibleFormat,
                 "the data directory was written by a newer version of millrace"};
  DefinitionCommand command;
  command.sql = read_text(in);
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    std::string name = read_text(in);
    command.properties[std::move(name)] = read_text(in);
  }
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left)
    command.exchange_ids.push_back(read_uuid(in));
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    StartPosition start;
    start.topic = read_uuid(in);
    start.partition = PartitionId(static_cast<int32_t>(in.varint()));
    start.offset = Offset(static_cast<int64_t>(in.varint()));
    command.starts.push_back(start);
  }
  if (!in.ok() || !in.at_end())
    return Error{ErrorCode::StorageFailure, "a definition in the metadata log is damaged"};
  return command;
}

}  // namespace server
